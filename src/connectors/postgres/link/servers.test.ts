import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createDatabase, type Database } from '../../../../test/support/database.ts';
import type { Session } from './session.ts';
import { testSession } from '../testing/session.ts';
import { tlsWays, type SslMode } from './tls.ts';
import { whyUnfit } from './session-kind.ts';

let database: Database;

beforeAll(async () => {
  database = await createDatabase('servers');
});
afterAll(() => database?.drop());

describe('several servers', () => {
  it('are tried in their order until one answers', async () => {
    await using(
      url({ before: '127.0.0.1:1,', query: 'target_session_attrs=any' }),
      async (session) => {
        expect((await session.query('SELECT 1 AS one')).rows).toEqual([{ one: '1' }]);
      },
    );
  });

  it.each(['read-write', 'primary', 'prefer-standby'])(
    'are asked whether they are %s',
    async (kind) => {
      const query = `target_session_attrs=${kind}`;
      await using(url({ before: '127.0.0.1:1,', query }), works);
    },
  );

  it('that are all of another kind are refused, each with its reason', async () => {
    const { host } = new URL(database.url);
    await using(
      url({ before: `${host},`, query: 'target_session_attrs=standby' }),
      async (session) => {
        await expect(session.query('SELECT 1')).rejects.toMatchObject({
          class: 'config',
          code: 'no_fitting_server',
          message: expect.stringContaining(
            `=standby): ${host}: is a primary that takes writes; ${host}: is`,
          ) as string,
        });
      },
    );
  });

  it('may come back: a server that does not answer is waited for', async () => {
    const query = 'target_session_attrs=read-only';
    await using(url({ before: '127.0.0.1:1,', query }), async (session) => {
      await expect(session.query('SELECT 1')).rejects.toMatchObject({
        class: 'transient',
        message: expect.stringMatching(
          /127\.0\.0\.1:1: no link .*ECONNREFUSED.*; .*: is a primary/,
        ) as string,
      });
    });
  });

  it('may change places: a server that only reads from now on is left', async () => {
    const name = new URL(database.url).pathname.slice(1);
    const query = 'target_session_attrs=read-write';
    await using(url({ before: '127.0.0.1:1,', query }), async (session) => {
      const write = () => session.query('CREATE TABLE IF NOT EXISTS t (id int)');
      await write();
      await session.withClient(demote);
      await expect(write()).rejects.toMatchObject({ class: 'transient' });
      await write();
      await database.query(`ALTER DATABASE ${name} SET default_transaction_read_only = on`);
      await session.withClient(demote);
      await expect(write()).rejects.toMatchObject({ class: 'transient' });
      await expect(write()).rejects.toThrow('only reads');
    });
  });
});

describe('sslmode, where the server has no TLS', () => {
  it.each(['disable', 'allow', 'prefer'])('%s works', (mode) =>
    using(url({ query: `sslmode=${mode}` }), works),
  );

  it.each(['require', 'verify-full', 'no-verify'])('%s says that there is none', (mode) =>
    using(url({ query: `sslmode=${mode}` }), (session) =>
      expect(session.query('SELECT 1')).rejects.toMatchObject({ class: 'config', code: 'tls' }),
    ),
  );

  it('a certificate that cannot be read is named', () =>
    using(url({ query: 'sslmode=verify-ca&sslrootcert=/nowhere.pem' }), (session) =>
      expect(session.query('SELECT 1')).rejects.toThrow('sslrootcert'),
    ));
});

it('sslmode says whether a link is encrypted, and what the server must prove', () => {
  expect(ways('allow')).toEqual(['none', 'unproved']);
  expect(ways('prefer')).toEqual(['unproved', 'none']);
  expect(ways('require')).toEqual(['unproved']);
  expect(ways('require', import.meta.filename)).toEqual([['ca', 'checkServerIdentity']]);
  expect(ways('verify-ca', 'system')).toEqual([['checkServerIdentity']]);
  expect(ways('verify-full')).toEqual([[]]);
});

it('each kind of server is known', () => {
  const standby = { standby: true, readOnly: true };
  const reader = { standby: false, readOnly: true };
  const writer = { standby: false, readOnly: false };
  const fitting = (kind: Parameters<typeof whyUnfit>[1]) =>
    [standby, reader, writer].map((server) => whyUnfit(server, kind) === null);
  expect(fitting('any')).toEqual([true, true, true]);
  expect(fitting('read-write')).toEqual([false, false, true]);
  expect(fitting('read-only')).toEqual([true, true, false]);
  expect(fitting('primary')).toEqual([false, true, true]);
  expect(fitting('standby')).toEqual([true, false, false]);
});

/** Returns the database's url, with another server before it, or further parameters. */
function url({ before = '', query = '' }): string {
  return `${database.url.replace(/@/, `@${before}`)}?${query}`;
}

function demote(client: pg.PoolClient) {
  return client.query('SET default_transaction_read_only = on');
}

function ways(mode: SslMode, sslrootcert: string | null = null) {
  const all = tlsWays(mode, { sslrootcert, sslcert: null, sslkey: null }, 'shop');
  return all.map((tls) => {
    if (tls === false) return 'none';
    return tls.rejectUnauthorized === false ? 'unproved' : Object.keys(tls);
  });
}

async function works(session: Session): Promise<void> {
  expect((await session.query('SELECT 1')).count).toBe(1);
}

async function using<T>(address: string, work: (session: Session) => Promise<T>): Promise<void> {
  const session = testSession(address);
  try {
    await work(session);
  } finally {
    await session.close();
  }
}
