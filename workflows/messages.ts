import { defineQuery, defineSignal } from '@temporalio/workflow';
import { messages, type RunState } from '../src/model/workflow.ts';

/** Asks a run how it is. */
export const stateQuery = defineQuery<RunState>(messages.state);
/** Stops what a run does until it is resumed. */
export const pauseSignal = defineSignal(messages.pause);
/** Lets a paused run go on. */
export const resumeSignal = defineSignal(messages.resume);
/** Lets a run remove what it asked for (R7). */
export const approveSignal = defineSignal(messages.approve);
/** Tells a cycle that only waits for its destinations to leave them to themselves: the next one is wanted. */
export const giveWaySignal = defineSignal(messages.giveWay);
