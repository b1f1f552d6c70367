import type { DecidedOperation } from '../../../src/engine/match/match.ts';
import { ExactNumber, type Json } from '../../../src/model/json.ts';
import { previewSize, type PreviewChange } from '../../../src/model/preview.ts';
import { own } from '../../../src/model/own.ts';
import type { KeyValues } from '../../../src/model/record.ts';

/** The number of characters at which a text is cut. */
const longest = 200;

/** Returns a sample of the changes that the operations would make, updates first. */
export function sampleOf(operations: readonly DecidedOperation[]): PreviewChange[] {
  const of = (name: string): readonly DecidedOperation[] =>
    operations.filter(({ operation }) => operation === name).slice(0, previewSize);
  return [...of('update'), ...of('create')].slice(0, previewSize).map(changeOf);
}

/** Returns a key as a preview shows it. */
export function shownKey(key: KeyValues): KeyValues {
  return key.map(shown);
}

function changeOf({ operation, key, values, before }: DecidedOperation): PreviewChange {
  const creating = operation !== 'update';
  const held = (field: string): { before?: Json } => {
    if (creating) return { before: null };
    return before === undefined ? {} : { before: shown(own(before, field) ?? null) };
  };
  return {
    operation: creating ? 'create' : 'update',
    key: shownKey(key),
    fields: Object.entries(values).map(([field, after]) => ({
      field,
      ...held(field),
      after: shown(after),
    })),
  };
}

/**
 * Returns a value as a preview shows it. A number that JSON cannot print exactly becomes a text; a long value is cut.
 */
function shown(value: Json): Json {
  if (value instanceof ExactNumber) return value.digits;
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  if (text.length > longest) return `${text.slice(0, longest)}…`;
  return value;
}
