import type { Field, FieldType } from '../../model/field.ts';
import { ExactNumber, type Json } from '../../model/json.ts';
import type { Encoding, Value } from '../../model/record.ts';
import { toNumber } from '../expression/decimal.ts';
import { elementType } from './native-type.ts';
import { parseJson } from '../expression/parse-json.ts';
import { parseArray, type ArrayText } from './pg-array.ts';

/**
 * Decodes a value in flight to JSON, as expressions and comparisons see it. Numbers that a double would change become
 * `ExactNumber`s, `NaN` and `Infinity` stay text, timestamps become ISO 8601, bytes base64, arrays lists. A text that
 * does not fit its type stays as it is.
 */
export function toJson(value: Value, field: Field, encoding: Encoding): Json | undefined {
  if (encoding === 'json' || typeof value !== 'string') return value;
  if (field.type !== 'array') return decode(value, field.type);
  // An array of boxes is not split: a box holds commas, and its arrays alone have another delimiter.
  const list = field.native?.startsWith('box') === true ? undefined : parseArray(value);
  return list === undefined ? value : decodeList(list, elementType(field.native));
}

function decodeList(list: ArrayText, type: FieldType): Json[] {
  return list.map((element) => {
    if (element === null) return null;
    return typeof element === 'string' ? decode(element, type) : decodeList(element, type);
  });
}

function decode(text: string, type: FieldType): Json {
  switch (type) {
    case 'integer':
    case 'decimal':
      return /^-?\d+(\.\d+)?$/.test(text) ? toNumber(text) : text;
    case 'float':
      return decodeFloat(text);
    case 'boolean':
      return decodeBoolean(text);
    case 'timestamp':
    case 'timestamptz':
      return decodeTimestamp(text);
    case 'json':
      return decodeJson(text);
    case 'bytes':
      return text.startsWith('\\x') ? Buffer.from(text.slice(2), 'hex').toString('base64') : text;
    default:
      return text;
  }
}

function decodeFloat(text: string): Json {
  // A double would lose the sign of -0 in JSON text.
  if (text === '-0') return new ExactNumber(text);
  const value = Number(text);
  return text !== '' && Number.isFinite(value) ? value : text;
}

function decodeBoolean(text: string): Json {
  if (text === 't' || text === 'true') return true;
  return text === 'f' || text === 'false' ? false : text;
}

const sqlTimestamp = /^(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d(?:\.\d+)?)([+-]\d\d(?::\d\d)?)?$/;

function decodeTimestamp(text: string): string {
  const [, date, time, offset = ''] = sqlTimestamp.exec(text) ?? [];
  if (date === undefined || time === undefined) return text;
  return `${date}T${time}${isoOffset(offset)}`;
}

function isoOffset(offset: string): string {
  if (offset === '+00' || offset === '+00:00') return 'Z';
  return offset.length === 3 ? `${offset}:00` : offset;
}

function decodeJson(text: string): Json {
  try {
    return parseJson(text);
  } catch {
    return text;
  }
}
