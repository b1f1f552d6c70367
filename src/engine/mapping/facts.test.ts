import { describe, expect, it } from 'vitest';
import type { Field } from '../../model/field.ts';
import { permissionsOf, type Mode } from '../../model/mode.ts';
import type { MappedFieldSource } from '../../model/sync.ts';
import { checkFacts } from './facts.ts';
import { recordMapper } from './map-record.ts';
import { compileMapping, mappingInto } from './mapping.ts';

const account: Field[] = [
  { name: 'Id', type: 'text', creatable: false, updatable: false },
  { name: 'Name', type: 'text', required: true },
  { name: 'Rating', type: 'text', label: 'Account Rating', values: ['Hot', 'Warm', 'Cold'] },
  { name: 'Tags', type: 'array', values: ['a', 'b'] },
  { name: 'Source', type: 'text', updatable: false },
];
const source: Field[] = ['id', 'name', 'rating', 'tags'].map((name) => ({ name, type: 'unknown' }));

function mappingOf(fields: Record<string, MappedFieldSource>) {
  const compiled = compileMapping({ fields, sourceFields: source, key: ['id'] });
  return mappingInto(compiled, account);
}

function check(fields: Record<string, MappedFieldSource>, mode: Mode): () => void {
  return () => checkFacts(mappingOf(fields), account, ['Ext'], permissionsOf(mode), 'sf');
}

describe('facts of fields are checked before a run starts', () => {
  it('accepts what fits', () => {
    expect(check({ Name: 'name', Rating: { value: 'Hot' } }, 'mirror')).not.toThrow();
  });

  it.each([
    [
      { Name: 'name', Rating: { value: 'Boiling' } },
      'fields.Rating: Rating (Account Rating) takes Hot, Warm, Cold',
    ],
    [{ Name: 'name', Id: 'id' }, 'fields.Id: Id cannot be written'],
    [{ Rating: 'rating' }, 'a record cannot be created without Name: map it in fields'],
  ])('refuses %j', (fields, message) => {
    expect(check(fields, 'upsert')).toThrow(message);
  });

  it('asks for what a create needs only where the mode creates', () => {
    expect(check({ Rating: 'rating' }, 'update')).not.toThrow();
    expect(check({ Source: 'name' }, 'update')).toThrow('cannot be changed once a record is there');
    expect(check({ Name: 'name', Source: 'name' }, 'create')).not.toThrow();
  });
});

it('a value that is not among those of its field is the record error of its record', () => {
  const mapping = mappingOf({ Name: 'name', Rating: 'rating', Tags: 'tags' });
  const names = mapping.needed.map((name): Field => ({ name, type: 'unknown' }));
  const map = recordMapper(mapping, names, 'json');
  const row = (rating: string | null, tags: string[]) =>
    mapping.needed.map((name) => ({ id: 1, name: 'n', rating, tags })[name] ?? null);
  expect(map(row('Warm', ['b', 'a']))).toMatchObject({ values: { Rating: 'Warm' } });
  expect(map(row(null, []))).toMatchObject({ values: { Rating: null, Tags: [] } });
  expect(map(row('hot', []))).toMatchObject({
    fault: { code: 'invalid_value', field: 'Rating', message: 'Rating takes Hot, Warm, Cold' },
  });
  expect(map(row('Hot', ['a', 'c']))).toMatchObject({ fault: { field: 'Tags' } });
});
