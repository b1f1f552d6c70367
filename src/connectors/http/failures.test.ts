import { describe, expect, it } from 'vitest';
import type { LimitInfo } from '../../model/quota.ts';
import { callsBy, wireOf } from '../testing/direct.ts';
import { api, create, destinationOf, operation, single } from './testing/contacts.ts';

describe('failures', () => {
  it('tells a call that cannot have arrived from one that may have', async () => {
    const server = await api();
    const destination = await destinationOf(server.url, single);
    server.faults.drop = 1;
    await expect(destination.write([create('a@x.io')])).rejects.toMatchObject({
      class: 'transient',
      code: 'unknown_outcome',
    });
    expect(server.log).toHaveLength(1);
    server.faults.fail = 2;
    await expect(destination.write([create('b@x.io')])).rejects.toMatchObject({
      code: 'unknown_outcome',
    });
    await expect(destination.write([operation('remove', 'a@x.io')])).rejects.toMatchObject({
      code: 'http_500',
    });
    const gone = await api();
    await gone.close();
    const unreachable = await destinationOf(gone.url, single);
    await expect(unreachable.write([create('b@x.io')])).rejects.toMatchObject({
      code: 'unreachable',
    });
  });

  it('ends a call after the time-out, and reading at once when it is cancelled', async () => {
    const server = await api({ latencyMs: 300 });
    const destination = await destinationOf(server.url, single, { timeout: '50ms' });
    await expect(destination.write([create('a@x.io')])).rejects.toMatchObject({
      code: 'unknown_outcome',
    });
    await expect(destination.lookup!([['a@x.io']])).rejects.toMatchObject({ code: 'timeout' });
    const patient = await destinationOf(server.url, single);
    const reading = patient.scan!(AbortSignal.abort(new Error('cancelled')));
    await expect(reading[Symbol.asyncIterator]().next()).rejects.toThrow('cancelled');
  });

  it('asks before it sends a call, after the wait for the quota, and sends nothing when told not to', async () => {
    const server = await api();
    const steps: string[] = [];
    const calls = callsBy(async (send, signal) => {
      steps.push('admitted');
      await beforeSend();
      return (await send(wireOf(signal))).value;
    });
    const destination = await destinationOf(server.url, single, {}, calls);
    const beforeSend = async () => {
      steps.push(`asked after ${server.stats().requests} calls`);
      throw new Error('not mine');
    };
    const writing = destination.write([create('a@x.io')]);
    await expect(writing).rejects.toThrow('not mine');
    expect(steps).toEqual(['admitted', 'asked after 0 calls']);
    expect(server.stats().requests).toBe(0);
  });

  it('reports limits to the throttle and waits instead of failing (R9)', async () => {
    const server = await api({ quota: { requests: 1, perMs: 5000 } });
    const seen: (LimitInfo | undefined)[] = [];
    const calls = callsBy(async (send, signal) => {
      const { value, limits } = await send(wireOf(signal));
      seen.push(limits);
      return value;
    });
    const destination = await destinationOf(server.url, single, {}, calls);
    await destination.write([create('a@x.io')]);
    await expect(destination.write([create('b@x.io')])).rejects.toMatchObject({
      class: 'limited',
      retryAfterMs: 5000,
    });
    expect(seen).toMatchObject([{ remaining: 0 }, { limited: true, retryAfterMs: 5000 }]);
    expect(seen[0]?.limited).toBeUndefined();
  });
});
