import { z } from 'zod';

interface JsonSchema {
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly additionalProperties?: boolean | JsonSchema;
  readonly items?: JsonSchema;
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
  readonly allOf?: readonly JsonSchema[];
}

/** Returns the keys that a mapping at `path` below `schema` may have, in any branch of a union. */
export function knownKeys(schema: z.ZodType, path: readonly PropertyKey[]): string[] {
  const options = { io: 'input', unrepresentable: 'any', reused: 'inline' } as const;
  let places = branches(z.toJSONSchema(schema, options) as JsonSchema);
  for (const name of path) {
    places = places.flatMap((place) => below(place, name)).flatMap(branches);
  }
  return [...new Set(places.flatMap((place) => Object.keys(place.properties ?? {})))];
}

function below(place: JsonSchema, name: PropertyKey): JsonSchema[] {
  if (typeof name === 'number') return place.items ? [place.items] : [];
  const named = place.properties?.[String(name)];
  if (named) return [named];
  return typeof place.additionalProperties === 'object' ? [place.additionalProperties] : [];
}

function branches(place: JsonSchema): JsonSchema[] {
  const inner = [...(place.anyOf ?? []), ...(place.oneOf ?? []), ...(place.allOf ?? [])];
  return inner.length === 0 ? [place] : [place, ...inner.flatMap(branches)];
}
