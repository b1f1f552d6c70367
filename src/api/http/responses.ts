import { z } from '@hono/zod-openapi';

/** Schema of an RFC 9457 problem, the body of every answer that is not a success. */
export const problemSchema = z
  .looseObject({
    type: z.string(),
    title: z.string(),
    status: z.number().int(),
    detail: z.string(),
    instance: z.string().describe('The path of the request.'),
    code: z.string().describe('A stable name of the problem.'),
    run: z.string().optional().describe('409: the open run that is in the way.'),
    connection: z.string().optional().describe('The connection that is at fault.'),
    errors: z
      .array(z.object({ path: z.string(), message: z.string() }))
      .optional()
      .describe('422: what does not fit, and where.'),
  })
  .openapi('Problem');

const meanings = {
  404: 'There is no such thing.',
  409: 'Does not go with the present state.',
  422: 'The request does not fit.',
  503: 'A system that is needed does not answer; try again later.',
} as const;

type ProblemStatus = keyof typeof meanings;

/** Describes the problems that a call may answer with, beside those that all calls share. */
export function problems<S extends ProblemStatus>(
  ...statuses: readonly S[]
): Record<S, ReturnType<typeof problem>> {
  const entries = statuses.map((status) => [status, problem(meanings[status])] as const);
  return Object.fromEntries(entries) as Record<S, ReturnType<typeof problem>>;
}

function problem(description: string) {
  return { description, content: { 'application/problem+json': { schema: problemSchema } } };
}

/** Describes a JSON answer. */
export function json<T extends z.ZodType>(description: string, schema: T) {
  return { description, content: { 'application/json': { schema } } };
}

/** Describes a JSON answer with the place of the created thing in `Location`. */
export function jsonWithLocation<T extends z.ZodType>(description: string, schema: T) {
  const headers = z.object({ Location: z.string().describe('Where to find it.') });
  return { ...json(description, schema), headers };
}
