import type { PgQueries } from './pg-like.ts';
import { type Position, toToken, UNKNOWN_POSITION } from './position.ts';
import type { WriteOptions } from './router-options.ts';

/** What a session needs of its router. */
export interface SessionRoutes {
  read<T>(run: (db: PgQueries) => Promise<T>, after: Position | undefined): Promise<Routed<T>>;
  write<T>(
    run: (db: PgQueries) => Promise<T>,
    after: Position | undefined,
    options: WriteOptions,
    onCommit: () => void,
  ): Promise<Routed<T>>;
}

/** A result, and from where the session goes on; undefined: from where it was. */
export interface Routed<T> {
  readonly value: T;
  readonly position: Position | undefined;
}

/**
 * One visitor's reads and writes: no read of a session is older than its last write. `token` carries that to the
 * visitor's next request, on whatever instance: put it in a cookie or a header.
 */
export class PgSession {
  readonly #routes: SessionRoutes;
  #position: Position | undefined;

  /** Made by `ReadWriteRouter.session()`. */
  constructor(routes: SessionRoutes, position: Position | undefined) {
    this.#routes = routes;
    this.#position = position;
  }

  /** Where the last write ended: timeline and LSN, such as `1-16b3748`; undefined before the first. */
  get token(): string | undefined {
    return this.#position && toToken(this.#position);
  }

  /** As `router.read`, from a server that has this session's writes. */
  async read<T>(run: (db: PgQueries) => Promise<T>): Promise<T> {
    const after = this.#position;
    const { value, position } = await this.#routes.read(run, after);
    // Unless a write of the same session has moved it on meanwhile.
    if (position !== undefined && this.#position === after) this.#position = position;
    return value;
  }

  /** As `router.write`; moves the token on. After a commit whose outcome is unknown, reads go to the primary. */
  async write<T>(run: (db: PgQueries) => Promise<T>, options: WriteOptions = {}): Promise<T> {
    let isCommitting = false;
    try {
      const { value, position } = await this.#routes.write(run, this.#position, options, () => {
        isCommitting = true;
      });
      this.#moveTo(position);
      return value;
    } catch (error) {
      if (isCommitting) this.#position = UNKNOWN_POSITION;
      throw error;
    }
  }

  /** Two writes at once may end in either order: the later place counts, and "unknown" until the primary was asked. */
  #moveTo(position: Position | undefined): void {
    const old = this.#position;
    if (position === undefined || old?.timeline === 0) return;
    const isOlder =
      old !== undefined &&
      (position.timeline < old.timeline ||
        (position.timeline === old.timeline && position.lsn < old.lsn));
    if (!isOlder) this.#position = position;
  }
}
