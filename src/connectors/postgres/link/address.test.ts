import { describe, expect, it } from 'vitest';
import { addressOf } from './address.ts';

const names = (url: string) => addressOf(url, 'shop').servers.map(({ name }) => name);

describe('a url', () => {
  it('names one server or several, in their order', () => {
    expect(names('postgres://u:p@db.example/shop')).toEqual(['db.example:5432']);
    expect(names('postgresql://u@a:1,b,[::1]:3/shop')).toEqual(['a:1', 'b:5432', '::1:3']);
    expect(names('postgres:///shop?host=a,b&port=1,2')).toEqual(['a:1', 'b:2']);
    expect(names('postgres://u@a,b/shop?port=7')).toEqual(['a:7', 'b:7']);
    expect(names('postgres:///shop')).toEqual(['localhost:5432']);
  });

  it('reaches a socket through its folder, in both ways to write it', () => {
    for (const url of ['postgres://u@/shop?host=/run/pg&port=7', 'postgres://u@%2Frun%2Fpg:7/shop'])
      expect(addressOf(url, 'shop').servers).toMatchObject([{ name: '/run/pg:7', local: true }]);
  });

  it('gives the driver one server, with everything that is not Sluice’s to say', () => {
    const url =
      'postgres://u:p%40@a:1,b/shop?sslmode=prefer&options=-c%20a%3Db&target_session_attrs=primary&connect_timeout=5';
    const address = addressOf(url, 'shop');
    expect(address).toMatchObject({ wanted: 'primary', sslmode: 'prefer', connectMs: 5000 });
    expect(address.servers.map((server) => server.url)).toEqual([
      'postgres://u:p%40@localhost/shop?options=-c+a%3Db&host=a&port=1',
      'postgres://u:p%40@localhost/shop?options=-c+a%3Db&host=b',
    ]);
  });

  it.each([
    ['postgres://u:hush#@h/db', /# as %23/],
    ['postgres://u:1#hush@h/db', /# as %23/],
    ['postgres://u:1/hush@h/db', /\/ as %2F/],
    ['postgres://u:hush?@h/db', /\? as %3F/],
    ['postgres://u:hush@h:port/db', /port is not a number/],
    ['postgres://u:hush@h:99999/db', /port is not a number/],
    ['postgres://u:hush@h/db?sslmode=on', /sslmode must be one of disable, /],
    ['postgres://u:hush@h/db?target_session_attrs=master', /must be one of any, read-write/],
    ['mysql://u:hush@h/db', /encoded/],
  ])('that cannot be read says why, and shows nothing of itself (R1): %s', (url, message) => {
    let error: unknown;
    try {
      addressOf(url, 'shop');
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toMatchObject({ class: 'config', code: 'invalid_url', connection: 'shop' });
    expect((error as Error).message).toMatch(message);
    expect((error as Error).message).not.toContain('hush');
  });
});
