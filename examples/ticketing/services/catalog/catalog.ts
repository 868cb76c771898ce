/** Event pages, from the caches when they can. */

import type { TieredCache } from '@evenkeel/tiered-cache';
import type { Pool } from 'pg';
import type { EventList } from '../../contract.ts';
import { ProblemError } from '../problem.ts';
import { type CatalogEvent, listEvents, loadEvent } from './event-page.ts';

const ttlMs = 60_000;

export class Catalog {
  readonly #cache: TieredCache;
  readonly #database: Pool;

  constructor(options: { cache: TieredCache; database: Pool }) {
    this.#cache = options.cache;
    this.#database = options.database;
  }

  list(): Promise<EventList['events']> {
    return this.#cache.get('events', () => listEvents(this.#database), { ttlMs });
  }

  /** After a change of it: every process asks the database the next time. */
  async forget(slug: string): Promise<void> {
    await this.#cache.invalidate(`event:${slug}`);
    await this.#cache.invalidate('events');
  }

  /** @throws ProblemError `not_found` */
  async event(slug: string): Promise<CatalogEvent> {
    // what cannot be a slug is not looked up, so that nobody fills the cache with nonsense
    const known = /^[a-z0-9-]{1,64}$/.test(slug)
      ? await this.#cache.get(
          `event:${slug}`,
          async () => (await loadEvent(this.#database, slug)) ?? null,
          { ttlMs },
        )
      : null;
    if (known) return known;
    throw new ProblemError('not_found', 'There is no such event.');
  }
}
