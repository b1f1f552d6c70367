import { inspect } from 'node:util';
import { expect, it } from 'vitest';
import { unlimited } from '../../src/connectors/contract/calls.ts';
import type { Connection } from '../../src/connectors/contract/connector.ts';
import { SluiceError } from '../../src/model/failure.ts';
import { exported } from './acts.ts';
import {
  connectionId,
  linkTo,
  openDestination,
  openSource,
  suiteFields,
  type Harness,
} from './harness.ts';

/** Tests that every connector reports a failed connection and shows no secret (R1). */
export function secretsSuite(harness: () => Harness): void {
  it('says of a connection that fails whose it is and who must act, and shows no secret (R1)', async () => {
    const { broken, secrets = [] } = harness();
    expect(Object.keys(broken)).not.toEqual([]);
    for (const [how, settings] of Object.entries(broken)) {
      const failures = await failuresOf(harness(), settings);
      expect([how, failures.length > 0]).toEqual([how, true]);
      for (const failure of failures) {
        expect(failure).toBeInstanceOf(SluiceError);
        expect(failure).toMatchObject({ connection: connectionId });
        expect([how, shownOf(failure, secrets)]).toEqual([how, []]);
      }
    }
  });

  it('shows no secret where a stream does not exist (R1)', async ({ skip }) => {
    const { wrongStream, secrets = [], settings } = harness();
    if (wrongStream === undefined || secrets.length === 0) {
      skip();
      return;
    }
    const { stream } = wrongStream;
    const failures = await failuresOf(harness(), settings, stream);
    expect(failures).not.toEqual([]);
    for (const failure of failures) expect(shownOf(failure, secrets)).toEqual([]);
  });

  it('names every setting that holds a secret', () => {
    const { connector, settings, broken, secrets = [] } = harness();
    for (const each of [settings, ...Object.values(broken)]) {
      const shown = JSON.stringify(without(each, connector.secrets));
      expect(secrets.filter((secret) => shown.includes(secret))).toEqual([]);
    }
  });
}

/**
 * Returns the errors of everything that can be done with a connection.
 * @param stream the stream to use instead of the harness's own
 */
async function failuresOf(
  harness: Harness,
  settings: Harness['settings'],
  stream?: string,
): Promise<unknown[]> {
  const link = linkTo({ connector: harness.connector, settings });
  const failures: unknown[] = [];
  for (const attempt of attempts(harness, link, stream))
    await attempt().catch((error: unknown) => failures.push(error));
  await link.close();
  return failures;
}

function attempts(harness: Harness, link: Connection, stream?: string): (() => Promise<unknown>)[] {
  const elsewhere = stream === undefined ? {} : { stream };
  const request = harness.sourceRequest?.();
  const target = (harness.target ?? harness.assigned)?.({});
  return [
    ...(stream === undefined ? [() => link.check(unlimited), () => link.discover(unlimited)] : []),
    ...(request ? [() => readFirst(harness, link, { ...request, ...elsewhere })] : []),
    ...(target ? [() => openDestination(harness, link, { ...target, ...elsewhere })] : []),
  ];
}

async function readFirst(
  harness: Harness,
  link: Connection,
  request: Parameters<typeof openSource>[2],
): Promise<void> {
  const source = await openSource(harness, link, request);
  const read = { since: null, until: null, fields: suiteFields };
  const job = source.job && { job: await exported(source.job, read, unlimited) };
  const limit = { records: 10, bytes: 1e6 };
  const page = await source.read({ ...read, cursor: null, limit, ...job }, unlimited);
  for await (const _ of page.batches());
}

/** The secrets that an error shows, wherever anybody may print it. */
function shownOf(error: unknown, secrets: readonly string[]): string[] {
  const texts: string[] = [inspect(error, { depth: 20, showHidden: true }), String(error)];
  for (let each: unknown = error, depth = 0; each instanceof Error && depth < 20; depth += 1) {
    const own = Object.getOwnPropertyNames(each).map((name) => [
      name,
      Reflect.get(each as object, name),
    ]);
    texts.push(each.message, each.stack ?? '', inspect(own, { depth: 20 }), JSON.stringify(each));
    each = each.cause;
  }
  return secrets.filter((secret) =>
    [secret, encodeURIComponent(secret), Buffer.from(secret).toString('base64')].some((form) =>
      texts.some((text) => text.includes(form)),
    ),
  );
}

/** Settings without those at some paths; `*` stands for any name. */
function without(settings: unknown, paths: readonly string[]): unknown {
  if (typeof settings !== 'object' || settings === null) return settings;
  const entries = Object.entries(settings).filter(
    ([name]) => !paths.includes(name) && !paths.includes('*'),
  );
  return Object.fromEntries(
    entries.map(([name, value]) => {
      const below = paths.map((path) => path.split('.'));
      const own = below.filter(([first]) => first === name || first === '*');
      return [
        name,
        without(
          value,
          own.map((path) => path.slice(1).join('.')),
        ),
      ];
    }),
  );
}
