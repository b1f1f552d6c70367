/**
 * Waits for SIGINT or SIGTERM (or for `closed`), then stops gracefully. A second signal ends the process at once.
 * @param closed settles when the running part ends by itself; a rejection is passed on once everything is stopped
 */
export async function untilStopped(
  stop: () => Promise<void>,
  closed: Promise<void> = new Promise(() => {}),
): Promise<void> {
  const signals = ['SIGINT', 'SIGTERM'] as const;
  let listener: NodeJS.SignalsListener | undefined;
  const signalled = new Promise<void>((resolve) => {
    let first = true;
    listener = (signal) => {
      if (!first) process.exit(signal === 'SIGINT' ? 130 : 143);
      first = false;
      resolve();
    };
    for (const signal of signals) process.on(signal, listener);
  });
  try {
    try {
      await Promise.race([signalled, closed]);
    } finally {
      await stop();
    }
  } finally {
    for (const signal of signals) if (listener) process.off(signal, listener);
  }
}
