import type { Decided, QuotaKind, Quotas } from '../../src/store/quotas.ts';

/** Quotas of a process that shares them with nobody, such as a command that tries connections. */
export class LocalQuotas implements Pick<Quotas, 'change'> {
  readonly #states = new Map<string, unknown>();

  async change<S, R>(
    connection: string,
    decide: (state: S | null, now: number) => { state: S; result: R },
    kind: QuotaKind = 'pace',
  ): Promise<Decided<R>> {
    const from = performance.now();
    const at = Date.now();
    const key = `${kind} ${connection}`;
    const { state, result } = decide((this.#states.get(key) ?? null) as S | null, at);
    this.#states.set(key, state);
    return { result, clock: { at, from, to: performance.now() } };
  }
}
