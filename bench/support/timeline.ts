import { syncWorkflowId } from '../../src/model/workflow.ts';
import type { Stack } from '../../test/support/stack.ts';
import { withTemporal, type History } from '../../test/support/temporal-history.ts';

type Event = NonNullable<History['events']>[number];

/**
 * Returns the parts of the time of a sync's last workflow, in seconds. `workflow` is the time from its start to its
 * end; each activity's name has the time in which at least one of its kind ran; `waiting` is the time in which none
 * ran.
 */
export function timeline(stack: Stack, sync: string): Promise<Record<string, number>> {
  return withTemporal(stack, async (client) => {
    const { events } = await client.workflow.getHandle(syncWorkflowId(sync)).fetchHistory();
    return timesOf(events ?? []);
  });
}

function timesOf(events: readonly Event[]): Record<string, number> {
  const spans = new Map<string, [number, number][]>();
  const names = new Map<string, string>();
  const starts = new Map<string, number>();
  for (const event of events) {
    const scheduled = event.activityTaskScheduledEventAttributes;
    const started = event.activityTaskStartedEventAttributes;
    const completed = event.activityTaskCompletedEventAttributes;
    if (scheduled) names.set(String(event.eventId), scheduled.activityType?.name ?? '');
    if (started) starts.set(String(started.scheduledEventId), secondsOf(event));
    if (!completed) continue;
    const id = String(completed.scheduledEventId);
    const name = names.get(id) ?? '';
    spans.set(name, [...(spans.get(name) ?? []), [starts.get(id) ?? 0, secondsOf(event)]]);
  }
  const [first, last] = [events[0], events.at(-1)];
  const whole = first && last ? secondsOf(last) - secondsOf(first) : 0;
  const times = [...spans].map(([name, of]) => [name, covered(of)]);
  return {
    workflow: whole,
    ...(Object.fromEntries(times) as Record<string, number>),
    waiting: whole - covered([...spans.values()].flat()),
  };
}

/** Length of the union of the spans. */
function covered(spans: readonly [number, number][]): number {
  let sum = 0;
  let reached = 0;
  for (const [from, to] of spans.toSorted(([a], [b]) => a - b)) {
    sum += Math.max(0, to - Math.max(from, reached));
    reached = Math.max(reached, to);
  }
  return sum;
}

function secondsOf({ eventTime }: Event): number {
  return Number(eventTime?.seconds ?? 0) + (eventTime?.nanos ?? 0) / 1e9;
}
