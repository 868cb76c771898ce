/** Event pages, from the caches when they can. */

import type { ReadWriteRouter } from '@evenkeel/health/postgres';
import type { TieredCache } from '@evenkeel/tiered-cache';
import type { EventList } from '../../contract.ts';
import { ProblemError } from '../problem.ts';
import { type CatalogEvent, listEvents, loadEvent } from './event-page.ts';

const ttlMs = 60_000;

export class Catalog {
  readonly #cache: TieredCache;
  readonly #database: ReadWriteRouter;
  /** Off only to see what it is good for: then every reader asks the database. */
  isCached = true;
  readonly #onLoad: () => void;

  /** `onLoad` hears of every question to the database that readers cause. */
  constructor(options: { cache: TieredCache; database: ReadWriteRouter; onLoad?: () => void }) {
    this.#cache = options.cache;
    this.#database = options.database;
    this.#onLoad = options.onLoad ?? (() => {});
  }

  list(): Promise<EventList['events']> {
    return this.#cache.get('events', () => this.#database.read(listEvents), { ttlMs });
  }

  /**
   * Runs `write`, which changes the event in the database. Who reads it meanwhile waits, and gets what came of
   * it: read where it was written, since a replica may not have it yet. @throws what `write` throws
   */
  async change(slug: string, write: () => Promise<unknown>): Promise<CatalogEvent> {
    const load = async () => {
      await write();
      return this.#database.write(async (db) => (await loadEvent(db, slug)) ?? null);
    };
    const { value } = await this.#cache.writeThrough(`event:${slug}`, load, { ttlMs });
    await this.#cache.invalidate('events');
    if (value) return value;
    throw new ProblemError('not_found', 'There is no such event.');
  }

  /** After a change of it: every process asks the database the next time. */
  async forget(slug: string): Promise<void> {
    await this.#cache.invalidate(`event:${slug}`);
    await this.#cache.invalidate('events');
  }

  /** @throws ProblemError `not_found` */
  async event(slug: string): Promise<CatalogEvent> {
    // what cannot be a slug is not looked up, so that nobody fills the cache with nonsense
    const known = /^[a-z0-9-]{1,64}$/.test(slug) ? await this.#find(slug) : null;
    if (known) return known;
    throw new ProblemError('not_found', 'There is no such event.');
  }

  /**
   * For a process that starts, once the event is in the database: its page in the caches, where one that started
   * before may have asked for it when there was none. @throws ProblemError `not_found`
   */
  warm(slug: string): Promise<CatalogEvent> {
    return this.event(slug).catch((error) => {
      if (error instanceof ProblemError) return this.change(slug, async () => {});
      throw error;
    });
  }

  #find(slug: string): Promise<CatalogEvent | null> {
    const load = () => {
      this.#onLoad();
      return this.#database.read(async (db) => (await loadEvent(db, slug)) ?? null);
    };
    return this.isCached ? this.#cache.get(`event:${slug}`, load, { ttlMs }) : load();
  }
}
