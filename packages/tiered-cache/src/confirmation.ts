import { isNewer, type LogId } from './log-id.ts';
import type { Remote } from './remote.ts';
import type { Settings } from './settings.ts';

const TICK_MS = 1_000;
const TICK_JITTER_MS = 500;
const WATCH_MS = 100;

type State =
  /** Signs of life arrive. */
  | 'confirmed'
  /** None has for `unconfirmedAfterMs`: a replica cut off upstream still says that its link is up. */
  | 'unconfirmed'
  /** They arrive again; trusted once near has what the master had when the first one came. */
  | 'confirming';

export interface ConfirmationEvents {
  degraded: (silentMs: number) => void;
  recovered: (silentMs: number) => void;
}

/**
 * Whether what arrives on near is current. The first process that hears nothing for a second writes
 * a tick to the master's log; the others hear it and need not.
 */
export class Confirmation {
  /** By the clock: until then the local tier may be served. Hits compare it, so it also holds after this process was suspended. */
  trustedUntilMs = 0;
  readonly #remote: Remote | undefined;
  readonly #settings: Settings;
  readonly #events: ConfirmationEvents;
  readonly #cursor: () => LogId;
  #state: State = 'confirmed';
  #heardAt = 0;
  #tickAt = 0;
  #ticking = false;
  #degraded = false;
  #attempt = 0;
  /** While confirming: near must come to here. */
  #target: LogId | undefined;
  #watch: NodeJS.Timeout | undefined;

  constructor(
    remote: Remote | undefined,
    settings: Settings,
    cursor: () => LogId,
    events: ConfirmationEvents,
  ) {
    this.#remote = remote;
    this.#settings = settings;
    this.#cursor = cursor;
    this.#events = events;
  }

  get confirmed(): boolean {
    return this.#state === 'confirmed';
  }

  /**
   * Whether what this process and near have may be served: while it is trusted, and after that when
   * neither global nor master can be asked, unless `onPartition` is `bypass`.
   */
  mayServe(now: number): boolean {
    const remote = this.#remote;
    if (remote === undefined || now < this.trustedUntilMs) return true;
    return this.#settings.onPartition === 'stale' && !remote.master.up && !remote.global?.up;
  }

  get silentMs(): number {
    return performance.now() - this.#heardAt;
  }

  start(): void {
    if (this.#remote === undefined) {
      // memory only: there is nothing to hear of
      this.trustedUntilMs = Number.POSITIVE_INFINITY;
      return;
    }
    this.#heardAt = performance.now();
    this.#trust();
    this.#watch = setInterval(() => this.#look(), WATCH_MS).unref();
  }

  close(): void {
    clearInterval(this.#watch);
  }

  /** Entries of the log arrived on near. */
  heard(): void {
    const silentMs = this.silentMs;
    this.#heardAt = performance.now();
    this.#tickAt = TICK_MS + TICK_JITTER_MS * this.#settings.random();
    if (this.#state === 'unconfirmed') this.#confirm(silentMs);
    else if (this.#state === 'confirming') this.#compare(silentMs);
    else this.#trust();
  }

  #trust(): void {
    const { clock, unconfirmedAfterMs, serveUnconfirmedMs } = this.#settings;
    this.trustedUntilMs = clock.now() + unconfirmedAfterMs + serveUnconfirmedMs;
  }

  #confirm(silentMs: number): void {
    this.#state = 'confirming';
    this.#target = undefined;
    const attempt = ++this.#attempt;
    this.#remote?.newest().then(
      (id) => {
        if (attempt !== this.#attempt) return;
        this.#target = id;
        this.#compare(silentMs);
      },
      () => {
        // without the master, that ticks arrive is all one can know
        if (attempt === this.#attempt) this.#confirmed(silentMs);
      },
    );
  }

  #compare(silentMs: number): void {
    if (this.#state !== 'confirming' || this.#target === undefined) return;
    if (!isNewer(this.#target, this.#cursor())) this.#confirmed(silentMs);
  }

  #confirmed(silentMs: number): void {
    if (this.#state !== 'confirming') return;
    this.#state = 'confirmed';
    this.#trust();
    if (!this.#degraded) return;
    this.#degraded = false;
    this.#events.recovered(silentMs);
  }

  #look(): void {
    const { unconfirmedAfterMs, serveUnconfirmedMs } = this.#settings;
    const silentMs = this.silentMs;
    if (silentMs >= this.#tickAt) this.#tick(silentMs);
    if (silentMs >= unconfirmedAfterMs) this.#state = 'unconfirmed';
    if (silentMs < unconfirmedAfterMs + serveUnconfirmedMs) return;
    this.trustedUntilMs = 0;
    if (this.#degraded) return;
    this.#degraded = true;
    this.#events.degraded(silentMs);
  }

  #tick(silentMs: number): void {
    if (this.#ticking) return;
    this.#ticking = true;
    this.#tickAt = silentMs + TICK_MS + TICK_JITTER_MS * this.#settings.random();
    void this.#sign().finally(() => {
      this.#ticking = false;
    });
  }

  /** A master that refuses to write, for its memory or its disk is full, still says where its log ends. */
  async #sign(): Promise<void> {
    try {
      await this.#remote?.tick(TICK_MS);
    } catch {
      const end = await this.#remote?.newest().catch(() => undefined);
      if (end !== undefined && !isNewer(end, this.#cursor())) this.heard();
    }
  }
}
