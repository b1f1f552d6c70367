import { expect, it } from 'vitest';
import { csvOf, parseCsv } from './csv.ts';

const call = { method: 'GET', label: '/jobs/ingest/{id}/failedResults' };

it('writes quotes only where a cell needs them', () => {
  const names = ['Id', 'Name'];
  const rows = [
    ['1', 'Ham, "smoked"'],
    ['2', ''],
    ['3', ' #N/A'],
  ];
  expect(csvOf({ names, rows })).toBe('Id,Name\n1,"Ham, ""smoked"""\n2,\n3," #N/A"\n');
});

it('reads what it has written, whatever the cells hold', () => {
  const names = ['sf__Id', 'a,b', '__proto__'];
  const rows = [
    ['001', 'two\nlines', '"'],
    ['002', 'x\r\ny', ' '],
    ['003', '', 'ü 👩‍🚀'],
  ];
  expect(parseCsv(csvOf({ names, rows }), call, 'sf')).toEqual({ names, rows });
  const one = { names: ['a'], rows: [['1'], [''], ['2']] };
  expect(parseCsv(csvOf(one), call, 'sf')).toEqual(one);
});

it('reads what vendors write: a byte order mark, CRLF, every cell in quotes, no rows', () => {
  const text = '\uFEFF"sf__Id","sf__Error"\r\n"","REQUIRED_FIELD_MISSING:x, y"\r\n';
  expect(parseCsv(text, call, 'sf')).toEqual({
    names: ['sf__Id', 'sf__Error'],
    rows: [['', 'REQUIRED_FIELD_MISSING:x, y']],
  });
  expect(parseCsv('a,b\n', call, 'sf')).toEqual({ names: ['a', 'b'], rows: [] });
  expect(parseCsv('', call, 'sf')).toEqual({ names: [], rows: [] });
});

it.each(['a,b\n1,2,secret\n', 'a,b\n1\n', 'a\n"secret'])(
  'refuses %j without a word of it',
  (text) => {
    const parsing = () => parseCsv(text, call, 'sf');
    expect(parsing).toThrow(/failedResults: the answer is not CSV/);
    expect(parsing).not.toThrow(/secret/);
  },
);
