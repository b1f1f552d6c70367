import { defineQuery, defineSignal } from '@temporalio/workflow';
import { messages, type RunState } from '../src/model/workflow.ts';

/** Asks an open run for its state. */
export const stateQuery = defineQuery<RunState>(messages.state);
/** Pauses a run until it is resumed. */
export const pauseSignal = defineSignal(messages.pause);
/** Lets a paused run go on. */
export const resumeSignal = defineSignal(messages.resume);
/** Approves the removals for which a run waits (R7). */
export const approveSignal = defineSignal(messages.approve);
/** Asks a cycle that only waits for its destinations to end, because the next cycle is to start. */
export const giveWaySignal = defineSignal(messages.giveWay);
