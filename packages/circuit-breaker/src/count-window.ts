import { type CallWindow, FAILED, SLOW, type Verdict } from './window.ts';

const PER_WORD = 16; // two bits a call: failed, slow

/** The last `size` calls in the order in which they were judged, two bits each. */
export class CountWindow implements CallWindow {
  calls = 0;
  failed = 0;
  slow = 0;
  bad = 0;
  /** Sequence number of the next call. */
  mark = 0;
  readonly #size: number;
  readonly #ring: Uint32Array;

  constructor(size: number) {
    this.#size = size;
    this.#ring = new Uint32Array(Math.ceil(size / PER_WORD));
  }

  advance(): void {} // time does not age a call here

  addGood(): void {
    this.#push(0);
  }

  addBad(verdict: Verdict): number {
    return this.#push(verdict);
  }

  amend(mark: number): boolean {
    if (mark < this.mark - this.calls) return false;
    this.failed += 1;
    this.#write(mark % this.#size, this.#read(mark % this.#size) | FAILED);
    return true;
  }

  clear(): void {
    this.calls = this.failed = this.slow = this.bad = 0; // old bits are never read: `calls` says which are live
  }

  #push(verdict: 0 | Verdict): number {
    const slot = this.mark % this.#size;
    if (this.calls === this.#size) this.#count(this.#read(slot), -1);
    else this.calls += 1;
    this.#write(slot, verdict);
    this.#count(verdict, 1);
    const { mark } = this;
    this.mark += 1;
    return mark;
  }

  #count(verdict: number, by: 1 | -1): void {
    if (verdict === 0) return;
    if (verdict & FAILED) this.failed += by;
    if (verdict & SLOW) this.slow += by;
    this.bad += by;
  }

  #read(slot: number): number {
    return ((this.#ring[Math.floor(slot / PER_WORD)] as number) >>> ((slot % PER_WORD) * 2)) & 3;
  }

  #write(slot: number, verdict: number): void {
    const word = Math.floor(slot / PER_WORD);
    const shift = (slot % PER_WORD) * 2;
    this.#ring[word] = ((this.#ring[word] as number) & ~(3 << shift)) | (verdict << shift);
  }
}
