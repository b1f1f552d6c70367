import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ConfigError } from '../../src/model/failure.ts';
import type { Harness } from './harness.ts';
import { assignedSuite, recordsSuite } from './records-suite.ts';
import { sourceSuite } from './source-suite.ts';
import { stagingSuite } from './staging-suite.ts';

/** Which parts of the contract a connector offers. */
export interface SuiteParts {
  readonly source: boolean;
  readonly destination: 'records' | 'staging' | null;
  /** The system assigns ids that the destination tells: `Harness.assigned`. Default: no. */
  readonly assigned?: true;
}

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
      const connection = harness.connect();
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

    if (parts.source) sourceSuite(() => harness);
    if (parts.destination === 'records') recordsSuite(() => harness);
    if (parts.assigned) assignedSuite(() => harness);
    if (parts.destination === 'staging') stagingSuite(() => harness);
  });
}

async function openWrong(harness: Harness, stream: string): Promise<unknown> {
  const connection = harness.connect();
  try {
    const request = harness.sourceRequest?.();
    if (request !== undefined) return await connection.source?.({ ...request, stream });
    const target = harness.target?.({});
    return target && (await connection.destination?.({ ...target, stream }));
  } finally {
    await connection.close();
  }
}
