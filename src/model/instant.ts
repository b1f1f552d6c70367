const iso =
  /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d)?)(?:\.(\d+))?\s?(Z|[+-]\d\d(?::?\d\d)?)?)?$/i;

/**
 * Returns the microseconds since 1970 of an ISO 8601 date or timestamp, in UTC when it names no zone; null for other
 * texts.
 */
export function instant(text: string): bigint | null {
  const [, day, time = '00:00:00', fraction = '', zone = 'Z'] = iso.exec(text) ?? [];
  if (day === undefined) return null;
  const seconds = Date.parse(`${day}T${time}${isoZone(zone)}`);
  if (Number.isNaN(seconds)) return null;
  return BigInt(seconds) * 1000n + BigInt(fraction.slice(0, 6).padEnd(6, '0'));
}

function isoZone(zone: string): string {
  if (zone.length === 3) return `${zone}:00`;
  return zone.length === 5 ? `${zone.slice(0, 3)}:${zone.slice(3)}` : zone.toUpperCase();
}
