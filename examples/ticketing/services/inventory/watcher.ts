/**
 * Somebody who is told what many others are told. Both feeds tell by the same few lines: those who wait hear something all the
 * time, so that V8 has compiled them when a seat is taken, of which all must hear at once.
 */
export type Listener = (message: Buffer) => void;
export type Watcher = {
  listener: Listener;
  /** what it was told last: nobody is told the same twice */
  heard: Buffer | undefined;
  hasLeft: boolean;
};

/**
 * Tells those who have not left and have not heard the `latest`, which may become another one meanwhile, or nothing, which ends it.
 * After each `slice` of them there is a `rest`.
 */
export async function tell(
  to: Set<Watcher>,
  latest: () => Buffer | undefined,
  slice: number,
  rest: () => Promise<unknown>,
): Promise<void> {
  const watchers = to.values();
  for (let message = latest(); message && tellSome(watchers, message, slice); message = latest()) {
    await rest();
  }
}

/** False when nobody is left. */
function tellSome(watchers: SetIterator<Watcher>, message: Buffer, slice: number): boolean {
  for (let told = 0; told < slice; ) {
    const { done, value: watcher } = watchers.next();
    if (done) return false;
    if (watcher.hasLeft || watcher.heard === message) continue;
    watcher.heard = message;
    watcher.listener(message);
    told += 1;
  }
  return true;
}
