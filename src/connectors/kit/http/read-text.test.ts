import { expect, test } from 'vitest';
import { readText } from './read-text.ts';

test('a body comes whole, as UTF-8, without a byte order mark', async () => {
  expect(await readText(new Response('\uFEFF{"ü":"👩‍🚀"}'), 'api')).toBe('{"ü":"👩‍🚀"}');
  expect(await readText(new Response(null, { status: 204 }), 'api')).toBe('');
});

test('a body is decoded as its charset says, and nothing is guessed', async () => {
  const latin1 = Uint8Array.of(0x5b, 0x22, 0xfc, 0x22, 0x5d);
  const headers = { 'content-type': 'application/json; charset=ISO-8859-1' };
  expect(await readText(new Response(latin1, { headers }), 'api')).toBe('["ü"]');
  expect(await readText(new Response(latin1), 'api')).toBeNull();
});

test('a body over the limit is not read to its end', async () => {
  let sent = 0;
  const endless = new ReadableStream<Uint8Array>({
    pull(stream) {
      sent += 1;
      stream.enqueue(new Uint8Array(1 << 20));
    },
  });
  const reading = readText(new Response(endless), 'api', 4 << 20);
  await expect(reading).rejects.toMatchObject({ code: 'too_large', connection: 'api' });
  expect(sent).toBeLessThan(10);
});
