import { describe, expect, it } from 'vitest';
import { systemClock } from '../src/clock.ts';
import { SendQueue } from '../src/send-queue.ts';
import type { OutgoingRecord } from '../src/transport.ts';

const LIMIT = 256 * 1024;
const record = (n: number, bytes: number): OutgoingRecord => ({
  topic: 'jobs',
  key: 'same',
  value: String(n).padEnd(bytes, '.'),
  headers: {},
});
const numbers = (records: readonly OutgoingRecord[]) =>
  records.map(({ value }) => Number.parseInt(value.toString(), 10));
const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);

/** A queue whose requests are answered by hand. */
function newQueue() {
  const requests: {
    readonly records: readonly OutgoingRecord[];
    stored: () => void;
    refused: (error: Error) => void;
  }[] = [];
  const sender = {
    connect: async () => {},
    send: (records: readonly OutgoingRecord[]) =>
      new Promise<void>((stored, refused) => requests.push({ records, stored, refused })),
    discard: () => {},
  };
  const next = async (place: number) => {
    await expect.poll(() => requests.length, { timeout: 5_000 }).toBeGreaterThan(place);
    return requests[place] as (typeof requests)[number];
  };
  return { queue: new SendQueue(sender, systemClock), requests, next };
}

describe('send queue', () => {
  it('sends a large call piece by piece, in order, and acknowledges it when all of it is stored', async () => {
    const { queue, requests, next } = newQueue();
    let isDone = false;
    const sent = queue
      .send(
        range(0, 1_000).map((n) => record(n, 1_000)),
        5_000,
      )
      .then(() => {
        isDone = true;
      });
    const seen: number[] = [];
    for (let place = 0; seen.length < 1_000; place++) {
      expect(isDone).toBe(false);
      const { records, stored } = await next(place);
      const bytes = records.reduce((sum, { value }) => sum + value.length, 0);
      expect(bytes).toBeLessThanOrEqual(LIMIT);
      seen.push(...numbers(records));
      stored();
    }
    await sent;
    expect(seen).toEqual(range(0, 1_000));
    expect(requests.length).toBeLessThan(8);
  });

  it('sends nothing after a piece that failed, and goes on with the next call', async () => {
    const { queue, requests, next } = newQueue();
    const sent = queue.send(
      range(0, 1_000).map((n) => record(n, 1_000)),
      5_000,
    );
    const after = queue.send([record(2_000, 10)], 5_000);
    (await next(0)).refused(new Error('no'));
    await expect(sent).rejects.toThrow('no');
    const second = await next(1);
    expect(numbers(second.records)).toEqual([2_000]);
    second.stored();
    await after;
    expect(requests).toHaveLength(2);
  });

  it('sends nothing more of a call whose caller waits no longer', async () => {
    const { queue, requests, next } = newQueue();
    const sent = queue.send(
      range(0, 1_000).map((n) => record(n, 1_000)),
      50,
    );
    const first = await next(0);
    await expect(sent).rejects.toMatchObject({ code: 'ERR_TRANSPORT_TIMEOUT' });
    first.stored();
    await queue.send([], 1_000);
    expect(requests).toHaveLength(1);
  });

  it('repeats calls one by one when a request they shared was refused, but none that was given up', async () => {
    const { queue, next, requests } = newQueue();
    const one = queue.send([record(1, 10)], 5_000);
    const hasty = queue.send([record(2, 10)], 200);
    const three = queue.send([record(3, 10)], 5_000);
    const shared = await next(0);
    expect(numbers(shared.records)).toEqual([1, 2, 3]);
    shared.refused(new Error('one is too large'));
    const alone = await next(1);
    expect(numbers(alone.records)).toEqual([1]);
    await expect(hasty).rejects.toMatchObject({ code: 'ERR_TRANSPORT_TIMEOUT' });
    alone.refused(new Error('this one'));
    await expect(one).rejects.toThrow('this one');
    const last = await next(2);
    expect(numbers(last.records)).toEqual([3]);
    last.stored();
    await three;
    expect(requests).toHaveLength(3);
  });
});
