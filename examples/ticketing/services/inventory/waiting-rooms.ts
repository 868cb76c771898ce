/**
 * The waiting room of each event that wants one: who comes before the opening is drawn a place, who
 * comes later queues, and so many a second are let through to the seats, with a pass to show.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { WaitingRoom } from '@evenkeel/soft-hold/waiting-room';
import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import type { CatalogEvent } from '../catalog/event-page.ts';
import { derivedSecret } from '../derived-secret.ts';
import { ProblemError } from '../problem.ts';
import type { Pools } from './pools.ts';

export type WaitingRoomsOptions = {
  redis: Redis;
  pools: Pools;
  namespace: string;
  /** the same in every process; seeds and signing keys come of it */
  secret: string;
  log: Logger;
};

/** People inside may look at so many free seats each; more would only be disappointed. */
const perFreeUnit = 3;
/** within which a room says where its people are, when it is measured */
const answerWithinMs = 200;

export class WaitingRooms {
  readonly #options: WaitingRoomsOptions;
  readonly #rooms = new Map<string, { rules: string; room: WaitingRoom }>();

  constructor(options: WaitingRoomsOptions) {
    this.#options = options;
  }

  /**
   * The room of an event, ticking; with new rules a new one that goes on where the old one was.
   * @throws ProblemError `not_found` when the event has none
   */
  of({ slug, opensAt, hasWaitingRoom, admitPerSecond }: CatalogEvent): WaitingRoom {
    if (!hasWaitingRoom) throw new ProblemError('not_found', 'This event has no waiting room.');
    const rules = `${opensAt} ${admitPerSecond}`;
    const known = this.#rooms.get(slug);
    if (known?.rules === rules) return known.room;
    void known?.room.close();
    const { redis, pools, namespace, secret, log } = this.#options;
    const room = new WaitingRoom({
      redis,
      room: `${namespace}.${slug}`,
      secrets: [derivedSecret(secret, `waiting room ${slug}`)],
      seed: derivedSecret(secret, `draw ${slug}`),
      opensAt: opensAt === null ? 0 : Date.parse(opensAt),
      perSecond: admitPerSecond,
      perFreeUnit,
      freeUnits: async () => {
        const { skus } = await (await pools.of(slug)).available();
        return Object.values(skus).reduce((sum, { free }) => sum + free, 0);
      },
    });
    room.onFault = (error) => log.warn({ err: error, event: slug }, 'waiting room failed');
    this.#rooms.set(slug, { rules, room: room.start() });
    return room;
  }

  /**
   * Whether somebody may take seats now. Asks no store.
   * @throws ProblemError `not_open` before the opening, `pass_needed` without a good pass
   */
  admit(event: CatalogEvent, userId: string, pass: string | undefined): void {
    if (event.opensAt !== null && Date.now() < Date.parse(event.opensAt)) {
      const retryAfterMs = Date.parse(event.opensAt) - Date.now();
      throw new ProblemError('not_open', 'The sale has not begun yet.', { retryAfterMs });
    }
    if (!event.hasWaitingRoom) return;
    if (pass && this.of(event).check(userId, pass).status === 'valid') return;
    throw new ProblemError('pass_needed', 'Please wait for your turn in the waiting room.');
  }

  /**
   * Whoever has seats competes for no others, so the next may come: else those inside who have bought
   * would fill the room until their passes run out, with seats left and nobody let in. The pass stays good.
   */
  makeRoom(event: CatalogEvent, userId: string, pass: string | undefined): void {
    if (!event.hasWaitingRoom || !pass) return;
    this.of(event)
      .leave(userId, pass)
      .catch((err) => this.#options.log.warn({ err, event: event.slug }, 'nobody told the room'));
  }

  /** How many are where, of each room that can tell at once: who measures does not wait for a frozen Redis. */
  async people(): Promise<{ event: string; waiting: number; inside: number }[]> {
    const found = [...this.#rooms].map(async ([event, { room }]) => {
      const late = sleep(answerWithinMs, null, { ref: false });
      const status = await Promise.race([room.status(), late]).catch(() => null);
      return status ? [{ event, waiting: status.waiting, inside: status.active }] : [];
    });
    return (await Promise.all(found)).flat();
  }

  async close(): Promise<void> {
    await Promise.all([...this.#rooms.values()].map(({ room }) => room.close()));
  }
}
