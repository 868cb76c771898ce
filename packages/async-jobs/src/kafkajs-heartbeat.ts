import type { Clock } from './clock.ts';

// As soon as a heartbeat is due, so that it is ours and not one of kafkajs' that finds out
const AFTER_DUE_MS = 1;

/**
 * Sends kafkajs' heartbeats in time, by the function that every batch brings along. kafkajs sends
 * them only between two fetches, and joins anew within the same turn in which one tells it of a
 * rebalance. Who asks himself learns of it up to half a second earlier: time to end what is running
 * and to commit it, before the partitions are given away.
 */
export class KafkajsHeartbeat {
  readonly #clock: Clock;
  readonly #intervalMs: number;
  readonly #rebalancing: () => void;
  #send: (() => Promise<void>) | null = null;
  #timer: unknown = null;

  constructor(clock: Clock, intervalMs: number, rebalancing: () => void) {
    this.#clock = clock;
    this.#intervalMs = intervalMs;
    this.#rebalancing = rebalancing;
  }

  /** A heartbeat has been answered, by whomever it was sent. */
  answered(): void {
    this.#clock.clearTimeout(this.#timer);
    this.#timer = this.#clock.setTimeout(() => void this.beat(), this.#intervalMs + AFTER_DUE_MS);
  }

  /** Takes the function of a batch. It belongs to the client and outlives the batch. */
  use(send: () => Promise<void>): void {
    this.#send = send;
  }

  /** Sends none until a batch of the next client comes. */
  stop(): void {
    this.#clock.clearTimeout(this.#timer);
    this.#send = null;
  }

  /** Sends a heartbeat if one is due. Never rejects. */
  async beat(): Promise<void> {
    const send = this.#send;
    try {
      await send?.();
    } catch (error) {
      // Anything else kafkajs finds out by itself and deals with
      const { type } = error as { type?: unknown };
      if (type === 'REBALANCE_IN_PROGRESS' && send === this.#send) this.#rebalancing();
    }
  }
}
