import { expect, test } from 'vitest';
import { readText } from './read-text.ts';

test('a body comes whole, as UTF-8, without a byte order mark', async () => {
  expect(await readText(new Response('\uFEFF{"ü":"👩‍🚀"}'), 'api')).toBe('{"ü":"👩‍🚀"}');
  expect(await readText(new Response(null, { status: 204 }), 'api')).toBe('');
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
