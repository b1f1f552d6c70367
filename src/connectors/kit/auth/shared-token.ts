import { createHash, randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Answered, Calls, Wire } from '../../contract/calls.ts';
import type { Memory, Remembered } from '../../contract/memory.ts';
import { ConfigError } from '../../../model/failure.ts';
import type { OAuth2, RefreshToken } from './auth.ts';
import type { AccessToken, TokenAddress, TokenAnswer } from './token-address.ts';

/** The memory's value, as JSON: a refresh token, and the access token that the one before it was spent for. */
interface Chain {
  /** The one to send next. */
  readonly refreshToken: string;
  /** The last access token. Absent: none was issued yet. */
  readonly access?: AccessToken;
  /** Set by the worker that sends `refreshToken` just now. */
  readonly claim?: string;
}

/** The chain, and the version of the memory that held it; null where the memory holds none yet. */
interface Seen {
  readonly chain: Chain;
  readonly version: Remembered | null;
}

/** A worker that waits for another one's token looks for it so often. Milliseconds. */
const lookMs = 100;

/** A refresh call is never cut but by its time-out: its answer may be the only copy of the next refresh token. */
const never = new AbortController().signal;

/**
 * An access token that all workers share, renewed by a refresh token that may rotate. The connection's memory goes from
 * one state to the next by compare-and-swap:
 *
 * ```
 * idle ──claim──▶ claimed ──the answer is kept──▶ idle, with the next tokens
 *                    │ ▲
 *         given up ◀─┘ └── taken over from a worker that is silent for longer than a call may take
 * ```
 *
 * Where several workers want a new token at once, one claims and calls; the others wait and read what it has kept. This
 * matters where a refresh token may be sent once: vendors take a second use for theft and end the whole chain.
 *
 * A token can still be lost: a worker that dies after the vendor has spent the old refresh token and before the new one is
 * kept takes the new one with it, and so does an answer that never arrives. The next worker sends the old one again. Where
 * the vendor takes it, nothing happened; else a person must allow access again. No client can do better, since the answer is
 * the only copy.
 */
export class SharedToken {
  readonly #auth: OAuth2 & RefreshToken;
  readonly #address: TokenAddress;
  readonly #memory: Memory;
  readonly #name: string;
  /** A claim that stands for so long is that of a worker that died. Milliseconds. */
  readonly #patienceMs: number;

  constructor(
    auth: OAuth2 & RefreshToken,
    address: TokenAddress,
    memory: Memory,
    timeoutMs: number,
  ) {
    this.#auth = auth;
    this.#address = address;
    this.#memory = memory;
    this.#name = nameOf(auth);
    this.#patienceMs = 2 * timeoutMs + 1000;
  }

  /**
   * A token that is good, other than `refused`.
   * @throws ConfigError `credentials` where the refresh token is not taken; `needs_server` where there is no memory
   */
  async get(calls: Calls, refused?: string): Promise<AccessToken> {
    const standing = new Standing(this.#patienceMs);
    for (;;) {
      calls.signal.throwIfAborted();
      const { chain } = await this.#look();
      if (isGood(chain.access, refused)) return chain.access;
      if (standing.isAlive(chain.claim)) {
        await sleep(lookMs, undefined, { signal: calls.signal }).catch(() => undefined);
        continue;
      }
      const { access, answer } = await calls.make((wire) => this.#renew(wire, standing, refused), {
        effect: false,
      });
      if (access !== undefined) return access;
      // Refused for its rate, by an answer that is not waited for.
      if (answer !== undefined) return this.#address.issued(answer);
    }
  }

  /** Claims the refresh token and sends it. Where another worker was faster there is nothing to tell, but more to read. */
  async #renew(
    { sent }: Wire,
    standing: Standing,
    refused: string | undefined,
  ): Promise<Answered<Renewed>> {
    const seen = await this.#look();
    const { access, claim, refreshToken } = seen.chain;
    if (isGood(access, refused)) return { value: { access } };
    const mine = randomUUID();
    if (standing.isAlive(claim) || !(await this.#swap({ ...seen.chain, claim: mine }, seen)))
      return { value: {} };
    try {
      const form = refreshForm(this.#auth, refreshToken);
      const answer = await this.#address.post(form, { signal: never, sent });
      const { limits } = answer;
      if (limits.limited === true) {
        await this.#giveUp(mine);
        return { value: { answer }, limits };
      }
      const { refreshToken: next = refreshToken, ...issued } = this.#address.issued(answer);
      const kept = await this.#keep({ refreshToken: next, access: issued }, refreshToken);
      return { value: { access: kept }, limits };
    } catch (error) {
      await this.#giveUp(mine).catch(() => undefined);
      // The worker that this claim was taken over from has ended its call after all.
      const wasSpent = (await this.#look()).chain.refreshToken !== refreshToken;
      if (error instanceof ConfigError && wasSpent) return { value: {} };
      throw error;
    }
  }

  /**
   * Keeps what was issued for `spent`, also where another worker has claimed that meanwhile: it cannot get more for it. A
   * memory that cannot be reached is tried again for a while, since nothing else holds the next refresh token.
   */
  async #keep(next: Required<Pick<Chain, 'access' | 'refreshToken'>>, spent: string) {
    const until = performance.now() + this.#patienceMs;
    for (;;) {
      try {
        const seen = await this.#look();
        const { access, refreshToken } = seen.chain;
        if (refreshToken !== spent && access !== undefined) return access;
        if (await this.#swap(next, seen)) return next.access;
      } catch (error) {
        if (performance.now() > until) throw error;
        await sleep(lookMs);
      }
    }
  }

  async #giveUp(mine: string): Promise<void> {
    const seen = await this.#look();
    const { claim, ...chain } = seen.chain;
    if (claim === mine) await this.#swap(chain, seen);
  }

  async #look(): Promise<Seen> {
    const version = await this.#memory.get(this.#name);
    const chain =
      version === null
        ? { refreshToken: this.#auth.refreshToken }
        : (JSON.parse(version.value) as Chain);
    return { chain, version };
  }

  #swap(chain: Chain, { version }: Seen): Promise<boolean> {
    return this.#memory.swap(this.#name, JSON.stringify(chain), version);
  }
}

/** A token, or an answer that refused it for its rate, or neither. */
interface Renewed {
  readonly access?: AccessToken;
  readonly answer?: TokenAnswer;
}

/** Watches a claim: the clocks of two workers may differ, so each measures by its own for how long it stands. */
class Standing {
  readonly #patienceMs: number;
  #claim: string | undefined;
  #since = 0;

  constructor(patienceMs: number) {
    this.#patienceMs = patienceMs;
  }

  /** True while the worker that holds the claim may still be calling. */
  isAlive(claim: string | undefined): boolean {
    if (claim === undefined) return false;
    if (claim !== this.#claim) {
      this.#claim = claim;
      this.#since = performance.now();
    }
    return performance.now() - this.#since < this.#patienceMs;
  }
}

function isGood(
  access: AccessToken | undefined,
  refused: string | undefined,
): access is AccessToken {
  return access !== undefined && access.value !== refused && access.until > Date.now();
}

function refreshForm({ clientId, clientSecret }: RefreshToken, refreshToken: string) {
  return {
    grant_type: 'refresh_token',
    client_id: clientId,
    ...(clientSecret !== undefined && { client_secret: clientSecret }),
    refresh_token: refreshToken,
  };
}

/** Other settings begin another chain: whoever allows access again is not held to what the memory has. */
function nameOf({ tokenUrl, clientId, refreshToken }: OAuth2 & RefreshToken): string {
  const begin = JSON.stringify([tokenUrl, clientId, refreshToken]);
  return `oauth2/${createHash('sha256').update(begin).digest('hex').slice(0, 16)}`;
}
