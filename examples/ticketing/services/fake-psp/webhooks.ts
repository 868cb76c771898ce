/** Tells what becomes of a charge, as payment providers do: signed, at least once, in no sure order. */
import { randomUUID } from 'node:crypto';
import type { PspEvent } from '../../contract.ts';
import { signWebhook } from '../payments/webhook-signature.ts';
import type { Charge } from './charges.ts';

export type WebhookOptions = { url: string; secret: string };
type Switches = { duplicateRate: number; isOutOfOrder: boolean };

const backOffMs = [100, 250, 500, 1_000, 2_000, 5_000];

export class Webhooks {
  readonly #options: WebhookOptions;
  readonly #switches: Switches;
  readonly #random: () => number;
  readonly #closed = new AbortController();
  readonly #sequences = new Map<string, number>();
  #waiting: (() => void) | undefined;

  constructor(options: WebhookOptions, switches: Switches, random: () => number = Math.random) {
    this.#options = options;
    this.#switches = switches;
    this.#random = random;
  }

  tell({ id, reference, state }: Charge): void {
    const sequence = (this.#sequences.get(id) ?? 0) + 1;
    this.#sequences.set(id, sequence);
    const event: PspEvent = {
      id: `evt_${randomUUID()}`,
      type: `charge.${state}`,
      sequence,
      charge: { id, reference },
    };
    const send = () => {
      void this.#deliver(event);
      if (this.#random() < this.#switches.duplicateRate) void this.#deliver(event);
    };
    const before = this.#waiting;
    this.#waiting = undefined;
    if (this.#switches.isOutOfOrder && !before) this.#holdBack(send);
    else send();
    before?.();
  }

  close(): void {
    this.#closed.abort();
  }

  /** Sent after the next one, or after a second when none comes. */
  #holdBack(send: () => void): void {
    const timer = setTimeout(() => {
      if (this.#waiting === late) this.#waiting = undefined;
      send();
    }, 1_000).unref();
    const late = () => {
      clearTimeout(timer);
      setTimeout(send, 50).unref();
    };
    this.#waiting = late;
  }

  /** Again with growing pauses until it was heard; given up when nobody listens for half a minute. */
  async #deliver(event: PspEvent): Promise<void> {
    const body = JSON.stringify(event);
    for (let attempt = 0; attempt < 10 && !this.#closed.signal.aborted; attempt += 1) {
      const heard = await fetch(this.#options.url, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          'psp-signature': signWebhook(body, this.#options.secret, Date.now()),
        },
        body,
        signal: AbortSignal.any([this.#closed.signal, AbortSignal.timeout(5_000)]),
      }).then(
        ({ ok }) => ok,
        () => false,
      );
      if (heard) return;
      const pauseMs = backOffMs[Math.min(attempt, backOffMs.length - 1)] ?? 0;
      await new Promise<void>((resolve) => setTimeout(resolve, pauseMs).unref());
    }
  }
}
