import { readdirSync, readFileSync, writeFileSync } from 'node:fs';

/** Most memory that the process had resident since {@link resetPeak}, in MiB. */
export function peakMebibytes(pid: number): number {
  return Number(/VmHWM:\s+(\d+) kB/.exec(read(`/proc/${pid}/status`))?.[1]) / 1024;
}

/** Begins a new peak. */
export function resetPeak(pid: number): void {
  writeFileSync(`/proc/${pid}/clear_refs`, '5');
}

/** CPU seconds that the process itself has used so far. */
export function ownCpuSeconds(pid: number): number {
  const [user, system] = fields(pid).slice(11, 13);
  return (Number(user) + Number(system)) / 100;
}

/** CPU seconds that the ended children of this process, and theirs, have used so far. */
export function endedCpuSeconds(): number {
  const [user, system] = fields(process.pid).slice(13, 15);
  return (Number(user) + Number(system)) / 100;
}

/** CPU seconds that the process and its children, ended ones too, have used so far. */
export function cpuSeconds(pid: number): number {
  const parents = new Map(readdirSync('/proc').map(Number).filter(Boolean).map(parentOf));
  const isBelow = (one: number | undefined): boolean =>
    one !== undefined && (one === pid || isBelow(parents.get(one)));
  let ticks = 0;
  for (const one of parents.keys()) {
    if (!isBelow(one)) continue;
    // utime, stime, cutime, cstime
    for (const field of fields(one).slice(11, 15)) ticks += Number(field);
  }
  return ticks / 100;
}

function parentOf(pid: number): [number, number] {
  return [pid, Number(fields(pid)[1] ?? 0)];
}

/** Fields of /proc/<pid>/stat from the state on; none for a process that has ended. */
function fields(pid: number): string[] {
  const stat = read(`/proc/${pid}/stat`);
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return ''; // it has ended meanwhile
  }
}
