import { parsePhoneNumberFromString, type CountryCode } from 'libphonenumber-js/max';
import { Decimal } from './decimal-value.ts';
import { ExpressionError } from './expression-error.ts';

/** One function of the expression library. Every argument is dynamic. */
export interface LibraryFunction {
  /** The fewest and the most arguments. */
  readonly arity: readonly [number, number];
  /** A one-line description for the docs. */
  readonly description: string;
  /**
   * True when null arguments are passed to the function; otherwise any null argument makes the result null. Default
   * false.
   */
  readonly takesNull?: boolean;
  readonly call: (...args: readonly unknown[]) => unknown;
}

function fail(message: string): never {
  throw new ExpressionError('expression_failed', message);
}

function text(value: unknown, what: string): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'bigint' || typeof value === 'number' || typeof value === 'boolean')
    return String(value);
  if (value instanceof Decimal) return value.toString();
  if (value instanceof Date) return value.toISOString();
  return fail(`${what} takes a text`);
}

function integer(value: unknown, what: string): number {
  if (typeof value === 'bigint' || typeof value === 'number') return Math.trunc(Number(value));
  if (value instanceof Decimal) return Number(value.truncated());
  return fail(`${what} takes whole numbers`);
}

function list(value: unknown, what: string): unknown[] {
  return Array.isArray(value) ? value : fail(`${what} takes a list`);
}

function domain(value: unknown): string | null {
  const rest = text(value, 'domain')
    .trim()
    .toLowerCase()
    .replace(/^[a-z][a-z0-9+.-]*:(\/\/)?(?!\d)/, '')
    .replace(/^\/\//, '');
  const authority = rest.split(/[/?#]/, 1)[0] ?? '';
  const host = authority
    .slice(authority.lastIndexOf('@') + 1)
    .replace(/:\d*$/, '')
    .replace(/\.$/, '')
    .replace(/^www\./, '');
  return /^[\p{L}\p{N}_-]+(\.[\p{L}\p{N}_-]+)+$/u.test(host) ? host : null;
}

function e164(value: unknown, country?: unknown): string | null {
  const written = text(value, 'e164');
  const home =
    country === undefined ? undefined : (text(country, 'e164').toUpperCase() as CountryCode);
  const phone = parsePhoneNumberFromString(
    written,
    home === undefined ? {} : { defaultCountry: home },
  );
  return phone?.isPossible() === true ? phone.number : null;
}

function email(value: unknown): string | null {
  const address = text(value, 'email').trim().toLowerCase();
  return /^[^\s@<>,;]+@[^\s@<>,;]+\.[^\s@<>,;.]+$/.test(address) ? address : null;
}

function join(values: unknown, separator: unknown): string | null {
  const parts = list(values, 'join').filter((part) => part !== null);
  return parts.length === 0
    ? null
    : parts.map((part) => text(part, 'join')).join(text(separator, 'join'));
}

function split(value: unknown, separator: unknown, index?: unknown): unknown {
  const parts = text(value, 'split').split(text(separator, 'split'));
  return index === undefined ? parts : (parts.at(integer(index, 'split')) ?? null);
}

function substr(value: unknown, start: unknown, length?: unknown): string {
  const characters = Array.from(text(value, 'substr'));
  const from = integer(start, 'substr');
  const end = length === undefined ? undefined : Math.max(0, from + integer(length, 'substr'));
  return characters.slice(Math.max(0, from), end).join('');
}

function number(value: unknown): bigint | number | Decimal | null {
  if (typeof value === 'bigint' || typeof value === 'number' || value instanceof Decimal)
    return value;
  if (typeof value === 'boolean') return value ? 1n : 0n;
  const digits = text(value, 'number').trim();
  if (digits === '') return null;
  if (/^[+-]?\d{1,18}$/.test(digits)) return BigInt(digits.replace('+', ''));
  const parsed = Decimal.parse(digits.replace(/^([+-]?)\./, '$10.'));
  return parsed ?? fail('number takes the text of a number');
}

function round(value: unknown, digits: unknown = 0n): bigint | number | Decimal {
  if (typeof value === 'bigint') return value;
  const places = integer(digits, 'round');
  if (value instanceof Decimal) return value.round(places);
  if (typeof value !== 'number') return fail('round takes a number');
  return Number.isFinite(value) ? new Decimal(value).round(places) : value;
}

function date(value: unknown): string {
  const stamp = text(value, 'date').trim();
  const [, day, offset] =
    /^(\d{4}-\d\d-\d\d)(?:$|[T ][\d:.]+(Z|[+-]\d\d(?::?\d\d)?)?$)/i.exec(stamp) ?? [];
  if (day === undefined) return fail('date takes a timestamp');
  if (offset === undefined || offset.toUpperCase() === 'Z') return day;
  const instant = new Date(offset.length === 3 ? `${stamp}:00` : stamp);
  return Number.isNaN(instant.getTime())
    ? fail('date takes a timestamp')
    : instant.toISOString().slice(0, 10);
}

function initcap(value: unknown): string {
  return text(value, 'initcap')
    .toLowerCase()
    .replace(/[\p{L}\p{N}]+/gu, (word) => word.charAt(0).toUpperCase() + word.slice(1));
}

/**
 * The functions that expressions may call beside CEL's own. A null argument makes the result null, except for
 * `coalesce`.
 */
export const library: Readonly<Record<string, LibraryFunction>> = {
  domain: {
    arity: [1, 1],
    description:
      'Host of a URL or e-mail address in lower case without www.; null if there is none.',
    call: domain,
  },
  lower: {
    arity: [1, 1],
    description: 'Lower case.',
    call: (value) => text(value, 'lower').toLowerCase(),
  },
  upper: {
    arity: [1, 1],
    description: 'Upper case.',
    call: (value) => text(value, 'upper').toUpperCase(),
  },
  trim: {
    arity: [1, 1],
    description: 'Without white space at both ends.',
    call: (value) => text(value, 'trim').trim(),
  },
  initcap: { arity: [1, 1], description: 'Every word with a capital first letter.', call: initcap },
  email: {
    arity: [1, 1],
    description: 'Trimmed lower-case e-mail address; null if it does not look like one.',
    call: email,
  },
  e164: {
    arity: [1, 2],
    description:
      'Phone number as +4930123456; null if it is none. Second argument: country of national numbers, such as DE.',
    call: e164,
  },
  concat: {
    arity: [2, 8],
    description: 'Texts one after the other.',
    call: (...args) => args.map((value) => text(value, 'concat')).join(''),
  },
  join: {
    arity: [2, 2],
    description: 'Elements of a list with a separator between them; nulls are left out.',
    call: join,
  },
  replace: {
    arity: [3, 3],
    description: 'Every occurrence of the second text replaced by the third.',
    call: (value, from, to) =>
      text(value, 'replace').replaceAll(text(from, 'replace'), () => text(to, 'replace')),
  },
  split: {
    arity: [2, 3],
    description:
      'List of the parts between a separator, or the part at an index (null beyond the end).',
    call: split,
  },
  substr: {
    arity: [2, 3],
    description: 'Characters from a start (0 is the first), to the end or of a length.',
    call: substr,
  },
  coalesce: {
    arity: [1, 5],
    description: 'The first argument that is not null.',
    takesNull: true,
    call: (...args) => args.find((value) => value !== null) ?? null,
  },
  number: { arity: [1, 1], description: 'Number of a text; null if it is empty.', call: number },
  text: {
    arity: [1, 1],
    description: 'Text of a number, boolean, timestamp or text.',
    call: (value) => text(value, 'text'),
  },
  round: {
    arity: [1, 2],
    description: 'Rounded half away from zero, to a number of digits (default 0).',
    call: round,
  },
  date: { arity: [1, 1], description: 'UTC day of a timestamp as YYYY-MM-DD.', call: date },
};
