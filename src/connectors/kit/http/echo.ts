import { isJsonObject, type Json } from '../../../model/json.ts';
import type { KeyValues } from '../../../model/record.ts';
import type { WriteOperation } from '../../contract/records.ts';

/** Letters and digits of values shorter than this give nothing away. */
const shortest = 4;

/**
 * Finds what a call sent in what the API answers: in any case, as it was, or as it stands in JSON or in an address,
 * whatever became of the signs between its letters and digits.
 */
export class Echo {
  readonly #operations: readonly WriteOperation[];
  readonly #secrets: readonly string[];
  /** The letters and digits of what was sent, longest first, by their first; made when they are first needed. */
  #sent: Map<string, string[]> | undefined;

  /** @param secrets what the call carried beside the records */
  constructor(operations: readonly WriteOperation[], secrets: readonly string[]) {
    this.#operations = operations;
    this.#secrets = secrets;
  }

  /** The text with `…` for every value that was sent. */
  blank(text: string): string {
    const sent = (this.#sent ??= byStart([...valuesOf(this.#operations), ...this.#secrets]));
    const { bare, places } = bareOf(text);
    let blanked = '';
    let kept = 0;
    for (let at = 0; at < bare.length;) {
      const form = sent
        .get(bare.slice(at, at + shortest))
        ?.find((each) => bare.startsWith(each, at));
      if (form === undefined) {
        at += 1;
        continue;
      }
      blanked += `${text.slice(kept, places[at])}…`;
      at += form.length;
      kept = (places[at - 1] ?? 0) + 1;
    }
    return blanked + text.slice(kept);
  }
}

/** The letters and digits of a text, in lower case, and the place of each in it. */
function bareOf(text: string): { bare: string; places: number[] } {
  let bare = '';
  const places: number[] = [];
  for (let at = 0; at < text.length; at++) {
    const unit = text.charAt(at).toLowerCase();
    // Few letters change their length: those stay as they are.
    const one = unit.length === 1 ? unit : text.charAt(at);
    if (!/[\p{L}\p{N}\p{Cs}]/u.test(one)) continue;
    bare += one;
    places.push(at);
  }
  return { bare, places };
}

function byStart(values: readonly string[]): Map<string, string[]> {
  const forms = new Set(values.flatMap(formsOf).map((form) => bareOf(form).bare));
  const sent = new Map<string, string[]>();
  for (const form of [...forms].toSorted((a, b) => b.length - a.length)) {
    if (form.length < shortest) continue;
    const start = form.slice(0, shortest);
    const same = sent.get(start);
    if (same === undefined) sent.set(start, [form]);
    else same.push(form);
  }
  return sent;
}

function formsOf(value: string): string[] {
  // A text that is cut within a character has no form in an address: bytes have.
  const wellFormed = Buffer.from(value).toString();
  const json = JSON.stringify(value);
  return [value, json, JSON.stringify(json), encodeURIComponent(wellFormed)];
}

function valuesOf(operations: readonly WriteOperation[]): string[] {
  return operations.flatMap(({ key, values }) => texts([...key, ...Object.values(values)]));
}

/** The texts and numbers in values. */
function texts(values: KeyValues): string[] {
  return values.flatMap((value: Json): string[] => {
    if (Array.isArray(value)) return texts(value);
    if (isJsonObject(value)) return texts(Object.values(value));
    return value === null || typeof value === 'boolean' ? [] : [String(value)];
  });
}
