import type { Tier } from './tier.ts';

/** More keys in one command would keep the others of that Redis waiting. */
const MOST = 1_000;

type Done = (text: string | null) => void;
type Failed = (error: unknown) => void;

/**
 * Joins the reads of one turn of the event loop into one MGET: a write to a socket costs more than
 * all the rest of a read. The keys of a namespace are in one slot, so this works on a cluster too.
 */
export class ReadBatch {
  readonly #tier: Tier;
  #keys: string[] = [];
  #done: Done[] = [];
  #failed: Failed[] = [];

  constructor(tier: Tier) {
    this.#tier = tier;
  }

  /** One of the two is called, later. */
  read(key: string, done: Done, failed: Failed): void {
    // runs when all that is ready to run has run
    if (this.#keys.length === 0) process.nextTick(() => this.#send());
    this.#keys.push(key);
    this.#done.push(done);
    this.#failed.push(failed);
    if (this.#keys.length >= MOST) this.#send();
  }

  #send(): void {
    const keys = this.#keys;
    const done = this.#done;
    const failed = this.#failed;
    if (keys.length === 0) return;
    this.#keys = [];
    this.#done = [];
    this.#failed = [];
    this.#tier
      .run((client) => client.mget(...keys))
      .then(
        (texts) => done.forEach((each, i) => void each(texts[i] ?? null)),
        (error) => {
          for (const each of failed) each(error);
        },
      );
  }
}
