import { expect, it } from 'vitest';
import { unlimited } from '../../src/connectors/contract/calls.ts';
import type { Field } from '../../src/model/field.ts';
import { modes } from '../../src/model/mode.ts';
import { removalKinds } from '../../src/model/removal.ts';
import { linkTo, openDestination, openSource, type Harness } from './harness.ts';

/** Tests the static data of every connector, before anything is connected. */
export function rolesSuite(harness: () => Harness): void {
  it('has the roles that its harness uses, and one at least', () => {
    const { connector, sourceRequest, target, assigned } = harness();
    const { source, destination } = connector;
    expect(source ?? destination).toBeDefined();
    expect(sourceRequest !== undefined && source === undefined).toBe(false);
    expect((target ?? assigned) !== undefined && destination === undefined).toBe(false);
  });

  it('says without a call what can be read, and how', ({ skip }) => {
    const { connector, settings, sourceRequest, watermarked, ordered } = harness();
    const request = (ordered ?? watermarked ?? sourceRequest)?.();
    if (request === undefined) {
      skip();
      return;
    }
    const parsed = connector.settings.parse(settings);
    const sorts = connector.source?.sortsByWatermark?.(parsed, request) ?? 'no stream can';
    expect(sorts).toSatisfy(isTrueOrReason);
    expect(sorts === true).toBe(ordered !== undefined);
    expect(connector.source?.wholeReads?.(parsed, request) ?? true).toSatisfy(isTrueOrReason);
    expect(harness().requests?.() ?? 0).toBe(0);
  });

  it('says without a call what can be written, in every mode', ({ skip }) => {
    const { connector, settings } = harness();
    const target = targetOf(harness());
    if (target === undefined) {
      skip();
      return;
    }
    const parsed = connector.settings.parse(settings);
    const support = connector.destination?.modes(parsed, target);
    expect(Object.keys(support ?? {}).toSorted()).toEqual([...modes].toSorted());
    for (const mode of modes) expect(support?.[mode]).toSatisfy(isTrueOrReason);
    const removals = connector.destination?.removals?.(parsed, target) ?? ['delete'];
    expect(removals.length).toBeGreaterThan(0);
    expect(removalKinds).toEqual(expect.arrayContaining([...removals]));
    expect(harness().requests?.() ?? 0).toBe(0);
  });

  it('refuses settings and options that it does not know', () => {
    const { connector, settings, sourceRequest } = harness();
    const ends = [
      { schema: connector.settings, given: settings },
      { schema: connector.source?.options, given: sourceRequest?.().options },
      { schema: connector.destination?.options, given: targetOf(harness())?.options },
    ];
    const strange = { 'no such setting': 1 };
    for (const { schema, given } of ends) {
      const accepts = (more: object) => schema?.safeParse({ ...given, ...more }).success;
      const isAsked = schema !== undefined && given !== undefined;
      expect([accepts({}) ?? true, isAsked && accepts(strange)]).toEqual([true, false]);
    }
  });

  it('tells the same of each field when it discovers a stream and when it opens it', async () => {
    await harness().seed([{ code: 'a', name: 'n', note: 'm' }]);
    const link = linkTo(harness());
    try {
      const streams = await link.discover(unlimited);
      const request = harness().sourceRequest?.();
      const target = targetOf(harness());
      const source = request && (await openSource(harness(), link, request));
      const destination = target && (await openDestination(harness(), link, target));
      const opened = [
        { stream: request?.stream, fields: source?.fields },
        { stream: target?.stream, fields: destination?.fields },
      ];
      for (const { stream, fields } of opened) {
        const found = streams.find(({ name }) => name === stream);
        expect(found === undefined && stream !== undefined).toBe(false);
        // Neither says anything where the system takes or has any field.
        const told = found === undefined || found.fields.length === 0 ? [] : (fields ?? []);
        expect(found?.fields ?? []).toEqual(expect.arrayContaining([...told]));
      }
      expect(streams.flatMap(({ fields }) => fields.filter(isAbsurd))).toEqual([]);
      const repeated = streams.filter(
        ({ fields }) => new Set(fields.map(({ name }) => name)).size < fields.length,
      );
      expect(repeated).toEqual([]);
    } finally {
      await link.close();
    }
  });
}

function targetOf({ target, assigned }: Harness) {
  return target?.({}) ?? assigned?.();
}

/** A field whose facts contradict each other. */
function isAbsurd({ required = false, creatable = true, values }: Field): boolean {
  return (required && !creatable) || values?.length === 0;
}

function isTrueOrReason(said: true | string | undefined): boolean {
  return said === true || (typeof said === 'string' && said !== '');
}
