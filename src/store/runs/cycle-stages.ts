import { cycleStages, type CycleStage } from '../../model/cycle.ts';
import { isOver, type RunPhase, type RunStatus } from '../../model/run.ts';

/** While sources are read, their records are attached, mapped and saved chunk by chunk. */
const together: ReadonlySet<string> = new Set(['read', 'attach', 'fields']);

/**
 * The stages of a cycle in a phase.
 * @param counts by `stage.name`, summed over chunks (R5)
 */
export function stagesOf(
  { phase, status }: { phase: RunPhase; status: RunStatus },
  counts: Readonly<Record<string, number>>,
): CycleStage[] {
  const at = cycleStages.findIndex((name) => name === phase);
  return cycleStages.map((name, index) => {
    const own = Object.entries(counts).filter(([key]) => key.startsWith(`${name}.`));
    const underway = together.has(phase) && together.has(name);
    return {
      name,
      status: statusOf({ index, at, underway, counted: own.length > 0, status }),
      counts: Object.fromEntries(own.map(([key, count]) => [key.slice(name.length + 1), count])),
    };
  });
}

function statusOf({
  index,
  at,
  underway,
  counted,
  status,
}: {
  index: number;
  at: number;
  underway: boolean;
  counted: boolean;
  status: RunStatus;
}): CycleStage['status'] {
  if (status === 'completed') return 'done';
  if (isOver(status)) return counted ? 'done' : 'pending';
  if (index === at || underway) return 'running';
  return index < at ? 'done' : 'pending';
}
