/**
 * What many hear at once. Both feeds tell by the same few lines: those who wait hear something all the
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
  /** what it was told last, or `nothing`: nobody is told the same twice */
  heard: Buffer;
  hasLeft: boolean;
};

/** No `undefined`: V8 throws code away that has compared Buffers only, and compiles it anew while all are being told. */
export const nothing = Buffer.alloc(0);

/** What all must hear at once; what can wait looks here whether it should. */
export class Broadcasts {
  #count = 0;
  #quietFrom = 0;

  get isUnderWay(): boolean {
    return this.#count > 0 || performance.now() < this.#quietFrom;
  }

  /** As `tell`, without more of a rest than others need. */
  async tell(to: Iterable<Watcher>, latest: () => Buffer | undefined): Promise<void> {
    const begin = performance.now();
    this.#count += 1;
    try {
      await tell(to, latest, slice, () => setImmediate());
    } finally {
      this.#count -= 1;
      const end = performance.now();
      // a short one beside a long one takes nothing from it
      this.#quietFrom = Math.max(this.#quietFrom, end + (end - begin) * neighboursShare);
    }
  }
}

/**
 * Tells those who have not left and have not heard the `latest`, which may become another one meanwhile, or nothing, which ends it.
 * After so many of them `atATime` there is a `rest`. Who comes meanwhile is not told.
 */
export async function tell(
  to: Iterable<Watcher>,
  latest: () => Buffer | undefined,
  atATime: number,
  rest: () => Promise<unknown>,
): Promise<void> {
  const watchers = [...to];
  for (let next = 0, message = latest(); message; message = latest()) {
    next = tellSome(watchers, next, message, atATime);
    if (next === watchers.length) return;
    await rest();
  }
}

/** The index of who is next. */
function tellSome(watchers: Watcher[], from: number, message: Buffer, atATime: number): number {
  let next = from;
  for (let told = 0; told < atATime && next < watchers.length; next += 1) {
    const watcher = watchers[next] as Watcher;
    if (watcher.hasLeft || watcher.heard === message) continue;
    watcher.heard = message;
    watcher.listener(message);
    told += 1;
  }
  return next;
}
