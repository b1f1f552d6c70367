import { ConfigError } from '../../model/failure.ts';
import { nearestOf } from '../../model/nearest.ts';
import type { HttpSettings, StreamSettings } from './settings.ts';

/**
 * The settings of a stream.
 * @throws ConfigError `unknown_stream`
 */
export function streamOf(settings: HttpSettings, name: string, connection: string): StreamSettings {
  const stream = Object.hasOwn(settings.streams, name) ? settings.streams[name] : undefined;
  if (stream) return stream;
  const hint = nearestOf(name, Object.keys(settings.streams));
  throw new ConfigError('unknown_stream', `stream "${name}" is not declared${hint}`, {
    connection,
  });
}

/**
 * Checks fields against those the stream declares; dotted names reach into a declared one.
 * @throws ConfigError `unknown_field`
 */
export function checkFields(
  stream: StreamSettings,
  names: readonly string[],
  connection: string,
): void {
  if (!stream.fields) return;
  const known = Object.keys(stream.fields);
  for (const name of names) {
    if (known.includes(name) || known.includes(name.split('.')[0] ?? '')) continue;
    throw new ConfigError(
      'unknown_field',
      `field "${name}" is not declared${nearestOf(name, known)}`,
      {
        connection,
      },
    );
  }
}
