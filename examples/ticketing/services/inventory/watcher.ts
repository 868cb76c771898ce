/**
 * Somebody who is told what many others are told. Both feeds tell by the same few lines: those who wait hear something all the
 * time, so that V8 has compiled them when a seat is taken, of which all must hear at once.
 */
import { setImmediate } from 'node:timers/promises';

/** sent without a pause; between slices, others have their turn */
const slice = 150;
/** of the time that it took: so much later a neighbour on the same cores may be done */
const neighboursShare = 0.25;

export type Listener = (message: Buffer) => void;
export type Watcher = {
  listener: Listener;
  /** what it was told last: nobody is told the same twice */
  heard: Buffer | undefined;
  hasLeft: boolean;
};

/** What all must hear at once; what can wait looks here whether it should. */
export class Broadcasts {
  #count = 0;
  #quietFrom = 0;

  get isUnderWay(): boolean {
    return this.#count > 0 || performance.now() < this.#quietFrom;
  }

  /** As `tell`, without more of a rest than others need. */
  async tell(to: Set<Watcher>, latest: () => Buffer | undefined): Promise<void> {
    const begin = performance.now();
    this.#count += 1;
    try {
      await tell(to, latest, slice, () => setImmediate());
    } finally {
      this.#count -= 1;
      const end = performance.now();
      this.#quietFrom = end + (end - begin) * neighboursShare;
    }
  }
}

/**
 * Tells those who have not left and have not heard the `latest`, which may become another one meanwhile, or nothing, which ends it.
 * After so many of them `atATime` there is a `rest`.
 */
export async function tell(
  to: Set<Watcher>,
  latest: () => Buffer | undefined,
  atATime: number,
  rest: () => Promise<unknown>,
): Promise<void> {
  const watchers = to.values();
  for (
    let message = latest();
    message && tellSome(watchers, message, atATime);
    message = latest()
  ) {
    await rest();
  }
}

/** False when nobody is left. */
function tellSome(watchers: SetIterator<Watcher>, message: Buffer, atATime: number): boolean {
  for (let told = 0; told < atATime; ) {
    const { done, value: watcher } = watchers.next();
    if (done) return false;
    if (watcher.hasLeft || watcher.heard === message) continue;
    watcher.heard = message;
    watcher.listener(message);
    told += 1;
  }
  return true;
}
