/**
 * Returns JSON in ASCII alone, so that a database with a small encoding can hold it as text. PostgreSQL's own `jsonb`
 * reads such escapes, and refuses those of characters that it cannot hold.
 */
export function asciiJson(value: unknown): string {
  return JSON.stringify(value).replaceAll(
    /[\u0080-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
