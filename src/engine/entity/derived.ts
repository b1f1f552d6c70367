import type { EntityFieldType, EntitySpec } from '../../model/entity.ts';
import type { Json, JsonObject } from '../../model/json.ts';
import type { Expression } from '../expression/expression.ts';
import { MappingError } from '../mapping/mapping.ts';
import { coerce } from './coerce.ts';
import { evaluateOrNull } from './evaluate-or-null.ts';

/** A field that is computed from other fields of the entity. */
export interface DerivedField {
  readonly name: string;
  readonly type: EntityFieldType;
  readonly expr: Expression;
}

/**
 * Compiles the derived fields of an entity and sorts them, each after the fields that it uses.
 * @param compile compiles an expression over the entity's fields; `path` is its place in the entity
 * @throws MappingError `derived_cycle`
 */
export function compileDerived(
  fields: EntitySpec['fields'],
  compile: (source: string, path: string) => Expression,
): DerivedField[] {
  const all = new Map<string, DerivedField>();
  for (const [name, spec] of Object.entries(fields))
    if (typeof spec !== 'string')
      all.set(name, { name, type: spec.type, expr: compile(spec.expr, `fields.${name}`) });
  const ordered = new Set<DerivedField>();
  const visit = (field: DerivedField, above: readonly string[]): void => {
    if (above.includes(field.name))
      throw cycle([...above.slice(above.indexOf(field.name)), field.name]);
    if (ordered.has(field)) return;
    for (const name of field.expr.fieldsUsed) {
      const used = all.get(name);
      if (used !== undefined) visit(used, [...above, field.name]);
    }
    ordered.add(field);
  };
  for (const field of all.values()) visit(field, []);
  return [...ordered];
}

function cycle(names: readonly string[]): MappingError {
  const [first = ''] = names;
  const message = `the field is derived from itself: ${names.join(' uses ')}`;
  return new MappingError('derived_cycle', message, `fields.${first}`);
}

/** Computes a derived field; null when its expression fails or gives a value that does not fit the field's type. */
export function derive(field: DerivedField, values: JsonObject): Json {
  return coerce(evaluateOrNull(field.expr, values), field.type) ?? null;
}

/** Returns the values with their derived fields; `values` itself when the entity has none. */
export function withDerived(derived: readonly DerivedField[], values: JsonObject): JsonObject {
  if (derived.length === 0) return values;
  const all = { ...values };
  for (const field of derived) all[field.name] = derive(field, all);
  return all;
}
