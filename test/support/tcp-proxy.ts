import { connect, createServer, type Server, type Socket } from 'node:net';
import type { AddressInfo } from 'node:net';

/** A TCP link that a test can harm. It does not interpret the bytes. */
export interface TcpProxy {
  /** `host:port` of the near end. */
  readonly address: string;
  /** Returns `url` with the proxy's near end in place of the far end. */
  through(url: string): string;
  /** Stops bytes in both directions; connections stay open and new ones are accepted. */
  stall(): void;
  /** Resets all connections, new ones too. */
  refuse(): void;
  /** Limits requests to this rate, in bytes a second. */
  slow(rate: number): void;
  /** Ends `stall`, `refuse` and `slow`. */
  pass(): void;
  /** Resets every connection, once. */
  reset(): void;
  /** Resets the first connection that has brought this many more bytes of answers. Resolves then. */
  cutAfter(bytes: number): Promise<void>;
  /** Forwards the next request that matches, and resets its connection once the answer has come. Resolves then. */
  loseAnswerTo(request: RegExp): Promise<void>;
  /** Resets the connection of the next request that matches, without forwarding it. Resolves then. */
  loseRequest(request: RegExp): Promise<void>;
  /** Returns the number of bytes of answers that have passed so far. */
  answered(): number;
  close(): Promise<void>;
}

interface Link {
  readonly near: Socket;
  readonly far: Socket;
  /** Called when the far end answers, instead of passing on the answer. */
  lose?: () => void;
}

type State = 'pass' | 'stall' | 'refuse';

/** Starts a proxy to `target` (`host:port`). */
export async function startProxy(target: string): Promise<TcpProxy> {
  const proxy = new Proxy(target);
  await proxy.listen();
  return proxy;
}

class Proxy implements TcpProxy {
  readonly #host: string;
  readonly #port: number;
  readonly #server: Server;
  readonly #links = new Set<Link>();
  #state: State = 'pass';
  #rate = Number.POSITIVE_INFINITY;
  #passed = 0;
  #cut: { at: number; done: () => void } | undefined;
  #lost: { request: RegExp; forward: boolean; done: () => void } | undefined;

  constructor(target: string) {
    const [host = '', port = ''] = target.split(':');
    this.#host = host;
    this.#port = Number(port);
    this.#server = createServer({ pauseOnConnect: true }, (near) => this.#accept(near));
  }

  listen(): Promise<void> {
    return new Promise((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
  }

  get address(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  through(url: string): string {
    const own = new URL(url);
    own.host = this.address;
    return own.href;
  }

  stall(): void {
    this.#state = 'stall';
    for (const { near, far } of this.#links) for (const end of [near, far]) end.pause();
  }

  refuse(): void {
    this.#state = 'refuse';
    this.reset();
  }

  slow(rate: number): void {
    this.#rate = rate;
  }

  pass(): void {
    this.#state = 'pass';
    this.#rate = Number.POSITIVE_INFINITY;
    for (const { near, far } of this.#links) for (const end of [near, far]) end.resume();
  }

  reset(): void {
    for (const link of this.#links) this.#break(link);
  }

  cutAfter(bytes: number): Promise<void> {
    return new Promise((done) => (this.#cut = { at: this.#passed + bytes, done }));
  }

  loseAnswerTo(request: RegExp): Promise<void> {
    return new Promise((done) => (this.#lost = { request, forward: true, done }));
  }

  loseRequest(request: RegExp): Promise<void> {
    return new Promise((done) => (this.#lost = { request, forward: false, done }));
  }

  answered(): number {
    return this.#passed;
  }

  async close(): Promise<void> {
    this.reset();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #accept(near: Socket): void {
    if (this.#state === 'refuse') {
      near.resetAndDestroy();
      return;
    }
    const link: Link = { near, far: connect(this.#port, this.#host) };
    this.#links.add(link);
    for (const end of [near, link.far]) {
      end.setNoDelay(true);
      end.on('error', () => this.#break(link));
      end.on('close', () => this.#break(link));
    }
    near.on('data', (chunk) => this.#ask(link, chunk));
    link.far.on('data', (chunk) => this.#answer(link, chunk));
    near.on('drain', () => {
      if (this.#state === 'pass') link.far.resume();
    });
    link.far.on('drain', () => {
      if (this.#state === 'pass') near.resume();
    });
    if (this.#state === 'stall') link.far.pause();
    else near.resume();
  }

  #ask(link: Link, chunk: Buffer): void {
    const lost = this.#lost;
    if (lost?.request.test(chunk.toString('latin1'))) {
      this.#lost = undefined;
      link.lose = lost.done;
      if (!lost.forward) return this.#lose(link);
    }
    const full = !link.far.write(chunk);
    const pauseMs = (chunk.length / this.#rate) * 1000;
    if (full || pauseMs > 0) link.near.pause();
    if (!full && pauseMs > 0) setTimeout(() => link.near.resume(), pauseMs);
  }

  #answer(link: Link, chunk: Buffer): void {
    if (link.lose !== undefined) return this.#lose(link);
    this.#passed += chunk.length;
    const cut = this.#cut;
    if (cut !== undefined && this.#passed >= cut.at) {
      this.#cut = undefined;
      link.near.write(chunk.subarray(0, chunk.length - (this.#passed - cut.at)));
      this.#break(link);
      cut.done();
      return;
    }
    if (!link.near.write(chunk)) link.far.pause();
  }

  #lose(link: Link): void {
    this.#break(link);
    link.lose?.();
  }

  #break(link: Link): void {
    if (!this.#links.delete(link)) return;
    link.near.resetAndDestroy();
    link.far.resetAndDestroy();
  }
}
