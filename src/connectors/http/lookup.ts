import { ConfigError } from '../../model/failure.ts';
import { isJsonObject, type Json, type JsonObject } from '../../model/json.ts';
import type { KeyValues } from '../../model/record.ts';
import type { Calls } from '../contract/calls.ts';
import type { Call } from '../kit/http/call.ts';
import type { HttpClient } from '../kit/http/client.ts';
import { unexpected } from '../kit/http/failures.ts';
import { pairs, recordsAt, textOf } from '../kit/pages/pages.ts';
import { at, fillPath, PathError } from '../kit/paths.ts';
import type { LookupSettings } from './settings.ts';

/** The records that have these keys, in as many calls as the settings' `batch` asks for. */
export async function lookupRecords(
  client: HttpClient,
  lookup: LookupSettings,
  keyFields: readonly string[],
  keys: readonly KeyValues[],
  calls: Calls,
): Promise<JsonObject[]> {
  const found: JsonObject[] = [];
  for (let start = 0; start < keys.length; start += lookup.batch)
    found.push(
      ...(await oneCall(client, lookup, keyFields, keys.slice(start, start + lookup.batch), calls)),
    );
  return found;
}

async function oneCall(
  client: HttpClient,
  lookup: LookupSettings,
  keyFields: readonly string[],
  keys: readonly KeyValues[],
  calls: Calls,
): Promise<JsonObject[]> {
  const path = pathFor(lookup, keyFields, keys[0] ?? []);
  if (path === undefined) return [];
  const call: Call = {
    method: lookup.method,
    path,
    label: lookup.path,
    params: [...pairs(lookup.params ?? {}), ...keyParams(lookup, keys, client.connection)],
    ...(lookup.body !== undefined && { body: fillBody(lookup.body, keys) }),
  };
  const answer = await client.request(call, calls);
  if (answer.status === 404) return [];
  if (answer.status >= 400)
    throw unexpected(call, `was answered ${answer.status}`, client.connection);
  const body = textOf(answer, call, client.connection);
  const one = at(body, lookup.records);
  return isJsonObject(one) ? [one] : recordsAt(body, lookup.records, call, client.connection);
}

/** Undefined for a key that cannot stand in a path: no record can have it. */
function pathFor(
  lookup: LookupSettings,
  keyFields: readonly string[],
  key: KeyValues,
): string | undefined {
  try {
    return fillPath(lookup.path, (name) => keyPart(name, keyFields, key));
  } catch (error) {
    if (error instanceof PathError) return undefined;
    throw error;
  }
}

/** The value of a key that `{name}` of a path stands for: `{key}` is a key of one field. */
export function keyPart(
  name: string,
  keyFields: readonly string[],
  key: KeyValues,
): Json | undefined {
  const index = keyFields.indexOf(name);
  if (index >= 0) return key[index];
  return name === 'key' && key.length === 1 ? key[0] : undefined;
}

function keyParams(
  lookup: LookupSettings,
  keys: readonly KeyValues[],
  connection: string,
): [string, string][] {
  const { parameter, separator } = lookup;
  if (parameter === undefined) return [];
  const texts = keys.map((key) => String(key[0] as string | number));
  if (separator === undefined) return texts.map((text) => [parameter, text]);
  if (texts.some((text) => text.includes(separator))) {
    const message = `lookup: a key holds the separator "${separator}"; look keys up another way`;
    throw new ConfigError('lookup_separator', message, { connection });
  }
  return [[parameter, texts.join(separator)]];
}

function fillBody(template: Json, keys: readonly KeyValues[]): Json {
  if (template === '{keys}')
    return keys.map((key) => (key.length === 1 ? (key[0] ?? null) : [...key]));
  if (template === '{key}') return keys[0]?.[0] ?? null;
  if (Array.isArray(template)) return template.map((item) => fillBody(item, keys));
  if (!isJsonObject(template)) return template;
  return Object.fromEntries(
    Object.entries(template).map(([name, value]) => [name, fillBody(value, keys)]),
  );
}
