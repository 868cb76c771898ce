/**
 * People, for a demo without any: a few who come all the time, and the five thousand of an on-sale. They use
 * the public API like everybody; only their log-in is spared, because hashing 5,000 passwords takes minutes.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { standingOf } from '@evenkeel/soft-hold/waiting-room/status';
import type { Pool } from 'pg';
import { Agent, request } from 'undici';
import { paths, testCards } from '../addresses.ts';
import type {
  Admission,
  Availability,
  HeldSeats,
  NewEvent,
  Problem,
  User,
  WaitingRoomPage,
  WaitingTicket,
} from '../contract.ts';
import type { Shop } from './shop.ts';

const seatRows = 25;
const seatsPerRow = 40;
/** enough to see them come, few enough for the buyers of a browser beside them */
const inFlight = 96;
const visitorsPerSecond = 60;
const purchasesPerSecond = 2;

export type RushResult = { buyers: number; bought: number; tooLate: number; failed: number };
type Person = { id: string; token: string };
type Answer<T> = { status: number; body: T };

export class Crowd {
  readonly #shop: Shop;
  readonly #database: Pool;
  readonly #say: (text: string) => void;
  readonly #closed = new AbortController();
  // HTTP/1.1 connections of our own: closed with us
  readonly #agent = new Agent({ connections: inFlight, pipelining: 1 });
  #visiting: AbortController | undefined;
  #rushing = false;

  /** `say` gets a sentence when something has happened. */
  constructor(options: { shop: Shop; database: Pool; say?: (text: string) => void }) {
    this.#shop = options.shop;
    this.#database = options.database;
    this.#say = options.say ?? (() => {});
  }

  get areVisiting(): boolean {
    return this.#visiting !== undefined;
  }

  /** A steady trickle: so many look at the event page a second, and some buy. */
  visit(isOn: boolean): void {
    this.#visiting?.abort();
    this.#visiting = undefined;
    if (!isOn || this.#closed.signal.aborted) return;
    this.#visiting = new AbortController();
    void this.#visitors(this.#visiting.signal);
  }

  /**
   * Opens a sale of 1,000 seats in front of 5,000 people. Resolves once they stand in its waiting room, with
   * where to watch them; what came of it is said when it is over.
   * @param withinMs how long they may take in all
   */
  async rush(withinMs: number, people: number): Promise<string> {
    if (this.#rushing) return 'The last five thousand are still at it.';
    this.#rushing = true;
    const event = hall(`rush-${Date.now().toString(36)}`, 'The Great Rush');
    // time for all of them to come before it
    const opensAt = new Date(Date.now() + 6_000 + people * 2).toISOString();
    const admitPerSecond = Math.max(50, Math.round(people / 20));
    try {
      const organiser = (await this.#people(1, 'organiser'))[0] as Person;
      const sale = { ...event, opensAt, hasWaitingRoom: true, admitPerSecond };
      await this.#call('POST', paths.organiser.events, organiser.token, sale);
      const crowd = await this.#people(people, 'buyer');
      const signal = AbortSignal.any([
        this.#closed.signal,
        AbortSignal.timeout(withinMs + 120_000),
      ]);
      void this.#rush(event, crowd, signal).finally(() => {
        this.#rushing = false;
      });
      const where = `${this.#shop.url}/events/${event.slug}`;
      return `${people.toLocaleString('en-GB')} people come for 1,000 seats: ${where}`;
    } catch (error) {
      this.#rushing = false;
      throw error;
    }
  }

  async close(): Promise<void> {
    this.visit(false);
    this.#closed.abort();
    await this.#agent.destroy();
  }

  async #rush(event: NewEvent, crowd: Person[], signal: AbortSignal): Promise<void> {
    const seats = seatsOf(event);
    const result: RushResult = { buyers: crowd.length, bought: 0, tooLate: 0, failed: 0 };
    const tickets = await each(crowd, inFlight, signal, ({ token }) =>
      this.#call<WaitingTicket>('POST', paths.waitingTicket(event.slug), token),
    );
    let waiting = crowd.flatMap((person, index) => {
      const ticket = tickets[index]?.body;
      return tickets[index]?.status === 201 && ticket ? [{ ...person, ticket: ticket.ticket }] : [];
    });
    result.failed += crowd.length - waiting.length;
    this.#say(`${waiting.length.toLocaleString('en-GB')} stand in the waiting room.`);
    while (waiting.length > 0 && !signal.aborted) {
      await sleep(1_000, undefined, { signal }).catch(() => {});
      const { body: room } = await this.#call<WaitingRoomPage>(
        'GET',
        paths.waitingRoom(event.slug),
      ).catch(() => ({ body: null }));
      if (room?.phase !== 'open') continue;
      // who still waits reads that there is nothing left to wait for
      if (await this.#isSoldOut(event.slug)) break;
      // each asks when it may be its turn; who asks too early is told so
      const inRoom = standingOf({ ...room, steps: room.steps as [number, number][] }, 2).position;
      const turn = Math.max(50, crowd.length - inRoom);
      const [now, later] = [waiting.slice(0, turn), waiting.slice(turn)];
      const back = await each(now, inFlight, signal, async (person) => {
        // no answer: like everybody in front of a page, it tries again
        const entered = await this.#call<Admission>(
          'POST',
          paths.waitingPass(event.slug),
          person.token,
          { ticket: person.ticket },
        ).catch(() => null);
        if (!entered?.body?.pass) return person;
        const outcome = await this.#buy(event.slug, seats, person, entered.body.pass).catch(
          () => 'failed' as const,
        );
        result[outcome] += 1;
        return undefined;
      });
      waiting = [...later, ...back.filter((person) => person !== undefined)];
    }
    const { buyers, bought, tooLate, failed } = result;
    const rest = buyers - bought - tooLate - failed;
    this.#say(
      `The rush is over: ${bought} of ${buyers} got a seat, ${tooLate + rest} came too late, ${failed} met an error.`,
    );
  }

  async #isSoldOut(slug: string): Promise<boolean> {
    const answer = await this.#call<Availability>('GET', paths.availability(slug)).catch(
      () => null,
    );
    const counts = answer?.body?.counts;
    return counts?.every(({ free, held }) => free + held === 0) ?? false;
  }

  /** Looks, takes a seat that seems free, and pays; somebody who was faster means another seat. */
  async #buy(
    slug: string,
    seats: Set<string>,
    person: Person,
    pass?: string,
  ): Promise<'bought' | 'tooLate' | 'failed'> {
    await this.#call('GET', paths.event(slug));
    for (let attempt = 0; attempt < 5; attempt += 1) {
      const seat = anyOf(seats);
      if (!seat) return 'tooLate';
      const body = { id: randomUUID(), event: slug, seats: [seat], pass };
      const held = await this.#call<HeldSeats & Pick<Problem, 'retryAfterMs'>>(
        'POST',
        paths.holds,
        person.token,
        body,
      );
      if (held.status === 409) seats.delete(seat);
      if (held.status !== 201 || !held.body) {
        // a shop that cannot say now says when it can
        await sleep(held.body?.retryAfterMs ?? 0, undefined, { ref: false });
        continue;
      }
      seats.delete(seat);
      const order = { id: randomUUID(), holdId: held.body.id, card: testCards.good };
      const placed = await this.#call('POST', paths.orders, person.token, order);
      return placed.status === 202 ? 'bought' : 'failed';
    }
    return seats.size === 0 ? 'tooLate' : 'failed';
  }

  async #visitors(signal: AbortSignal): Promise<void> {
    const event = hall(`matinee-${Date.now().toString(36)}`, 'Matinee');
    const seats = seatsOf(event);
    const organiser = (await this.#people(1, 'organiser'))[0] as Person;
    await this.#call('POST', paths.organiser.events, organiser.token, event).catch(() => {});
    const everyMs = 100;
    for (let round = 0; !signal.aborted; round += 1) {
      for (let visit = 0; visit < (visitorsPerSecond * everyMs) / 1_000; visit += 1) {
        void this.#call('GET', paths.event(event.slug)).catch(() => {});
      }
      if (round % (1_000 / everyMs / purchasesPerSecond) === 0 && seats.size > 0) {
        void this.#people(1, 'buyer')
          .then(([person]) => person && this.#buy(event.slug, seats, person))
          .catch(() => {});
      }
      await sleep(everyMs, undefined, { signal }).catch(() => {});
    }
  }

  /** Accounts that nobody can log in to, with the tokens that they would have got. */
  async #people(count: number, role: 'buyer' | 'organiser'): Promise<Person[]> {
    const users = Array.from({ length: count }, (): User => {
      const id = randomUUID();
      return { id, email: `${id}@crowd.example`, name: 'One of the Crowd', role, region: 'eu' };
    });
    await this.#database.query(
      `insert into users (id, email, name, role, password_hash)
       select id, id || '@crowd.example', 'One of the Crowd', $2, 'none' from unnest($1::uuid[]) as id`,
      [users.map(({ id }) => id), role],
    );
    return each(users, 64, this.#closed.signal, async (user) => ({
      id: user.id,
      token: (await this.#shop.tokens.issue(user)).accessToken,
    }));
  }

  async #call<T>(
    method: 'GET' | 'POST',
    path: string,
    token?: string,
    body?: object,
  ): Promise<Answer<T | null>> {
    const answer = await request(this.#shop.url + path, {
      method,
      dispatcher: this.#agent,
      headersTimeout: 20_000,
      bodyTimeout: 20_000,
      headers: {
        ...(token ? { authorization: `Bearer ${token}` } : {}),
        ...(body ? { 'content-type': 'application/json' } : {}),
      },
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
    const text = await answer.body.text();
    return { status: answer.statusCode, body: text ? (JSON.parse(text) as T) : null };
  }
}

function hall(slug: string, title: string): NewEvent {
  const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXY'.slice(0, seatRows).split('');
  return {
    slug,
    title,
    tagline: 'A thousand seats, and more people than seats.',
    venue: 'Harbour Hall',
    city: 'Port Merrow',
    startsAt: new Date(Date.now() + 40 * 24 * 3_600_000).toISOString(),
    opensAt: null,
    hasWaitingRoom: false,
    admitPerSecond: 100,
    currency: 'EUR',
    categories: [
      {
        sku: 'hall',
        name: 'Hall',
        priceCents: 4_900,
        rows: letters.map((row) => ({ row, seats: seatsPerRow })),
      },
    ],
  };
}

function seatsOf({ categories }: NewEvent): Set<string> {
  return new Set(
    categories
      .flatMap(({ rows }) => rows)
      .flatMap(({ row, seats }) => Array.from({ length: seats }, (_, n) => `${row}-${n + 1}`)),
  );
}

function anyOf(seats: ReadonlySet<string>): string | undefined {
  let skip = Math.floor(Math.random() * seats.size);
  for (const seat of seats) if (skip-- === 0) return seat;
  return undefined;
}

/** Runs `work` for each item, `width` at a time, and begins none after `signal`; what failed is undefined. */
async function each<T, R>(
  items: readonly T[],
  width: number,
  signal: AbortSignal,
  work: (item: T) => Promise<R>,
): Promise<R[]> {
  const results: R[] = new Array(items.length);
  let next = 0;
  const lane = async () => {
    for (let index = next++; index < items.length && !signal.aborted; index = next++) {
      await work(items[index] as T).then(
        (result) => {
          results[index] = result;
        },
        () => {},
      );
    }
  };
  await Promise.all(Array.from({ length: Math.min(width, items.length) }, lane));
  return results;
}
