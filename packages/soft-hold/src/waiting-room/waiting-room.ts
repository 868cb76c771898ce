import { createHash, createHmac, randomUUID } from 'node:crypto';
import { checkId } from '../input.ts';
import { bindScript, type Command, callRedis, listOf } from '../redis.ts';
import { Arrivals, boundOf, DRAWN_BUCKETS, stepsOf } from './arrivals.ts';
import { type RoomSettings, readRoom, type WaitingRoomOptions } from './options.ts';
import { ROOM_SCRIPT } from './script.ts';
import {
  fraction,
  placeBelow,
  type Standing,
  standingOf,
  type WaitingRoomStatus,
} from './status.ts';
import { type TokenRefusal, Tokens } from './tokens.ts';

/** What the script answers to a tick or a read. */
type RoomState = [
  ...[now: number, opened: number, admitted: number, active: number, pacePerSecond: number],
  ...[buckets: unknown, born: number, id: string],
];
/** The script's answer to a tick that knows other data than there are. */
const LOST = 'lost';
/** The place of a lobby ticket: the draw decides. */
const LOBBY = -1;
/** Whoever came so long ago and is not counted will not be: the process that knew of them is gone. */
const LOST_AFTER_S = 5;

/** A ticket as it is given out. `place` is null in the lobby: nobody knows it before the opening. */
export type Ticket = { ticket: string; place: number | null; expiresAt: number };

/** The answer to `enter()`. */
export type Admission =
  | { status: 'admitted'; pass: string; expiresAt: number }
  | ({ status: 'waiting' } & Standing)
  | { status: 'refused'; reason: TokenRefusal };

/** The answer to `check()`. */
export type PassCheck =
  | { status: 'valid'; expiresAt: number }
  | { status: 'refused'; reason: TokenRefusal };

/**
 * A room in front of a sale. Who comes before the opening gets a signed ticket, and nothing is
 * written. At the opening the order is drawn: the place of an account is an HMAC of its name under a
 * seed that was committed to before and is published then, so that everybody can check it. Who comes
 * later queues behind by time. One status document tells all of them where they stand; they are
 * admitted at a pace, and whoever is gets a pass in exchange for the ticket.
 */
export class WaitingRoom {
  readonly #settings: RoomSettings;
  readonly #tokens: Tokens;
  readonly #script: Command;
  readonly #keys: string[];
  readonly #arrivals = new Arrivals();
  /** Id of the data in Redis that this process has told of its arrivals; '' before the first tick. */
  #seen = '';
  #admitted = 0;
  #status: { status: WaitingRoomStatus; at: number } | null = null;
  #reading: Promise<WaitingRoomStatus> | null = null;
  #timer: NodeJS.Timeout | null = null;
  #ticking: Promise<WaitingRoomStatus> | null = null;
  #closed = false;
  /** Called with what fails in the background; it is tried again. */
  onFault: (error: unknown) => void = () => {};

  /** @throws RangeError or TypeError when an option is wrong. */
  constructor(options: WaitingRoomOptions) {
    const settings = readRoom(options);
    this.#settings = settings;
    this.#tokens = new Tokens(settings.room, settings.secrets);
    this.#keys = [...'rbac'].map((key) => `{room:${settings.room}}:${key}`);
    this.#script = bindScript(options.redis, 'evenkeelRoom', ROOM_SCRIPT, this.#keys.length);
  }

  /** Begins to tick: every process of the sale does. */
  start(): this {
    if (this.#timer === null && !this.#closed) {
      const { everyMs } = this.#settings;
      this.#timer = setInterval(() => void this.tick().catch(this.onFault), everyMs).unref();
    }
    return this;
  }

  /**
   * A ticket for an account: before the opening for the lobby, then for the queue. Nothing is written;
   * the same account in the lobby has the same place however often it comes.
   *
   * @throws HoldInputError when the account is not 1 to 128 of `A-Z a-z 0-9 . _ : @ + ~ / -`
   */
  join(account: string): Ticket {
    checkId('account', account);
    const { opensAt, ticketMs } = this.#settings;
    const now = this.#now();
    const late = now >= opensAt;
    const place = late ? 1 + (now - opensAt) / 1_000 : LOBBY;
    this.#arrivals.add(late ? place : this.drawnPlace(account));
    const expiresAt = Math.max(now, opensAt) + ticketMs;
    const ticket = this.#tokens.sign('ticket', { account, place, expiresAt });
    return { ticket, place: late ? place : null, expiresAt };
  }

  /**
   * The document for everybody, at most `everyMs` old: serve it with that as its time to live. In a room that
   * ticks it is never from before the opening once that has come.
   *
   * @throws HoldUnavailableError when Redis does not answer
   */
  async status(): Promise<WaitingRoomStatus> {
    const { everyMs, opensAt } = this.#settings;
    const now = this.#now();
    const known = this.#status;
    // whoever asks first after the opening opens: nobody is told of it up to `everyMs` late
    if (known?.status.phase === 'lobby' && now >= opensAt && this.#timer !== null)
      return this.tick();
    if (known !== null && now - known.at < everyMs) return known.status;
    this.#reading ??= this.#call('read')
      .then((reply) => this.#read(JSON.parse(reply)))
      .finally(() => {
        this.#reading = null;
      });
    return this.#reading;
  }

  /**
   * Exchanges a ticket whose turn has come for a pass; before that it says how many are ahead. The
   * same account always has the same pass: asking again lengthens nothing.
   *
   * @throws HoldInputError, HoldUnavailableError
   */
  async enter(account: string, ticket: string): Promise<Admission> {
    checkId('account', account);
    const content = this.#tokens.verify('ticket', ticket, account, this.#now());
    if (typeof content === 'string') return { status: 'refused', reason: content };
    const status = await this.status();
    const place = content.place === LOBBY ? this.drawnPlace(account) : content.place;
    const standing =
      status.phase === 'open' ? standingOf(status, place) : { position: 1, waitSeconds: null };
    if (standing.position > 0) {
      // before the draw there is no position to tell
      return status.phase === 'open'
        ? { status: 'waiting', ...standing }
        : { status: 'waiting', position: Math.max(1, status.waiting), waitSeconds: null };
    }
    const until = this.#now() + this.#settings.passMs;
    const expiresAt = Number(await this.#call('enter', account, Math.floor(until)));
    return {
      status: 'admitted',
      pass: this.#tokens.sign('pass', { account, place, expiresAt }),
      expiresAt,
    };
  }

  /** Whether the pass admits this account now. Nothing is asked of Redis. */
  check(account: string, pass: string): PassCheck {
    const content = this.#tokens.verify('pass', pass, account, this.#now());
    if (typeof content === 'string') return { status: 'refused', reason: content };
    return { status: 'valid', expiresAt: content.expiresAt };
  }

  /** Somebody is done: the next may come. @throws HoldUnavailableError when Redis does not answer */
  async leave(account: string, pass: string): Promise<PassCheck> {
    const checked = this.check(account, pass);
    if (checked.status === 'valid') await this.#call('leave', account);
    return checked;
  }

  /** The place of an account in the draw, [0, 1). Secret before the opening: do not tell it then. */
  drawnPlace(account: string): number {
    const { seed, room } = this.#settings;
    return fraction(createHmac('sha256', seed).update(`${room}\n${account}`).digest());
  }

  /** Tells Redis who has come, and admits who may, now. Many processes may: it is done once. */
  tick(): Promise<WaitingRoomStatus> {
    this.#ticking ??= this.#tick().finally(() => {
      this.#ticking = null;
    });
    return this.#ticking;
  }

  /** Tells Redis who has come since the last tick, and stops ticking. Tickets and passes stay good. Idempotent. */
  async close(): Promise<void> {
    this.#closed = true;
    if (this.#timer !== null) clearInterval(this.#timer);
    await this.#ticking?.catch(() => {});
    if (!this.#arrivals.isEmpty) await this.tick().catch(this.onFault);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #tick(): Promise<WaitingRoomStatus> {
    const { opensAt, everyMs, perSecond, maxActive, claimMs, freeUnits, perFreeUnit } =
      this.#settings;
    const units = freeUnits === null ? -1 : Math.floor((await freeUnits()) * perFreeUnit);
    const rules = { opensAt, everyMs, perSecond, maxActive, claimMs, units, nonce: randomUUID() };
    const tell = async () => {
      const arrived = this.#arrivals.take();
      const all = { ...rules, seen: this.#seen, least: this.#admitted };
      try {
        const reply = await this.#call('tick', JSON.stringify(arrived), JSON.stringify(all));
        if (reply === LOST) this.#arrivals.putBack(arrived);
        else this.#arrivals.told(arrived);
        return reply;
      } catch (error) {
        this.#arrivals.putBack(arrived);
        throw error;
      }
    };
    let reply = await tell();
    if (reply === LOST) {
      this.#arrivals.forgotten();
      this.#seen = '';
      reply = await tell();
    }
    const state: RoomState = JSON.parse(reply);
    this.#seen = state[7];
    return this.#read(state);
  }

  #read([now, opened, admitted, active, pacePerSecond, buckets, born]: RoomState) {
    const { room, seed, opensAt, everyMs } = this.#settings;
    this.#admitted = Math.max(this.#admitted, admitted);
    const flat = listOf<string>(buckets).map(Number);
    const people = new Map<number, number>();
    for (let i = 0; i + 1 < flat.length; i += 2)
      people.set(flat[i] as number, flat[i + 1] as number);
    const open = opened > 0;
    const present = open ? DRAWN_BUCKETS + Math.floor((now - opensAt) / 1_000) : DRAWN_BUCKETS;
    const steps = stepsOf(people, present, admitted);
    const total = steps.at(-1)?.[1] ?? 0;
    // when all who are known are in, nobody is ahead of those whose arrival was lost with its process;
    // but data that were lost are first told again by all processes
    const isTold = now - born >= Math.max(LOST_AFTER_S * 1_000, 3 * everyMs);
    const lost = isTold && total <= admitted ? boundOf(present - 1 - LOST_AFTER_S) : 0;
    const status: WaitingRoomStatus = {
      room,
      phase: open ? 'open' : 'lobby',
      commitment: createHash('sha256').update(seed).digest('hex'),
      seed: open ? seed : null,
      opensAt,
      admittedBelow: open ? Math.max(placeBelow(steps, admitted), lost) : 0,
      steps,
      waiting: Math.max(0, total - admitted),
      ...{ active, pacePerSecond, updatedAt: now },
    };
    this.#status = { status, at: this.#now() };
    return status;
  }

  #now(): number {
    return (this.#settings.clock ?? Date.now)();
  }

  #call(step: string, ...args: (string | number)[]): Promise<string> {
    const { clock, commandTimeoutMs } = this.#settings;
    const now = clock === null ? '' : Math.floor(clock());
    return callRedis(this.#script, commandTimeoutMs, [...this.#keys, step, now, ...args]);
  }
}
