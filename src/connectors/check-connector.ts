import { z } from 'zod';
import { contractVersion, type Connector } from './contract/connector.ts';
import { unusable } from './locate-module.ts';

const text = z.string({ error: wrong('text') }).min(1, 'must not be empty');
const method = z.custom(isFunction, { error: wrong('a function') });
const schema = z.custom(isSchema, { error: wrong('a schema of zod 4') });

/** The static part of the contract. */
const connectorSchema = z.strictObject({
  contractVersion: z.literal(contractVersion),
  type: text,
  title: text,
  settings: schema,
  secrets: z.array(text, { error: wrong('a list of paths') }),
  source: z
    .strictObject(
      {
        options: schema.optional(),
        sortsByWatermark: method.optional(),
        wholeReads: method.optional(),
        open: method,
      },
      { error: wrong('a mapping') },
    )
    .optional(),
  destination: z
    .strictObject(
      {
        options: schema.optional(),
        modes: method,
        removals: method.optional(),
        open: method,
      },
      { error: wrong('a mapping') },
    )
    .optional(),
  quota: method.optional(),
  connect: method,
});

/**
 * The connector that a module exports.
 * @param type names the module in messages
 * @throws ConfigError `unusable_connector` which says, field by field, what does not fit
 */
export function checkConnector(type: string, exported: unknown): Connector {
  if (typeof exported !== 'object' || exported === null || !('contractVersion' in exported))
    throw unusable(`${type}: its default export is not made by defineConnector`);
  const version = exported.contractVersion;
  if (version !== contractVersion)
    throw unusable(
      `${type} is made for version ${String(version)} of the connector contract; this Sluice has version ${contractVersion}`,
    );
  const parsed = connectorSchema.safeParse(exported);
  const problems = parsed.success ? [] : parsed.error.issues.flatMap(problemsOf);
  const { source, destination } = exported as Partial<Connector>;
  if (source === undefined && destination === undefined)
    problems.push('source or destination: one of them is needed');
  if (problems.length > 0) throw unusable(`${type} is no connector: ${problems.join('; ')}`);
  return exported as Connector;
}

function problemsOf(issue: z.core.$ZodIssue): string[] {
  if (issue.code !== 'unrecognized_keys') return [`${issue.path.join('.')}: ${issue.message}`];
  return issue.keys.map((key) => `${[...issue.path, key].join('.')}: is not part of the contract`);
}

function wrong(kind: string) {
  return ({ code, input }: z.core.$ZodRawIssue): string | undefined => {
    if (code === 'unrecognized_keys') return undefined;
    return input === undefined ? 'is missing' : `must be ${kind}`;
  };
}

function isFunction(value: unknown): boolean {
  return typeof value === 'function';
}

function isSchema(value: unknown): boolean {
  return typeof value === 'object' && value !== null && '_zod' in value && 'safeParse' in value;
}
