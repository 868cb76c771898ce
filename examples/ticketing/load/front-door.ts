/**
 * What stands before the fronts in a cluster (deploy/compose/nginx.conf): takes turns, leaves out who is
 * not ready, and asks the next when one is gone or says 503, which is safe because every write of the
 * API carries its caller's id.
 */
import { Pool } from 'undici';
import type { Problem } from '../contract.ts';
import { isReady } from './fleet.ts';

export type Answer = { status: number; body: unknown; headers: Record<string, unknown> };
export type Call = {
  method?: string;
  path: string;
  token?: string | undefined;
  body?: unknown;
  cookie?: string;
};
type Backend = { url: string; pool: Pool; ready: boolean };

const probeEveryMs = 250;

export class FrontDoor {
  readonly #urls: () => string[];
  readonly #backends = new Map<string, Backend>();
  readonly #timer: NodeJS.Timeout;
  readonly #timeoutMs: number;
  readonly #tries: number;
  /** whoever repeats himself stops when this aborts */
  readonly signal: AbortSignal;
  #turn = 0;
  #probing = false;
  /** requests under way */
  pending = 0;

  /** `tries`: how many fronts are asked before a call has failed, default 3 */
  constructor(
    urls: () => string[],
    options: { timeoutMs?: number; tries?: number; signal?: AbortSignal } = {},
  ) {
    this.#urls = urls;
    this.#timeoutMs = options.timeoutMs ?? 10_000;
    this.#tries = options.tries ?? 3;
    this.signal = options.signal ?? new AbortController().signal;
    this.refresh();
    this.#timer = setInterval(() => void this.#probe(), probeEveryMs).unref();
  }

  /** After the fleet has changed. */
  refresh(): void {
    const urls = new Set(this.#urls());
    for (const url of urls) {
      if (this.#backends.has(url)) continue;
      const pool = new Pool(url, {
        connections: 256,
        connectTimeout: 2_000,
        headersTimeout: this.#timeoutMs,
        bodyTimeout: this.#timeoutMs,
        keepAliveTimeout: 4_000,
      });
      this.#backends.set(url, { url, pool, ready: true });
    }
    for (const [url, { pool }] of this.#backends) {
      if (urls.has(url)) continue;
      this.#backends.delete(url);
      void pool.close().catch(() => {});
    }
  }

  /** @throws Error when nobody answers */
  async call({ method = 'GET', path, token, body, cookie }: Call): Promise<Answer> {
    const headers: Record<string, string> = {};
    if (token) headers.authorization = `Bearer ${token}`;
    if (cookie) headers.cookie = cookie;
    if (body !== undefined) headers['content-type'] = 'application/json';
    const text = body === undefined ? null : JSON.stringify(body);
    this.pending += 1;
    try {
      let last: unknown;
      const asked = new Set<Backend>();
      for (let attempt = 0; attempt < this.#tries; attempt += 1) {
        const backend = this.#next(asked);
        if (!backend) break;
        asked.add(backend);
        try {
          const answer = await backend.pool.request({
            method: method as 'GET',
            path,
            headers,
            body: text,
          });
          const raw = await answer.body.text();
          const parsed = raw === '' ? undefined : (JSON.parse(raw) as unknown);
          last = { status: answer.statusCode, body: parsed, headers: answer.headers };
          if (answer.statusCode !== 503) return last as Answer;
        } catch (error) {
          last = error;
          backend.ready = false;
        }
      }
      if (last instanceof Error || last === undefined) throw last ?? new Error('no front is ready');
      return last as Answer;
    } finally {
      this.pending -= 1;
    }
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.allSettled([...this.#backends.values()].map(({ pool }) => pool.destroy()));
  }

  /** The next in turn that is ready and was not asked yet; only when none is ready, any. */
  #next(asked: Set<Backend>): Backend | undefined {
    const all = [...this.#backends.values()];
    const ready = all.filter((backend) => backend.ready);
    const from = (ready.length > 0 ? ready : all).filter((backend) => !asked.has(backend));
    this.#turn += 1;
    return from[this.#turn % from.length];
  }

  async #probe(): Promise<void> {
    if (this.#probing) return;
    this.#probing = true;
    await Promise.all(
      [...this.#backends.values()].map(async (backend) => {
        backend.ready = await isReady(backend.url);
      }),
    );
    this.#probing = false;
  }
}

export const problemOf = ({ body }: Answer): Partial<Problem> => (body ?? {}) as Partial<Problem>;
