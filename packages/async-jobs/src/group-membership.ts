import { abortable, type Clock, keepAlive, sleep } from './clock.ts';
import { QueueClosedError } from './errors.ts';
import { type Place, placeOf } from './topic-partition.ts';
import type {
  AssignedPartition,
  SubscribeOptions,
  SubscriptionHealth,
  SubscriptionListener,
} from './transport.ts';
import { within } from './within.ts';

const START_ATTEMPTS = 5;
const COMMITTED_WITHIN_MS = 5_000;
const HAND_OVER_WITHIN_MS = 2_000;
const SILENT_LIMIT_MS = 60_000;
const REBUILD_WINDOW_MS = 300_000;

/** What a driver does for its `GroupMembership`. */
export interface GroupClient {
  /**
   * Makes a client that joins the group; resolves after `connected()` was called. Nobody waits for
   * it after the close: then it lets go of what it made.
   */
  connect(): Promise<void>;
  /** Lets go of the client, if there is one. Never rejects. */
  discard(): Promise<void>;
  /** What the group has committed on the subscription's topics, by `<topic>/<partition>`. */
  committed(): Promise<Map<string, AssignedPartition>>;
}

/**
 * What it means to be a member of a group, whichever client it is by: work freezes before
 * partitions are given away and goes on after the next assignment, and the client is replaced when
 * it breaks, or after a minute without any sign of life.
 */
export class GroupMembership {
  readonly #clock: Clock;
  readonly #options: SubscribeOptions;
  readonly #listener: SubscriptionListener;
  readonly #client: GroupClient;
  readonly #closing = new AbortController();
  #state: SubscriptionHealth['state'] = 'joining';
  #partitions: readonly Place[] = [];
  /** Counts assignments: whoever awaited something asks whether it is still his. */
  #generation = 0;
  /** The listener was told to start nothing, and waits for an assignment. */
  #frozen = false;
  /** Resolves when what was running at the freeze has ended and is committed. */
  #handedOver: Promise<void> = Promise.resolve();
  #ready: Promise<void> = Promise.resolve();
  #aliveAt = 0;
  #rebuilds: number[] = [];
  #rebuilding: Promise<void> | null = null;
  #watchdog: unknown = null;
  /** A broker that is away leaves a worker without a socket. */
  #letGo: () => void = () => {};

  constructor(
    clock: Clock,
    options: SubscribeOptions,
    listener: SubscriptionListener,
    client: GroupClient,
  ) {
    this.#clock = clock;
    this.#options = options;
    this.#listener = listener;
    this.#client = client;
  }

  /** Aborts when the subscription is closed. */
  get signal(): AbortSignal {
    return this.#closing.signal;
  }

  /** Those of the last join, also while the client is replaced: the next one asks to keep them. */
  get partitions(): readonly Place[] {
    return this.#partitions;
  }

  /** Resolves when the listener knows the assignment of the last join. */
  get ready(): Promise<void> {
    return this.#ready;
  }

  /** Tells whether the assignment of this moment still holds. */
  holds(): () => boolean {
    const generation = this.#generation;
    return () => generation === this.#generation && !this.#frozen && !this.signal.aborted;
  }

  async start(): Promise<void> {
    this.#letGo = keepAlive();
    for (let attempt = 1; ; attempt++) {
      try {
        await abortable(this.#client.connect(), this.signal);
        break;
      } catch (error) {
        await this.#client.discard();
        if (attempt === START_ATTEMPTS || this.signal.aborted) {
          this.#letGo();
          throw error;
        }
        this.#listener.error(error); // a broker that has just started is still loading its groups
        await sleep(this.#clock, 250 * 2 ** attempt, this.signal);
      }
    }
    this.#watch();
  }

  health(): SubscriptionHealth {
    const now = this.#clock.now();
    return {
      state: this.#state,
      partitions: this.#state === 'running' ? this.#partitions.length : 0,
      silentMs: this.#aliveAt === 0 ? 0 : now - this.#aliveAt,
      rebuilds: this.#rebuilds.filter((at) => now - at < REBUILD_WINDOW_MS).length,
    };
  }

  async close(): Promise<void> {
    if (this.signal.aborted) return;
    this.#closing.abort(new QueueClosedError('The subscription'));
    this.#state = 'closed';
    this.#clock.clearTimeout(this.#watchdog);
    this.#generation++;
    await this.#rebuilding;
    await this.#client.discard();
    this.#letGo();
  }

  /** The broker has answered. */
  alive(): void {
    this.#aliveAt = this.#clock.now();
  }

  /** A client is being made that has not joined yet. */
  joining(): void {
    this.#state = 'joining';
  }

  /** The client has joined and works: when it breaks from now on, it is replaced. */
  connected(): void {
    this.#rebuilding = null;
    if (!this.signal.aborted) this.#state = 'running';
  }

  /** Nothing new starts until the next assignment. */
  freeze(): void {
    this.#generation++;
    if (this.#frozen) return;
    this.#frozen = true;
    this.#handedOver = this.#listener.rebalancing();
  }

  /** Takes the partitions of a join; `ready` resolves when the listener knows. */
  join(partitions: readonly Place[]): void {
    this.freeze(); // also a join that nobody has announced
    this.#partitions = partitions;
    this.#ready = this.#assign(this.#generation);
  }

  /** While frozen: waits a while until what was running is done and committed, if that is soon. */
  async handOver(): Promise<void> {
    if (!this.#frozen) return;
    const done = new AbortController();
    void this.#handedOver.then(() => done.abort());
    const limitMs = Math.min(HAND_OVER_WITHIN_MS, this.#options.rebalanceTimeoutMs / 2);
    await sleep(this.#clock, limitMs, AbortSignal.any([done.signal, this.signal]));
  }

  /** Replaces the client. */
  rebuild(): void {
    if (this.#rebuilding || this.signal.aborted) return;
    const rebuilding = this.#replace().finally(() => {
      if (this.#rebuilding === rebuilding) this.#rebuilding = null;
    });
    this.#rebuilding = rebuilding;
  }

  countRebuild(): void {
    const now = this.#clock.now();
    this.#rebuilds = [...this.#rebuilds.filter((at) => now - at < REBUILD_WINDOW_MS), now];
  }

  async #assign(generation: number): Promise<void> {
    const partitions = this.#partitions;
    let committed = new Map<string, AssignedPartition>();
    try {
      committed = await within(
        this.#clock,
        COMMITTED_WITHIN_MS,
        this.#client.committed(),
        'Reading committed offsets',
      );
    } catch (error) {
      this.#listener.error(error); // without the map some jobs may be delivered twice, none is lost
    }
    if (generation !== this.#generation) return;
    this.#frozen = false;
    this.#listener.assigned(
      partitions.map(
        (one) => committed.get(placeOf(one.topic, one.partition)) ?? { ...one, committed: null },
      ),
    );
  }

  #watch(): void {
    this.#watchdog = this.#clock.setTimeout(() => {
      if (this.signal.aborted) return;
      // Who waits for the others' join hears nothing, for as long as they may take
      const limitMs = SILENT_LIMIT_MS + (this.#frozen ? this.#options.rebalanceTimeoutMs : 0);
      const silent = this.#clock.now() - this.#aliveAt > limitMs;
      if (silent && this.#state === 'running') this.rebuild();
      this.#watch();
    }, SILENT_LIMIT_MS / 6);
  }

  async #replace(): Promise<void> {
    this.freeze();
    this.countRebuild();
    for (let delayMs = 500; !this.signal.aborted; delayMs = Math.min(5_000, delayMs * 2)) {
      this.#state = 'rebuilding';
      await this.#client.discard();
      await sleep(this.#clock, delayMs, this.signal);
      if (this.signal.aborted) return;
      try {
        await abortable(this.#client.connect(), this.signal);
        return;
      } catch (error) {
        if (this.signal.aborted) return;
        this.#listener.error(error);
      }
    }
  }
}
