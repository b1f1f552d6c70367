import { milliseconds } from '../model/duration.ts';
import type { ScheduleSpec } from '../model/sync.ts';
import { isTimezone } from '../model/timezone.ts';
import type { Path, Reporter } from './reporter.ts';

interface CronField {
  readonly name: string;
  readonly from: number;
  readonly to: number;
  readonly names: readonly string[];
}

const days = ['SUN', 'MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT'];
const months = 'JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC'.split(' ');

const cronFields: readonly CronField[] = [
  { name: 'minute', from: 0, to: 59, names: [] },
  { name: 'hour', from: 0, to: 23, names: [] },
  { name: 'day of the month', from: 1, to: 31, names: [] },
  { name: 'month', from: 1, to: 12, names: months },
  { name: 'day of the week', from: 0, to: 7, names: days },
];

/** Reports a schedule that Temporal would refuse, or would read in another way than it was meant. */
export function checkSchedule(file: Reporter, path: Path, schedule: ScheduleSpec): void {
  if ('every' in schedule) {
    if (milliseconds(schedule.every) < 1000) {
      file.report([...path, 'every'], 'must be at least one second');
    }
    return;
  }
  const fault = cronFault(schedule.cron);
  if (fault !== undefined) {
    file.report([...path, 'cron'], fault, 'minute hour day month weekday, such as 0 */6 * * *');
  }
  if (schedule.timezone !== undefined && !isTimezone(schedule.timezone)) {
    file.report([...path, 'timezone'], 'is not a time zone', 'an IANA name such as Europe/Berlin');
  }
}

function cronFault(cron: string): string | undefined {
  const parts = cron.trim().split(/\s+/);
  if (parts.length !== cronFields.length) return 'must have five fields';
  for (const [index, field] of cronFields.entries()) {
    const faulty = (parts[index] ?? '').split(',').find((item) => !isCronItem(item, field));
    if (faulty !== undefined) {
      return `the ${field.name} must be within ${field.from}-${field.to}, * or a step such as */5`;
    }
  }
  return undefined;
}

function isCronItem(item: string, field: CronField): boolean {
  const match = /^(\*|\w+)(?:-(\w+))?(?:\/(\d+))?$/.exec(item);
  if (!match) return false;
  const [, first = '', last, step] = match;
  if (step !== undefined && Number(step) === 0) return false;
  if (first === '*') return last === undefined;
  const from = cronNumber(first, field);
  const to = last === undefined ? from : cronNumber(last, field);
  return from >= field.from && to <= field.to && from <= to;
}

function cronNumber(text: string, field: CronField): number {
  const named = field.names.indexOf(text.toUpperCase());
  if (named >= 0) return named + field.from;
  return /^\d+$/.test(text) ? Number(text) : Number.NaN;
}
