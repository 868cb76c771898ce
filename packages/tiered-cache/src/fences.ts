import { isNewer, type LogId, newest, START } from './log-id.ts';

const MOST = 10_000;

/**
 * Keys this process has written, or was told to know a write of, whose echo has not come back from
 * the near replica: until then a replica's value counts only when it is as of the write or later.
 */
export class Fences {
  readonly #ids = new Map<string, LogId>();
  /** Stands for all keys when there were too many to tell apart. */
  #all: LogId = START;
  #era = 0;

  get size(): number {
    return this.#ids.size;
  }

  get any(): boolean {
    return this.#ids.size > 0 || this.#all !== START;
  }

  raise(key: string, id: LogId): void {
    const raised = this.#ids.get(key);
    this.#ids.set(key, raised === undefined ? id : newest(raised, id));
    if (this.#ids.size > MOST) {
      for (const each of this.#ids.values()) this.#all = newest(this.#all, each);
      this.#ids.clear();
    }
  }

  /** Rises whenever near goes back. */
  get era(): number {
    return this.#era;
  }

  /** What is read from a replica from now on must be as of here or later. */
  of(key: string): LogId {
    return newest(this.#all, this.#ids.get(key) ?? START);
  }

  /** Whether this process knew of the change at `id` before it came back. */
  knew(key: string, id: LogId): boolean {
    const own = this.#ids.get(key);
    return own !== undefined && !isNewer(id, own);
  }

  /** The near replica has everything up to `cursor`. O(fences). */
  lift(cursor: LogId): void {
    if (!isNewer(this.#all, cursor)) this.#all = START;
    for (const [key, id] of this.#ids) if (!isNewer(id, cursor)) this.#ids.delete(key);
  }

  /** Near has gone back behind `id`: until it has come as far again, this stands for all keys. */
  raiseAll(id: LogId): void {
    this.#all = newest(this.#all, id);
    this.#era++;
  }
}
