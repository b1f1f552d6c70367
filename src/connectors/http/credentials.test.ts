import { describe, expect, it } from 'vitest';
import { api, connect, single } from './testing/contacts.ts';

describe('credentials', () => {
  it.each([
    { type: 'bearer', token: 'secret-1' },
    { type: 'basic', username: 'me', password: 'secret-1' },
    { type: 'header', name: 'X-Api-Key', value: 'secret-1' },
    { type: 'query', name: 'api_key', value: 'secret-1' },
  ])('$type', async (auth) => {
    const server = await api({ token: 'secret-1' });
    await connect(server.url, single, { auth }).check();
    const wrong = JSON.parse(JSON.stringify(auth).replace('secret-1', 'secret-2')) as object;
    const failure: unknown = await connect(server.url, single, { auth: wrong })
      .check()
      .catch((error: unknown) => error);
    expect(failure).toMatchObject({ class: 'config', code: 'credentials', connection: 'crm' });
    expect(String(failure)).not.toContain('secret');
  });

  it('never shows a credential that no header can hold', async () => {
    const auth = { type: 'bearer', token: 'secret-1\n2' };
    const failure: unknown = await connect('http://127.0.0.1:9', single, { auth })
      .check()
      .catch((error: unknown) => error);
    expect(failure).toMatchObject({ class: 'config', code: 'credentials' });
    expect(String(failure)).not.toContain('secret');
  });

  it('oauth2 keeps its token and renews it once when it is refused', async () => {
    const server = await api({ client: { id: 'me', secret: 'secret-1' } });
    const auth = {
      type: 'oauth2',
      tokenUrl: `${server.url}/oauth/token`,
      clientId: 'me',
      clientSecret: 'secret-1',
    };
    const connection = connect(server.url, single, { auth });
    await Promise.all([connection.check(), connection.check(), connection.check()]);
    expect(server.stats().tokens).toBe(1);
    server.expireTokens();
    await Promise.all([connection.check(), connection.check()]);
    expect(server.stats().tokens).toBe(2);
    const wrong = connect(server.url, single, { auth: { ...auth, clientSecret: 'secret-2' } });
    await expect(wrong.check()).rejects.toMatchObject({ code: 'credentials' });
  });
});
