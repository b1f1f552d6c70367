/** A record's fields. */
export type Fields = Record<string, unknown>;

/** One change of the collection. */
export interface Effect {
  readonly operation: 'create' | 'update' | 'remove';
  readonly key: string;
  /** The fields that the call sent. */
  readonly fields: Fields;
}

interface Outcome {
  readonly status: number;
  readonly body: Fields;
}

/** Records by key. The list of all records, from which pages are cut, is made again only after a change. */
class Records extends Map<string, Fields> {
  #list: readonly Fields[] | undefined;

  /** All records that are not archived, in the order of creation. */
  list(): readonly Fields[] {
    return (this.#list ??= [...this.values()].filter(({ archived }) => archived !== true));
  }

  override set(key: string, fields: Fields): this {
    this.#list = undefined;
    return super.set(key, fields);
  }

  override delete(key: string): boolean {
    this.#list = undefined;
    return super.delete(key);
  }

  override clear(): void {
    this.#list = undefined;
    super.clear();
  }
}

/** Records by key, with ids and times that the collection sets, and a log of every change. */
export class Collection {
  readonly key: string;
  readonly poison: Set<string>;
  readonly records = new Records();
  readonly log: Effect[] = [];
  readonly #unique: boolean;
  readonly #keeps: boolean;
  #lastId = 0;

  /**
   * @param key `id`: the collection assigns it, and refuses a record that comes with one
   * @param poison values that no field may hold
   * @param options `unique` false: a create of an existing key makes a second record; `keeps` false: nothing is kept
   */
  constructor(
    key: string,
    poison: Set<string>,
    { unique = true, keeps = true }: { unique?: boolean; keeps?: boolean } = {},
  ) {
    this.key = key;
    this.poison = poison;
    this.#unique = unique;
    this.#keeps = keeps;
  }

  get(key: string): Outcome {
    const record = this.records.get(key);
    return record ? { status: 200, body: record } : missing();
  }

  find(keys: readonly string[]): Fields[] {
    return keys.map((key) => this.records.get(key)).filter((one) => one !== undefined);
  }

  create(fields: Fields): Outcome {
    if (this.key === 'id') {
      if ('id' in fields) return refused('ids are assigned', 'id');
      return this.#save('create', String(this.#lastId + 1), {}, fields);
    }
    const key = fields[this.key];
    if (typeof key !== 'string' || key === '') return refused(`${this.key} is missing`, this.key);
    if (this.records.has(key) && !this.#unique) {
      const again = `${key} again ${this.log.length}`;
      this.records.set(again, { ...fields, id: again });
      this.log.push({ operation: 'create', key, fields });
      return { status: 201, body: { ...fields, id: again } };
    }
    if (this.records.has(key))
      return { status: 409, body: { message: `"${key}" exists`, field: this.key } };
    return this.#save('create', key, {}, fields);
  }

  update(key: string, fields: Fields): Outcome {
    const record = this.records.get(key);
    return record ? this.#save('update', key, record, fields) : missing();
  }

  put(key: string, fields: Fields): Outcome {
    const record = this.records.get(key);
    const all = { ...fields, [this.key]: key };
    return this.#save(record ? 'update' : 'create', key, record ? { id: record['id'] } : {}, all);
  }

  remove(key: string): Outcome {
    if (!this.records.delete(key)) return missing();
    this.log.push({ operation: 'remove', key, fields: {} });
    return { status: 204, body: {} };
  }

  #save(operation: 'create' | 'update', key: string, before: Fields, fields: Fields): Outcome {
    for (const [field, value] of Object.entries(fields))
      if (typeof value === 'string' && this.poison.has(value))
        return refused(`${field} must not be "${value}"`, field);
    const id = before['id'] ?? String((this.#lastId += 1));
    const record = { ...before, ...fields, id, updated_at: new Date().toISOString() };
    const moved = record[this.key as keyof typeof record];
    if (typeof moved === 'string' && moved !== key)
      return refused('the key cannot change', this.key);
    if (this.#keeps) {
      this.records.set(key, record);
      this.log.push({ operation, key, fields });
    }
    return { status: operation === 'create' ? 201 : 200, body: record };
  }
}

function missing(): Outcome {
  return { status: 404, body: { message: 'no such contact' } };
}

function refused(message: string, field: string): Outcome {
  return { status: 400, body: { message, field } };
}
