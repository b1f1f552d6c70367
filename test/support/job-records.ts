import type { JsonObject } from '../../src/model/json.ts';

/** One change, as `GET /_ledger` tells it. */
export interface Effect {
  readonly at: string;
  readonly operation: 'create' | 'update' | 'delete';
  readonly object: string;
  readonly id: string;
  readonly fields: JsonObject;
}

/** A field as the system describes it. */
export interface Described {
  readonly name: string;
  readonly type: 'text';
  readonly creatable: boolean;
  readonly updatable: boolean;
  readonly unique?: boolean;
}

interface Stored {
  readonly fields: JsonObject;
  readonly archived: boolean;
}

const objects = ['contacts', 'companies'];
const describedFields: readonly Described[] = [
  { name: 'id', type: 'text', creatable: false, updatable: false, unique: true },
  { name: 'code', type: 'text', creatable: true, updatable: false, unique: true },
  { name: 'name', type: 'text', creatable: true, updatable: true },
  { name: 'note', type: 'text', creatable: true, updatable: true },
];

/** The records of a job system: they have an `id` that it assigns, and a `code` that exists once. */
export class JobRecords {
  readonly ledger: Effect[] = [];
  readonly #poison: string;
  readonly #objects = new Map<string, Map<string, Stored>>();
  #last = 0;

  constructor(poison: string) {
    this.#poison = poison;
    this.clear();
  }

  clear(): void {
    this.ledger.length = 0;
    for (const object of objects) this.#objects.set(object, new Map());
  }

  /** Replaces all records of an object; the ledger says nothing of it. */
  seed(object: string, records: readonly JsonObject[]): void {
    const stored = records.map((fields): [string, Stored] => {
      const id = this.#nextId();
      return [id, { fields: { ...fields, id }, archived: false }];
    });
    this.#objects.set(object, new Map(stored));
  }

  knows(object: string): boolean {
    return this.#objects.has(object);
  }

  describe(): { name: string; fields: readonly Described[] }[] {
    return objects.map((name) => ({ name, fields: describedFields }));
  }

  /** The records that are not archived, in the order of their code. */
  present(object: string): JsonObject[] {
    const all = [...this.#of(object).values()].filter(({ archived }) => !archived);
    return all.map(({ fields }) => fields).toSorted(byCode);
  }

  /** The records with one of these values, archived ones included. */
  find(
    object: string,
    field: string,
    values: readonly string[],
  ): { fields: JsonObject; archived: boolean }[] {
    const wanted = new Set(values);
    return [...this.#of(object).values()].filter(({ fields }) => wanted.has(textOf(fields[field])));
  }

  highest(object: string, field: string): { value: string | null } {
    const held = this.present(object).flatMap((fields) => fields[field] ?? []);
    return { value: held.map(textOf).toSorted().at(-1) ?? null };
  }

  query(
    object: string,
    wanted: readonly string[],
    range?: { field: string; from?: string; to?: string },
  ): JsonObject[] {
    const isWithin = (fields: JsonObject) => {
      const value = range && fields[range.field];
      if (value === undefined || value === null) return true;
      const { from = '', to = textOf(value) } = range ?? {};
      return textOf(value) >= from && textOf(value) <= to;
    };
    const held = (fields: JsonObject) => wanted.filter((name) => Object.hasOwn(fields, name));
    return this.present(object)
      .filter(isWithin)
      .map((fields) =>
        Object.fromEntries(held(fields).map((name) => [name, fields[name] ?? null])),
      );
  }

  /** Does one row of an ingest job; what became of it, with the record's id where there is one. */
  write(
    object: string,
    operation: 'insert' | 'update' | 'delete' | 'archive',
    row: JsonObject,
  ): JsonObject {
    if (Object.values(row).includes(this.#poison))
      return { success: false, error: 'FIELD_INVALID', message: 'a value is refused' };
    const held = this.#heldAs(object, row);
    if (operation === 'insert') {
      if (held !== undefined)
        return { success: false, error: 'DUPLICATE_VALUE', message: 'the code exists' };
      return this.#keep('create', object, this.#nextId(), row);
    }
    if (held === undefined)
      // Whoever removes what is gone has what was wanted.
      return operation === 'update'
        ? { success: false, error: 'NOT_FOUND', message: 'there is no such record' }
        : { success: true };
    const [id, stored] = held;
    if (operation === 'update')
      return this.#keep('update', object, id, { ...stored.fields, ...row });
    if (operation === 'archive') this.#of(object).set(id, { ...stored, archived: true });
    else this.#of(object).delete(id);
    this.#note('delete', object, id, {});
    return { success: true, id };
  }

  #keep(operation: 'create' | 'update', object: string, id: string, row: JsonObject): JsonObject {
    const fields = { ...row, id };
    this.#of(object).set(id, { fields, archived: false });
    this.#note(operation, object, id, fields);
    return { success: true, id };
  }

  #note(operation: Effect['operation'], object: string, id: string, fields: JsonObject): void {
    this.ledger.push({ at: new Date().toISOString(), operation, object, id, fields });
  }

  /** The record that a row means: by its id, else by its code. */
  #heldAs(object: string, { id, code }: JsonObject): [string, Stored] | undefined {
    if (typeof id === 'string') {
      const stored = this.#of(object).get(id);
      return stored && [id, stored];
    }
    if (code === undefined || code === null) return undefined;
    return [...this.#of(object)].find(([, { fields }]) => fields['code'] === code);
  }

  #of(object: string): Map<string, Stored> {
    const records = this.#objects.get(object);
    if (records === undefined) throw new Error(`there is no object ${object}`);
    return records;
  }

  #nextId(): string {
    this.#last += 1;
    return `r${this.#last}`;
  }
}

function byCode(a: JsonObject, b: JsonObject): number {
  return textOf(a['code']) < textOf(b['code']) ? -1 : 1;
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
