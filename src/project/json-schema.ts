import { z } from 'zod';
import { Connectors } from '../connectors/registry.ts';
import { entitySchema } from '../model/entity.ts';
import { idSchema, syncSchema } from '../model/sync.ts';

type JsonSchema = Record<string, unknown>;

/** A connection whose settings only its own connector knows. */
const outsideConnector: JsonSchema = {
  title: 'A connector of your own',
  type: 'object',
  properties: {
    type: {
      type: 'string',
      pattern: '^(\\.{1,2}/|npm:)',
      description:
        'The module of a connector: ./FILE.ts, relative to the project file, or npm:PACKAGE.',
    },
  },
  required: ['type'],
};

/** The JSON Schema of project files (draft 2020-12), for editors: completion, documentation, first checks. */
export function projectJsonSchema(): JsonSchema {
  const defs: JsonSchema = {};
  const id = convert(idSchema, 'id', defs);
  const connections = new Connectors()
    .all()
    .map(({ type, title, settings }) =>
      withReferences(withType(convert(settings, type, defs), type, title)),
    );
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'Sluice project',
    type: 'object',
    properties: {
      version: { const: 1, description: 'The version of the file format.' },
      connections: {
        type: 'object',
        description: 'Credentials and settings of each system, by id.',
        propertyNames: id,
        additionalProperties: { anyOf: [...connections, outsideConnector] },
      },
      syncs: {
        type: 'object',
        description: 'Each sync moves one source stream to one destination stream.',
        propertyNames: id,
        additionalProperties: convert(syncSchema, 'sync', defs),
      },
      entities: {
        type: 'object',
        description: 'Each entity unifies several sources into one record per thing.',
        propertyNames: id,
        additionalProperties: convert(entitySchema, 'entity', defs),
      },
    },
    required: ['version'],
    additionalProperties: false,
    $defs: defs,
  };
}

/** Converts one schema. Its definitions go to `defs`, under names that begin with `name`. */
function convert(schema: z.ZodType, name: string, defs: JsonSchema): JsonSchema {
  const converted = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' });
  const text = JSON.stringify(converted).replaceAll('"#/$defs/', `"#/$defs/${name}.`);
  const { $schema: _, $defs = {}, ...rest } = JSON.parse(text) as JsonSchema;
  for (const [inner, def] of Object.entries($defs as JsonSchema)) defs[`${name}.${inner}`] = def;
  return rest;
}

/** Adds the connector's `type` to every branch of its settings. */
function withType(schema: JsonSchema, type: string, title: string): JsonSchema {
  for (const union of ['anyOf', 'oneOf']) {
    const branches = schema[union];
    if (Array.isArray(branches)) {
      const typed = branches.map((branch: JsonSchema) => withType(branch, type, title));
      return { ...schema, [union]: typed };
    }
  }
  const properties = {
    type: { const: type, description: title },
    ...(schema['properties'] as JsonSchema | undefined),
  };
  const required = ['type', ...((schema['required'] as string[] | undefined) ?? [])];
  return { ...schema, type: 'object', title, properties, required };
}

/** Allows a `${NAME}` reference for every setting that is not free text. */
function withReferences(schema: JsonSchema): JsonSchema {
  if (isNarrow(schema)) {
    const { description, default: fallback, ...plain } = schema;
    return {
      ...(description === undefined ? {} : { description }),
      ...(fallback === undefined ? {} : { default: fallback }),
      anyOf: [plain, { type: 'string', pattern: '\\$\\{' }],
    };
  }
  const entries = Object.entries(schema).map(([name, value]) => [
    name,
    name === 'propertyNames' ? value : descend(value),
  ]);
  return Object.fromEntries(entries) as JsonSchema;
}

function isNarrow({ type, format, pattern, enum: choices }: JsonSchema): boolean {
  if (type === 'number' || type === 'integer' || type === 'boolean') return true;
  return type === 'string' && [format, pattern, choices].some((limit) => limit !== undefined);
}

function descend(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(descend);
  return typeof value === 'object' && value !== null ? withReferences(value as JsonSchema) : value;
}
