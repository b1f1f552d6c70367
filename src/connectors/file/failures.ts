import { ConfigError, SluiceError, TransientError } from '../../model/failure.ts';

const denied = new Set(['EACCES', 'EPERM', 'EROFS']);
const misplaced = new Set(['ENOENT', 'ENOTDIR', 'EISDIR', 'ELOOP', 'ENAMETOOLONG']);

/** Returns the system's code of a failed call, such as `ENOENT`; empty for any other value. */
export function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string'
    ? error.code
    : '';
}

/** Classes an error of a file system call; any other error is returned unchanged. */
export function fileFailure(error: unknown, connection: string, name: string): unknown {
  if (error instanceof ConfigError && error.connection === undefined) {
    return new ConfigError(error.code, error.message, { connection, cause: error });
  }
  if (error instanceof SluiceError) return error;
  const code = codeOf(error);
  const options = { connection, cause: error };
  if (denied.has(code)) {
    return new ConfigError(
      'permission_denied',
      `connection ${connection}: no permission for ${name} (${code}); grant it to the user that runs the worker`,
      options,
    );
  }
  if (misplaced.has(code)) {
    return new ConfigError(
      'not_found',
      `connection ${connection}: ${name} cannot be opened (${code})`,
      options,
    );
  }
  if (/^E[A-Z]+$/.test(code)) {
    return new TransientError('file_system', `connection ${connection}: ${name}: ${code}`, options);
  }
  return error;
}

/** Returns the error for a file whose content does not fit its format. It names file and line, never content (R1). */
export function malformed(file: string, line: number, why: string): ConfigError {
  return new ConfigError('malformed_file', `${file}, line ${line}: ${why}`);
}
