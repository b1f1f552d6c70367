/** Another attempt owns the chunk now: this one must change nothing more (R6). */
export class SupersededError extends Error {
  constructor(run: string, no: number) {
    super(`another attempt owns chunk ${no} of run ${run}`);
    this.name = 'SupersededError';
  }
}

/** Greater than every attempt's token: whoever settles a run that is over claims its chunks with it, for good. */
export const finalToken = Number.MAX_SAFE_INTEGER;
