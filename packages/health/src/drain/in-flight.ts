/** Work that must not be cut: what is running, under which name, and when it will all be done. */
export class InFlight {
  readonly #running = new Map<Promise<unknown>, string>();

  get size(): number {
    return this.#running.size;
  }

  get names(): readonly string[] {
    return [...this.#running.values()];
  }

  add<T>(work: Promise<T>, name: string): Promise<T> {
    this.#running.set(work, name);
    const remove = () => void this.#running.delete(work);
    work.then(remove, remove);
    return work;
  }

  /** Resolves when what runs now has settled; what begins later is not waited for. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#running.keys());
  }

  /** Resolves at a moment when nothing runs. */
  async idle(): Promise<void> {
    while (this.#running.size > 0) await this.settled();
  }
}
