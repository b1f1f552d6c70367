import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ConfigError } from '../../src/model/failure.ts';
import type { Cast } from './acts.ts';
import { callsSuite } from './calls-suite.ts';
import { connectTo, type Harness } from './harness.ts';
import { exportSuite, jobsSuite } from './jobs-suite.ts';
import { assignedSuite, recordsSuite } from './records-suite.ts';
import { removalSuite } from './removal-suite.ts';
import { rolesSuite } from './roles-suite.ts';
import { secretsSuite } from './secrets-suite.ts';
import { sourceSuite } from './source-suite.ts';
import { stagingSuite } from './staging-suite.ts';

/**
 * The parts of the contract that a connector offers. `assigned`: the system assigns ids, and the destination returns
 * them.
 */
export type SuiteParts = Cast;

/**
 * The acceptance suite that every connector passes.
 * @param make makes a harness over an empty stream; called before each test
 */
export function connectorSuite(
  name: string,
  parts: SuiteParts,
  make: () => Promise<Harness>,
): void {
  describe(`connector ${name}`, () => {
    let harness: Harness;
    beforeEach(async () => {
      harness = await make();
    });
    afterEach(async () => {
      await harness.close();
    });

    it('checks that the system answers, and closes twice', async () => {
      const connection = connectTo(harness);
      await expect(connection.check()).resolves.toBeUndefined();
      await connection.close();
      await connection.close();
    });

    it('refuses a wrong stream, naming the nearest', async ({ skip }) => {
      const { wrongStream } = harness;
      if (wrongStream === undefined) {
        skip();
        return;
      }
      await harness.seed([{ code: 'a', name: 'n', note: 'm' }]);
      const error = await openWrong(harness, wrongStream.stream).catch(
        (failure: unknown) => failure,
      );
      expect(error).toBeInstanceOf(ConfigError);
      expect(String(error)).toContain(wrongStream.nearest);
    });

    rolesSuite(() => harness);
    secretsSuite(() => harness);
    callsSuite(() => harness, parts);
    if (parts.source) sourceSuite(() => harness);
    if (parts.source) exportSuite(() => harness);
    if (parts.destination !== null) removalSuite(() => harness);
    if (parts.destination === 'records') recordsSuite(() => harness);
    if (parts.assigned) assignedSuite(() => harness);
    if (parts.destination === 'staging') stagingSuite(() => harness);
    if (parts.destination === 'jobs') jobsSuite(() => harness);
  });
}

async function openWrong(harness: Harness, stream: string): Promise<unknown> {
  const connection = connectTo(harness);
  try {
    const request = harness.sourceRequest?.();
    if (request !== undefined) return await connection.source?.({ ...request, stream });
    const target = harness.target?.({});
    return target && (await connection.destination?.({ ...target, stream }));
  } finally {
    await connection.close();
  }
}
