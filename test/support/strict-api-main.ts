import { startStrictApi, type StrictApi } from './strict-api.ts';
import type { Order } from './strict-api-process.ts';

/** The program that `startStrictApiProcess` runs. */
let api: StrictApi | undefined;

async function obey(order: Order): Promise<unknown> {
  if ('start' in order) api = await startStrictApi(order.start);
  if ('quota' in order) api?.setQuota(order.quota ?? undefined);
  if ('pause' in order) api?.pause(order.pause, order.status);
  return 'arrivals' in order ? api?.arrivals : (api?.url ?? '');
}

process.on('message', (order: Order) => {
  void obey(order).then((answer) => process.send?.(answer));
});
process.on('disconnect', () => process.exit());
