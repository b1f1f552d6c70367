import { isJsonObject, type Json } from '../../model/json.ts';
import type { KeyValues } from '../../model/record.ts';
import type { WriteOperation } from '../destination.ts';

/** Shorter values give nothing away. */
const shortest = 4;

/** Finds what a call sent in what the API answers: in any case, as it was, or as it stands in JSON or in an address. */
export class Echo {
  readonly #operations: readonly WriteOperation[];
  /** What was sent, longest first, by its first characters; made when it is first needed. */
  #sent: Map<string, string[]> | undefined;

  constructor(operations: readonly WriteOperation[]) {
    this.#operations = operations;
  }

  /** The text with `…` for every value that was sent. */
  blank(text: string): string {
    const sent = (this.#sent ??= byStart(this.#operations));
    const lower = text.toLowerCase();
    // Few letters change their length: then the text is compared as it is.
    const compared = lower.length === text.length ? lower : text;
    let blanked = '';
    for (let at = 0; at < text.length;) {
      const found = sent
        .get(compared.slice(at, at + shortest))
        ?.find((form) => compared.startsWith(form, at));
      blanked += found === undefined ? text.charAt(at) : '…';
      at += found?.length ?? 1;
    }
    return blanked;
  }
}

function byStart(operations: readonly WriteOperation[]): Map<string, string[]> {
  const values = operations.flatMap(({ key, values: fields }) =>
    texts([...key, ...Object.values(fields)]),
  );
  const forms = new Set(values.flatMap(formsOf).map((form) => form.toLowerCase()));
  const sent = new Map<string, string[]>();
  for (const form of [...forms].toSorted((a, b) => b.length - a.length)) {
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
  return [value, JSON.stringify(value).slice(1, -1), encodeURIComponent(wellFormed)];
}

/** The texts and numbers in values that are long enough. */
function texts(values: KeyValues): string[] {
  return values.flatMap((value: Json): string[] => {
    if (Array.isArray(value)) return texts(value);
    if (isJsonObject(value)) return texts(Object.values(value));
    const text = value === null || typeof value === 'boolean' ? '' : String(value);
    return text.length >= shortest ? [text] : [];
  });
}
