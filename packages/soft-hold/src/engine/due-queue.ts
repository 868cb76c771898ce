type Entry = { due: number; id: string };

const before = (a: Entry, b: Entry) => a.due < b.due || (a.due === b.due && a.id < b.id);

/**
 * Ids by the time they are due: a binary heap in which an id that was set again or removed leaves a
 * stale entry behind, skipped when it comes to the top. O(log n) each.
 */
export class DueQueue {
  readonly #heap: Entry[] = [];
  readonly #due = new Map<string, number>();

  get ids(): Iterable<string> {
    return this.#due.keys();
  }

  set(id: string, due: number): void {
    if (this.#due.get(id) === due) return;
    this.#due.set(id, due);
    const heap = this.#heap;
    let at = heap.push({ due, id }) - 1;
    for (;;) {
      const parent = (at - 1) >> 1;
      if (at === 0 || !before(heap[at] as Entry, heap[parent] as Entry)) return;
      this.#swap(at, parent);
      at = parent;
    }
  }

  delete(id: string): void {
    this.#due.delete(id);
  }

  first(): Entry | undefined {
    for (;;) {
      const top = this.#heap[0];
      if (top === undefined || this.#due.get(top.id) === top.due) return top;
      this.#dropTop();
    }
  }

  /** At most `most` ids that are due at `time` or before, the first due first; they stay. */
  upTo(time: number, most: number): string[] {
    const taken: Entry[] = [];
    for (
      let top = this.first();
      top && top.due <= time && taken.length < most;
      top = this.first()
    ) {
      taken.push(top);
      this.#due.delete(top.id); // a second entry of the same id is stale now
      this.#dropTop();
    }
    for (const { id, due } of taken) this.set(id, due);
    return taken.map(({ id }) => id);
  }

  #dropTop(): void {
    const heap = this.#heap;
    const last = heap.pop() as Entry;
    if (heap.length === 0) return;
    heap[0] = last;
    for (let at = 0; ; ) {
      let least = at;
      for (const child of [2 * at + 1, 2 * at + 2]) {
        if (child < heap.length && before(heap[child] as Entry, heap[least] as Entry))
          least = child;
      }
      if (least === at) return;
      this.#swap(at, least);
      at = least;
    }
  }

  #swap(a: number, b: number): void {
    const heap = this.#heap;
    [heap[a], heap[b]] = [heap[b] as Entry, heap[a] as Entry];
  }
}
