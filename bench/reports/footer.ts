import type { Results } from '../support/results.ts';

/** When and on what it was measured. */
export function footer({ measured, machine }: Results<unknown>): string {
  const { cores, memoryGiB, node, postgres } = machine;
  const versions = [`Node ${node}`, ...(postgres === undefined ? [] : [postgres])].join(', ');
  return `<sub>${measured}: ${cores} cores, ${memoryGiB} GiB, ${versions}.</sub>`;
}
