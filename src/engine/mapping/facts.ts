import { ConfigError } from '../../model/failure.ts';
import type { Field } from '../../model/field.ts';
import type { Json } from '../../model/json.ts';
import type { Permissions } from '../../model/mode.ts';
import type { Fault } from './fault.ts';
import type { Mapping } from './mapping.ts';

/**
 * Checks a mapping against what the destination says about its fields, before any record moves: a constant must be one
 * of a field's enumerated values, at least one allowed operation must be able to write each field, and a mapping that
 * creates records must set every required field.
 * @param key the destination's key fields
 * @throws ConfigError `invalid_value`, `not_writable` or `missing_field`
 */
export function checkFacts(
  { entries, rest }: Pick<Mapping, 'entries' | 'rest'>,
  fields: readonly Field[],
  key: readonly string[],
  { create, update }: Permissions,
  connection: string,
): void {
  const known = new Map(fields.map((field) => [field.name, field]));
  for (const entry of entries) {
    const field = known.get(entry.to);
    if (field === undefined) continue;
    const { creatable = true, updatable = true, values } = field;
    if (!(create && creatable) && !(update && updatable))
      throw new ConfigError('not_writable', `fields.${entry.to}: ${whyNot(field, create)}`, {
        connection,
      });
    const wrong =
      'value' in entry && invalidChoice(values && new Set(values), nameOf(field), entry.value);
    if (wrong)
      throw new ConfigError(wrong.code, `fields.${entry.to}: ${wrong.message}`, { connection });
  }
  if (!create || rest !== null) return;
  const set = new Set([...key, ...entries.map(({ to }) => to)]);
  const missing = fields.filter(({ name, required = false }) => required && !set.has(name));
  if (missing.length === 0) return;
  const names = missing.map(nameOf).join(', ');
  const message = `a record cannot be created without ${names}: map ${missing.length === 1 ? 'it' : 'them'} in fields`;
  throw new ConfigError('missing_field', message, { connection });
}

/** Returns the fault of a value, or of an item of a list, that is not one of the values a field takes; else null. */
export function invalidChoice(
  choices: ReadonlySet<string> | undefined,
  field: string,
  value: Json | undefined,
): Fault | null {
  if (choices === undefined || value === undefined || value === null || value === '') return null;
  const items = Array.isArray(value) ? value : [value];
  if (items.every((item) => choices.has(textOf(item)))) return null;
  return { code: 'invalid_value', message: `${field} takes ${listed([...choices])}`, field };
}

function textOf(value: Json): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** Joins the choices to a text; of more than twelve only the first twelve are named. */
function listed(choices: readonly string[]): string {
  const most = 12;
  const shown = choices.slice(0, most).join(', ');
  return choices.length > most ? `${shown} and ${choices.length - most} more` : shown;
}

function nameOf({ name, label }: Field): string {
  return label === undefined || label === name ? name : `${name} (${label})`;
}

function whyNot(field: Field, create: boolean): string {
  const only = field.creatable === false && field.updatable === false;
  if (only) return `${nameOf(field)} cannot be written`;
  return create
    ? `${nameOf(field)} cannot be set when a record is created`
    : `${nameOf(field)} cannot be changed once a record is there`;
}
