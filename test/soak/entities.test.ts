import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, expect, test } from 'vitest';
import { faultPoints, type FaultPoint } from '../../src/model/fault-point.ts';
import { openEntityBench, type EntityBench } from '../support/entity-bench.ts';
import { planFaults, type Fault } from '../support/faults.ts';
import { isOfCycles } from '../support/passages.ts';
import { chance, inLanes, isSwept, rounds } from '../support/soak.ts';
import { startStack } from '../support/stack.ts';
import { twoWay, type Outcome, type TwoWay } from '../support/two-way.ts';

/** The place of a strike: in which workflow of the entity, and in which of its rounds. */
interface Passage {
  readonly point: FaultPoint;
  /** The destination's name for its run; empty for the cycle. */
  readonly destination: string;
  /** Round 0: everything is new; round 1: much has changed. */
  readonly round: number;
  readonly times: number;
}

/** The points that only cycles pass. */
const ofCycles = faultPoints.filter(isOfCycles);
let undisturbed: Outcome;
let passages: Passage[];

beforeAll(async () => {
  const faults = planFaults();
  const bench = await openEntityBench({ env: faults.env });
  try {
    const entity = await twoWay(bench, 'calm');
    const counts = new Map<string, number>();
    let seen = 0;
    await inRounds(entity, async (round) => {
      await entity.start();
      await entity.settle();
      const passed = faults.passed();
      for (const { point, workflow } of passed.slice(seen)) {
        const destination = workflow.startsWith('sync/calm.') ? workflow.slice(10) : '';
        const name = `${round} ${destination} ${point}`;
        counts.set(name, (counts.get(name) ?? 0) + 1);
      }
      seen = passed.length;
    });
    undisturbed = await entity.outcome();
    passages = [...counts].map(([name, times]) => {
      const [round, destination = '', point] = name.split(' ');
      return { point: point as FaultPoint, destination, round: Number(round), times };
    });
  } finally {
    await bench.close();
    faults.close();
  }
}, 300_000);

test('every fault point of a cycle is passed', () => {
  const passed = new Set(passages.map(({ point }) => point));
  expect(ofCycles.filter((point) => !passed.has(point))).toEqual([]);
  expect(ofCycles.length).toBeGreaterThan(8);
});

test.each(['kill', 'throw'] as const)(
  '%s at every fault point: all comes out as undisturbed',
  async (action) => {
    const { between } = chance(`entity points ${action}`);
    const cases = passages
      .filter(({ round, destination }) => round < 2 && destination !== 'out')
      .filter(isSwept)
      .flatMap((passage) =>
        Array.from({ length: rounds(1) }, (_, nth) => ({
          ...passage,
          hit: nth === 0 ? 1 : between(1, passage.times + 1),
        })),
      );
    let count = 0;
    await inLanes(cases, 2, async () => {
      const faults = planFaults();
      const bench = await openEntityBench({ env: faults.env });
      return {
        work: async ({ point, destination, round, hit }) => {
          const entity = await twoWay(bench, `struck_${(count += 1)}`);
          const workflow =
            destination === '' ? `entity/${entity.id}` : `sync/${entity.id}.${destination}`;
          const fault: Fault = { point, action, hit, workflow };
          let struck = false;
          await inRounds(entity, async (now) => {
            if (now === round) faults.plan(fault);
            await entity.start();
            await entity.settle();
            struck ||= faults.struck() !== null;
            faults.clear();
          });
          const outcome = await entity.outcome();
          expect({ fault, struck, ...outcome }).toEqual({ fault, struck: true, ...undisturbed });
        },
        close: async () => {
          await bench.close();
          faults.close();
        },
      };
    });
    expect(cases.length).toBeGreaterThan(0);
    console.log(`${cases.length} entities struck by ${action}, all as undisturbed`);
  },
);

test.each(['workers', 'servers', 'everything', 'cancelled'] as const)(
  '%s at random instants: all comes out as undisturbed',
  async (what) => {
    const { between } = chance(`entity ${what}`);
    const bench = await openEntityBench({ workers: 2 });
    let rested = Promise.resolve();
    try {
      for (let nth = 0; nth < rounds(4); nth++) {
        const entity = await twoWay(bench, `random_${nth}`);
        await inRounds(entity, async () => {
          const run = await entity.start();
          await Promise.all([sleep(between(0, 5000)), what === 'servers' && rested]);
          await strike(bench, what, run);
          // A server that ends five times within a minute is given up, so strikes keep a distance.
          rested = sleep(16_000);
          if (what === 'cancelled') await entity.start();
          await entity.settle();
        });
        const [outcome, wanted] = [await entity.outcome(), undisturbed].map((one) =>
          what === 'cancelled' ? uncounted(one) : one,
        );
        expect(outcome).toEqual(wanted);
      }
    } finally {
      await bench.close();
    }
    console.log(`${rounds(4)} entities, ${what} at random instants, all as undisturbed`);
  },
);

/**
 * Removes from an outcome what depends on the instant of the cancelling: stats, since a cancelled cycle counts
 * separately, and cycle numbers, since the next cycle is an extra one when the cancelling came too late. Only the order
 * of cycles stays.
 */
function uncounted({ stats: _stats, log, ...outcome }: Outcome): object {
  const cycles = [...new Set(log.map(({ cycle }) => cycle))].toSorted((a, b) => a - b);
  return {
    ...outcome,
    log: log.map((entry) => ({ ...entry, cycle: cycles.indexOf(entry.cycle) })),
  };
}

async function inRounds(entity: TwoWay, work: (round: number) => Promise<void>): Promise<void> {
  for (let round = 0; round < 3; round++) {
    if (round === 1) await entity.touch();
    await work(round);
  }
}

async function strike(bench: EntityBench, what: string, run: string): Promise<void> {
  const { stack } = bench;
  if (what === 'workers') for (const pid of stack.workerPids()) process.kill(pid, 'SIGKILL');
  if (what === 'servers')
    for (const server of ['temporal', 'postgres'] as const)
      process.kill(stack.serverPid(server), 'SIGKILL');
  if (what === 'everything') {
    await stack.kill();
    bench.stack = await startStack(stack.dataDir, { workers: 2 });
  }
  // It may be over by now, and the next one may be open instead.
  if (what === 'cancelled') await stack.client.runs.act(run, 'cancel').catch(() => undefined);
}
