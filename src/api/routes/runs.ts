import type { OpenAPIHono } from '@hono/zod-openapi';
import { acceptedRun } from '../http/accepted-run.ts';
import { isOver, type Run } from '../../model/run.ts';
import { withoutUndefined } from '../http/without-undefined.ts';
import { conflict, notFound, runIsOver } from '../http/problem.ts';
import { recordErrorView } from '../views/record-error-view.ts';
import { newRouter } from '../http/router.ts';
import {
  approve,
  cancel,
  errors,
  get,
  list,
  pause,
  resume,
  retryErrors,
  start,
} from './run-calls.ts';
import { runView } from '../views/run-view.ts';
import type { RunService, Services } from '../services.ts';

/** Routes of `/v1/runs`, and of the start of a run. */
export function runRoutes({ runs }: Pick<Services, 'runs'>): OpenAPIHono {
  const router = newRouter();
  router.openapi(start, async (c) => {
    const { continue: continueOf, ...options } = c.req.valid('json') ?? {};
    const run = await runs.start(
      c.req.valid('param').id,
      withoutUndefined({ ...options, continueOf }),
    );
    return acceptedRun(c, runs, run);
  });
  router.openapi(list, async (c) => {
    const page = await runs.list(withoutUndefined(c.req.valid('query')));
    const children = await runs.children(page.runs);
    return c.json({ runs: page.runs.map((run) => runView(run, children)), next: page.next }, 200);
  });
  router.openapi(get, async (c) => {
    const run = await found(runs, c.req.valid('param').id);
    const preview = run.options.dryRun === true ? await runs.preview(run.id) : null;
    return c.json(runView(run, await runs.children([run]), preview), 200);
  });
  router.openapi(errors, async (c) => {
    const { id } = await found(runs, c.req.valid('param').id);
    const page = await runs.errors(id, withoutUndefined(c.req.valid('query')));
    return c.json({ errors: page.errors.map(recordErrorView), next: page.next }, 200);
  });
  addActions(router, runs);
  return router;
}

function addActions(router: OpenAPIHono, runs: RunService): void {
  router.openapi(pause, async (c) =>
    acceptedRun(c, runs, await runs.pause(c.req.valid('param').id)),
  );
  router.openapi(resume, async (c) =>
    acceptedRun(c, runs, await runs.resume(c.req.valid('param').id)),
  );
  router.openapi(cancel, async (c) =>
    acceptedRun(c, runs, await runs.cancel(c.req.valid('param').id)),
  );
  router.openapi(approve, async (c) => {
    const { id, removal } = await open(runs, c.req.valid('param').id);
    if (removal === null) {
      throw conflict('nothing_to_approve', `Nothing of run "${id}" waits for approval.`);
    }
    return acceptedRun(c, runs, await runs.approve(id));
  });
  router.openapi(retryErrors, async (c) => {
    const run = await found(runs, c.req.valid('param').id);
    if (!isOver(run.status)) {
      throw conflict('run_open', `Run "${run.id}" is not over yet.`, { run: run.id });
    }
    return acceptedRun(c, runs, await runs.retryErrors(run.id));
  });
}

async function found(runs: RunService, id: string): Promise<Run> {
  const run = await runs.get(id);
  if (run === null) throw notFound('run', id);
  return run;
}

async function open(runs: RunService, id: string): Promise<Run> {
  const run = await found(runs, id);
  if (isOver(run.status)) throw runIsOver(run);
  return run;
}
