import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { AuthoritySpec } from '../../model/entity.ts';
import type { Provenance } from '../../model/golden-record.ts';
import { accepts, compileAuthority, originOf } from './authority.ts';

const by = (source: string, at: string | null, cycle = 2): Provenance => ({ source, at, cycle });
const ranked: AuthoritySpec = { ranked: ['crm', 'shop'] };

const standing: AuthoritySpec = { ranked: ['crm', 'shop'], standing: true };

const cases: readonly [
  string,
  AuthoritySpec | undefined,
  Provenance | undefined,
  Provenance,
  boolean,
][] = [
  ['latest: the newer wins', 'latest', by('crm', '5'), by('shop', '6'), true],
  ['latest: an older one never', 'latest', by('crm', '5'), by('shop', '4'), false],
  ['latest: of equal times the later processed', 'latest', by('crm', '5'), by('shop', '5'), true],
  ['latest: unknown times likewise', 'latest', by('crm', '5'), by('shop', null), true],
  ['latest: nobody set it', 'latest', undefined, by('shop', null), true],
  ['ranked: in one cycle the better wins', ranked, by('shop', '9'), by('crm', '1'), true],
  ['ranked: in one cycle the worse loses', ranked, by('crm', '1'), by('shop', '9'), false],
  ['ranked: a source not listed is last', ranked, by('web', '9'), by('shop', '1'), true],
  ['ranked: two not listed go by time', ranked, by('web', '9'), by('app', '1'), false],
  ['ranked: across cycles the newer wins', ranked, by('crm', '1', 1), by('shop', '9'), true],
  ['ranked: across cycles an older one loses', ranked, by('shop', '9', 1), by('crm', '1'), false],
  [
    'ranked: across cycles equal times go by rank',
    ranked,
    by('crm', '9', 1),
    by('shop', '9'),
    false,
  ],
  ['ranked: and the other way round', ranked, by('shop', '9', 1), by('crm', '9'), true],
  [
    'ranked: across cycles an unknown time is later',
    ranked,
    by('crm', '9', 1),
    by('shop', null),
    true,
  ],
  ['ranked: its own older change', ranked, by('crm', '9'), by('crm', '8'), false],
  ['standing: the worse never', standing, by('crm', '1', 1), by('shop', '9'), false],
  ['standing: the better always', standing, by('shop', '9', 1), by('crm', '1'), true],
  ['standing: two not listed go by time', standing, by('web', '9', 1), by('app', '1'), false],
  ['manual: no source', { owner: 'crm' }, by('manual', '1', 1), by('crm', '9'), false],
  ['owner: sets', { owner: 'crm' }, by('shop', '9'), by('crm', '1'), true],
  ['owner: nobody else', { owner: 'crm' }, undefined, by('shop', '9'), false],
  ['owner: but not with an older change', { owner: 'crm' }, by('crm', '9'), by('crm', '1'), false],
  ['only: sets', undefined, by('gone', '9'), by('crm', '1'), true],
  ['only: but not with an older change', undefined, by('crm', '9'), by('crm', '1'), false],
];

test.each(cases)('%s', (_name, spec, present, next, accepted) => {
  expect(accepts(compileAuthority(spec), present, next)).toBe(accepted);
});

test('whatever order sources come in, the same value stays', () => {
  const source = fc.constantFrom('crm', 'shop', 'web');
  const origin = fc.record({ source, at: fc.integer({ min: 1, max: 9 }) });
  const spec = fc.constantFrom<AuthoritySpec>(
    'latest',
    { ranked: ['crm', 'shop', 'web'] },
    { ranked: ['crm', 'shop', 'web'], standing: true },
  );
  const isSame = fc.property(
    spec,
    fc.option(origin, { nil: undefined }),
    // Of two changes at the same time `latest` keeps the one that is processed later.
    fc
      .uniqueArray(origin, { selector: ({ at }) => at })
      .map((all) =>
        all.filter((one, at) => all.findIndex(({ source: name }) => name === one.source) === at),
      ),
    (how, before, changes) => {
      const authority = compileAuthority(how);
      const start = before && by(before.source, String(before.at), 1);
      const last = (order: typeof changes): Provenance | undefined =>
        order.reduce((present, change) => {
          const next = by(change.source, String(change.at));
          return accepts(authority, present, next) ? originOf(authority, present, next) : present;
        }, start);
      expect(last(changes.toReversed())).toEqual(last(changes));
    },
  );
  fc.assert(isSame);
});
