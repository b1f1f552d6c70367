/** What a child does when its parent is gone. */
export interface ExitWithParentOptions {
  /** Finishes what can be finished quickly. Default: nothing. */
  readonly drain?: () => Promise<void>;
  /** Milliseconds after which the process ends in any case. Default 5000. */
  readonly graceMs?: number;
}

/**
 * Ends this process when the supervisor that started it has gone, however it went: the IPC channel between them
 * then breaks. Without a channel (a worker started alone) nothing happens. Does not keep the process alive.
 */
export function exitWithParent({ drain, graceMs = 5000 }: ExitWithParentOptions = {}): void {
  if (!process.channel) return;
  process.channel.unref();
  process.once('disconnect', () => {
    setTimeout(() => process.exit(1), graceMs).unref();
    void (drain?.() ?? Promise.resolve()).catch(() => undefined).then(() => process.exit(1));
  });
}
