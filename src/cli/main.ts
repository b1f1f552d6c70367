#!/usr/bin/env node
import { reportError } from './exit.ts';
import { createProgram } from './program.ts';

// A reader such as `head` that stops reading early is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  process.exit(error.code === 'EPIPE' ? 0 : 1);
});

try {
  await createProgram().parseAsync();
} catch (error) {
  process.exitCode = reportError(error, process.argv.includes('--json'));
}

// Everything is stopped by now; handles that a library left open must not keep the process alive.
process.stdout.write('', () => process.exit());
