import type { Connector } from '../../src/connectors/contract/connector.ts';
import { quotaOf } from './connect.ts';
import { LocalQuotas } from '../quota/local-quotas.ts';
import type { MakeCalls } from '../quota/paced-calls.ts';
import { Pacers } from '../quota/pacers.ts';

/** The calls of this process alone to a connection, within its quota (R9). */
export function localCalls(connector: Connector, settings: unknown, connection: string): MakeCalls {
  return new Pacers(new LocalQuotas()).ofNobody(connection, quotaOf(connector, settings));
}
