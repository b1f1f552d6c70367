import type { Existing, KeyedDestination } from '../../src/connectors/contract/records.ts';
import { parentKey, rowReader } from '../../src/engine/mapping/map-record.ts';
import {
  ambiguousParent,
  missingParent,
  type ParentOf,
  type ParentRule,
} from '../../src/engine/mapping/parent.ts';
import { canonicalKey } from '../../src/engine/values/canonical-key.ts';
import { toJson } from '../../src/engine/values/to-json.ts';
import { ConfigError } from '../../src/model/failure.ts';
import type { Json } from '../../src/model/json.ts';
import type { KeyMatch } from '../../src/model/match.ts';
import { own } from '../../src/model/own.ts';
import type { KeyValues, RecordBatch } from '../../src/model/record.ts';
import type { MakeCalls } from '../quota/paced-calls.ts';
import { lookUp } from './keyed/look-up.ts';

/** The number of parents that a session remembers. When it is reached, all are forgotten and looked up again. */
const mostRemembered = 100_000;

/** Opens the stream of a parent at the run's destination. */
export type OpenParent = (rule: ParentRule) => Promise<KeyedDestination>;

/** The value that is written for a parent, or the number of records that have its key when there are several. */
type Found = { readonly value: Json } | { readonly count: number };

/**
 * Looks up the records that mapped fields point to, in batches, and remembers them for the run. A missing one is looked
 * up again for every batch, because it may have been created meanwhile.
 */
export class Parents {
  readonly #open: OpenParent;
  readonly #calls: MakeCalls;
  readonly #streams = new Map<ParentRule, Promise<Stream>>();
  readonly #found = new Map<ParentRule, Map<string, Found>>();

  constructor(open: OpenParent, calls: MakeCalls) {
    this.#open = open;
    this.#calls = calls;
  }

  /** Looks up the parents of a batch. Returns a function that tells the value to write for each. */
  async of(
    rules: readonly ParentRule[],
    { fields, encoding, rows }: RecordBatch,
    signal: AbortSignal,
  ): Promise<ParentOf> {
    if (rules.length === 0) return noParents;
    const read = rowReader(fields, encoding);
    for (const rule of rules) {
      const keys = rows.flatMap((row) => {
        const found = parentKey(rule, (name) => read(row, name));
        return 'key' in found && found.key !== null ? [found.key] : [];
      });
      await this.#load(rule, keys, signal);
    }
    return (rule, key, to) => this.#valueOf(rule, key, to);
  }

  async #load(rule: ParentRule, keys: readonly KeyValues[], signal: AbortSignal): Promise<void> {
    const known = this.#foundOf(rule);
    const wanted = new Map<string, KeyValues>();
    for (const key of keys) {
      const text = keyText(key);
      if (text !== null && !known.has(text)) wanted.set(text, key);
    }
    if (wanted.size === 0) return;
    if (known.size + wanted.size > mostRemembered) known.clear();
    const { destination, valueOf, match } = await this.#streamOf(rule);
    const asked = [...wanted].map(([, key]) => ({ key }));
    const found = await lookUp(destination, asked, this.#calls({ signal }));
    const byKey = new Map<string, Existing[]>();
    for (const one of found) {
      const text = canonicalKey(one.key, match) ?? '';
      byKey.set(text, [...(byKey.get(text) ?? []), one]);
    }
    for (const [text, key] of wanted) {
      const held = byKey.get(canonicalKey(key, match) ?? '') ?? [];
      const [only] = held;
      if (held.length > 1) known.set(text, { count: held.length });
      else if (only !== undefined) known.set(text, { value: valueOf(only) });
    }
  }

  #valueOf(rule: ParentRule, key: KeyValues, to: string): ReturnType<ParentOf> {
    const found = this.#foundOf(rule).get(keyText(key) ?? '');
    if (found === undefined) return { fault: missingParent(rule, to) };
    return 'value' in found ? found : { fault: ambiguousParent(rule, to, found.count) };
  }

  #foundOf(rule: ParentRule): Map<string, Found> {
    const known = this.#found.get(rule) ?? new Map<string, Found>();
    this.#found.set(rule, known);
    return known;
  }

  #streamOf(rule: ParentRule): Promise<Stream> {
    const known = this.#streams.get(rule) ?? this.#open(rule).then((open) => streamOf(rule, open));
    this.#streams.set(rule, known);
    known.catch(() => this.#streams.delete(rule));
    return known;
  }
}

function noParents(): never {
  throw new Error('the mapping points to no other records');
}

interface Stream {
  readonly destination: KeyedDestination;
  readonly match: KeyMatch;
  readonly valueOf: (parent: Existing) => Json;
}

/** @throws ConfigError `no_lookup` when the stream's records cannot be looked up by key */
function streamOf({ stream, field, key }: ParentRule, destination: KeyedDestination): Stream {
  if (destination.lookup === undefined)
    throw new ConfigError('no_lookup', `records of ${stream} cannot be looked up`);
  const named = (name: string) => destination.fields?.find((one) => one.name === name);
  const match = { ...exactly, fields: key.map(({ to }) => named(to)) };
  const encoding = destination.encoding ?? 'json';
  return {
    destination,
    match,
    valueOf({ id, values }) {
      if (field === null) {
        if (id !== null) return id;
        const message = `records of ${stream} have no id of their own: name a field of them`;
        throw new ConfigError('no_id', message);
      }
      const value = own(values, field) ?? null;
      const known = named(field);
      return known === undefined ? value : (toJson(value, known, encoding) ?? null);
    },
  };
}

const exactly: KeyMatch = { caseInsensitive: false, trim: false };

function keyText(key: KeyValues): string | null {
  return canonicalKey(key, { ...exactly, emptyIsKey: true });
}
