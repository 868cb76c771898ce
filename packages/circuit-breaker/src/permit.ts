import { PermitSettledError } from './errors.ts';

/**
 * The right to make one call whose work is not a single promise: a stream, a message being consumed.
 *
 * It ages like any call: it counts as slow after `slow.afterMs` and as failed after `timeoutMs`, so a permit that is
 * never settled cannot hold the circuit half-open. `using` gives back one that was not settled.
 */
export class Permit {
  readonly #name: string;
  #settle: ((how: 'success' | 'failure' | 'ignore', error?: unknown) => void) | undefined;

  /** @internal */
  constructor(
    name: string,
    settle: (how: 'success' | 'failure' | 'ignore', error?: unknown) => void,
  ) {
    this.#name = name;
    this.#settle = settle;
  }

  /** @throws PermitSettledError when it was settled before */
  success(): void {
    this.#use()('success');
  }

  /** @throws PermitSettledError when it was settled before */
  failure(error?: unknown): void {
    this.#use()('failure', error);
  }

  /**
   * Gives the permit back without a verdict.
   *
   * @throws PermitSettledError when it was settled before
   */
  ignore(): void {
    this.#use()('ignore');
  }

  [Symbol.dispose](): void {
    if (this.#settle !== undefined) this.ignore();
  }

  #use(): (how: 'success' | 'failure' | 'ignore', error?: unknown) => void {
    const settle = this.#settle;
    if (settle === undefined) throw new PermitSettledError(this.#name);
    this.#settle = undefined;
    return settle;
  }
}
