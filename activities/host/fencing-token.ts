import { Context } from '@temporalio/activity';

/** More attempts than this of one activity are never made. */
const attempts = 1_000_000;

/**
 * The token of this attempt (R6). Activity ids count up within a workflow execution and attempts within an activity,
 * so a later attempt's token is always greater, and an attempt that was frozen cannot claim back what it lost.
 */
export function fencingToken(): number {
  const { activityId, attempt } = Context.current().info;
  return Number(activityId) * attempts + attempt;
}

/** Which attempt of its activity this is, from 1. */
export function attemptNumber(): number {
  return Context.current().info.attempt;
}
