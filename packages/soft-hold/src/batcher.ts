import type { BoardRequest } from './board.ts';

/** Where the answers of one batch stand in time. */
export type Answer = Omit<BatchReply, 'results'> & { result: unknown[] };

/** `seq` is epoch and position joined; `more` says that due holds were left for the next call. */
export type BatchReply = {
  epoch: number;
  seq: number;
  now: number;
  more: boolean;
  results: unknown[][];
};

type Waiting = {
  request: BoardRequest;
  resolve: (answer: Answer) => void;
  reject: (error: unknown) => void;
  aborted: boolean;
};

/**
 * Gathers the requests of one turn of the event loop and sends them together, at most `most` in one
 * call: with many buyers at once the cost of a call to Redis is shared, with one there is nothing
 * to wait for. Each request is decided by itself.
 */
export class Batcher {
  readonly #send: (requests: BoardRequest[]) => Promise<BatchReply>;
  readonly #most: number;
  #queue: Waiting[] = [];
  #scheduled = false;

  constructor(send: (requests: BoardRequest[]) => Promise<BatchReply>, most: number) {
    this.#send = send;
    this.#most = most;
  }

  /** An aborted request that has not been sent never is; one that has is only no longer waited for. */
  request(request: BoardRequest, signal?: AbortSignal): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const waiting: Waiting = { request, resolve, reject, aborted: false };
      if (signal !== undefined) {
        if (signal.aborted) {
          reject(signal.reason);
          return;
        }
        const onAbort = () => {
          waiting.aborted = true;
          reject(signal.reason);
        };
        signal.addEventListener('abort', onAbort, { once: true });
        waiting.resolve = (answer) => {
          signal.removeEventListener('abort', onAbort);
          resolve(answer);
        };
        waiting.reject = (error) => {
          signal.removeEventListener('abort', onAbort);
          reject(error);
        };
      }
      this.#queue.push(waiting);
      if (this.#queue.length >= this.#most) this.#flush();
      else if (!this.#scheduled) {
        this.#scheduled = true;
        setImmediate(() => {
          this.#scheduled = false;
          this.#flush();
        });
      }
    });
  }

  /** Rejects what has not been sent. */
  close(error: Error): void {
    const queue = this.#queue;
    this.#queue = [];
    for (const waiting of queue) waiting.reject(error);
  }

  #flush(): void {
    const batch = this.#queue.filter((waiting) => !waiting.aborted);
    this.#queue = [];
    if (batch.length === 0) return;
    this.#send(batch.map((waiting) => waiting.request)).then(
      ({ epoch, seq, now, more, results }) => {
        batch.forEach((waiting, i) => {
          waiting.resolve({ epoch, seq, now, more, result: results[i] as unknown[] });
        });
      },
      (error) => {
        for (const waiting of batch) waiting.reject(error);
      },
    );
  }
}
