import { EventEmitter } from 'node:events';
import { isFinal, type JobStatus, type StatusStore, type StatusUpdate } from './status.ts';

/** Makes a status store within this process, for tests without servers. It forgets everything at its end. */
export function memoryStatus(): StatusStore {
  return new MemoryStatus();
}

class MemoryStatus implements StatusStore {
  readonly #updates = new Map<string, StatusUpdate>();
  readonly #cancelled = new Set<string>();
  readonly #events = new EventEmitter().setMaxListeners(0);
  readonly #closing = new AbortController();

  async write(updates: readonly StatusUpdate[]): Promise<void> {
    for (const update of updates) {
      const { id } = update.status;
      const known = this.#updates.get(id);
      if (known && known.order >= update.order) continue;
      // As JSON, which is what other stores give back
      const stored = JSON.parse(JSON.stringify(update)) as StatusUpdate;
      this.#updates.set(id, stored);
      this.#events.emit(id, stored.status);
    }
  }

  async read(id: string): Promise<JobStatus | null> {
    return this.#updates.get(id)?.status ?? null;
  }

  async *watch(id: string, signal?: AbortSignal): AsyncGenerator<JobStatus> {
    let latest = this.#updates.get(id)?.status ?? null;
    let wake: () => void = () => {};
    const told = (status: JobStatus): void => {
      latest = status;
      wake();
    };
    const until = AbortSignal.any([this.#closing.signal, ...(signal ? [signal] : [])]);
    until.addEventListener('abort', () => wake(), { once: true });
    this.#events.on(id, told);
    try {
      while (!until.aborted) {
        if (latest === null) {
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
          continue;
        }
        const status: JobStatus = latest;
        latest = null;
        yield status;
        if (isFinal(status.state)) return;
      }
    } finally {
      this.#events.off(id, told);
    }
  }

  async cancel(id: string): Promise<void> {
    this.#cancelled.add(id);
    this.#events.emit('cancelled', id);
  }

  async cancellations(cancelled: (id: string) => void): Promise<() => void> {
    this.#events.on('cancelled', cancelled);
    for (const id of this.#cancelled) cancelled(id);
    return () => this.#events.off('cancelled', cancelled);
  }

  async ping(): Promise<void> {}

  async close(): Promise<void> {
    this.#closing.abort();
  }
}
