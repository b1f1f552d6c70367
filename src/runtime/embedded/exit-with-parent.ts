/** Options for ending a child process with its parent. */
export interface ExitWithParentOptions {
  /** Finishes work that can be finished quickly. Default: nothing. */
  readonly drain?: () => Promise<void>;
  /** The time in milliseconds after which the process ends in any case. Default 5000. */
  readonly graceMs?: number;
}

/**
 * Ends this process when the supervisor that started it is gone, however it ended: the IPC channel between them breaks
 * then. Without a channel (a worker started alone) nothing happens. The channel does not keep the process alive.
 */
export function exitWithParent({ drain, graceMs = 5000 }: ExitWithParentOptions = {}): void {
  if (!process.channel) return;
  process.channel.unref();
  process.once('disconnect', () => {
    setTimeout(() => process.exit(1), graceMs).unref();
    void (drain?.() ?? Promise.resolve()).catch(() => undefined).then(() => process.exit(1));
  });
}
