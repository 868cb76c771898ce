import { EventEmitter } from 'eventemitter3';
import type { ChangeEvent } from './types.ts';

/** What a pool tells, and with what. */
export type HoldPoolEvents = {
  /** Units moved, here or in any other process. */
  change: ChangeEvent;
  /** These holds ran out. */
  expired: { seq: number; ids: string[] };
  /** Steps were missed; `change` goes on at `seq`. Fetch `available()` again. */
  gap: { seq: number };
  /** Waiters got their offer. */
  offered: { seq: number; ids: string[] };
  /** This process filled the board anew out of the store: its data was lost, or it is another one. */
  rebuilt: { epoch: number; board: 'redis' | 'store' };
  /** Something in the background failed; it will be tried again. */
  fault: unknown;
};

/** An emitter whose listeners cannot break what they listen to: what they throw is a `fault`. */
export class SafeEmitter {
  readonly #emitter = new EventEmitter();

  on<E extends keyof HoldPoolEvents>(event: E, listener: (value: HoldPoolEvents[E]) => void): void {
    this.#emitter.on(event, listener);
  }

  off<E extends keyof HoldPoolEvents>(
    event: E,
    listener: (value: HoldPoolEvents[E]) => void,
  ): void {
    this.#emitter.off(event, listener);
  }

  emit<E extends keyof HoldPoolEvents>(event: E, value: HoldPoolEvents[E]): void {
    for (const listener of this.#emitter.listeners(event)) {
      const failed = (error: unknown) => {
        if (event !== 'fault') this.emit('fault', error);
      };
      try {
        const result: unknown = listener(value);
        if (result instanceof Promise) result.catch(failed);
      } catch (error) {
        failed(error);
      }
    }
  }

  clear(): void {
    this.#emitter.removeAllListeners();
  }
}
