import { EventEmitter } from 'node:events';
import { setImmediate, setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { ServerMessage } from '../contract.ts';
import { AvailabilityFeed } from '../services/inventory/availability.ts';
import type { Pools } from '../services/inventory/pools.ts';

/** A hall of 100 seats whose changes and readings the test decides. */
function hall() {
  const changes = new EventEmitter();
  const state = { seq: 0, reads: 0, readsFail: false, beforeAnswer: async () => {} };
  const pool = {
    on: (name: string, listener: (event: object) => void) => changes.on(name, listener),
    available: async () => {
      state.reads += 1;
      if (state.readsFail) throw new Error('Redis is away');
      const { seq } = state;
      await state.beforeAnswer();
      return {
        seq,
        serverNow: 0,
        skus: { all: { total: 100, free: 100 - seq, held: seq, sold: 0 } },
      };
    },
  };
  const feed = new AvailabilityFeed({
    of: async () => pool,
    onOpen: (listener: (slug: string, opened: object) => void) => listener('hall', pool),
  } as unknown as Pools);
  const change = () => {
    state.seq += 1;
    const { seq } = state;
    changes.emit('change', { seq, changes: [{ sku: 'all', free: 100 - seq, held: seq, sold: 0 }] });
  };
  return { feed, state, change };
}

const seqOf = (message: Buffer): number => {
  const said = JSON.parse(String(message)) as ServerMessage;
  return said.type === 'availability'
    ? said.availability.seq
    : said.type === 'change'
      ? said.seq
      : -1;
};

describe('the feed of availability', () => {
  it('gives thousands one snapshot, and each of them every change once and in order', async () => {
    const { feed, state, change } = hall();
    const heard: number[][] = Array.from({ length: 3_000 }, () => []);
    await Promise.all(
      heard.map((mine) => feed.watch('hall', (message) => mine.push(seqOf(message)))),
    );
    expect(state.reads).toBe(1);
    for (let n = 0; n < 5; n += 1) change();
    await expect.poll(() => heard.at(-1)?.length).toBe(6);
    for (const mine of heard) expect(mine).toEqual([0, 1, 2, 3, 4, 5]);
  });

  it('lets others have their turn while many are told, and tells nobody who has left', async () => {
    const { feed, change } = hall();
    let told = 0;
    const stops = await Promise.all(
      Array.from({ length: 2_000 }, () => feed.watch('hall', () => (told += 1))),
    );
    told = 0;
    change();
    await setImmediate();
    expect(told).toBeGreaterThan(0);
    expect(told).toBeLessThan(2_000);
    for (const stop of stops) stop();
    await sleep(20);
    expect(told).toBeLessThan(2_000);
  });

  it('gives nobody who comes after a change a reading from before it', async () => {
    const { feed, state, change } = hall();
    let answer = () => {};
    state.beforeAnswer = () => new Promise<void>((resolve) => (answer = resolve));
    const early: number[] = [];
    const late: number[] = [];
    const first = feed.watch('hall', (message) => early.push(seqOf(message)));
    await expect.poll(() => state.reads).toBe(1);
    const answerFirst = answer;
    change();
    const second = feed.watch('hall', (message) => late.push(seqOf(message)));
    await expect.poll(() => state.reads).toBe(2);
    answerFirst();
    answer();
    await Promise.all([first, second]);
    expect(early.sort()).toEqual([0, 1]);
    expect(new Set(late)).toEqual(new Set([1]));
  });

  it('tells how things stand in place of more changes than anybody can follow', async () => {
    const { feed, change } = hall();
    const heard: number[] = [];
    await feed.watch('hall', (message) => heard.push(seqOf(message)));
    for (let n = 0; n < 90; n += 1) change();
    await expect.poll(() => heard.at(-1)).toBe(90);
    expect(heard.length).toBeLessThan(70);
    change();
    await expect.poll(() => heard.at(-1)).toBe(91);
  });

  it('that cannot be read says so to who comes, and goes on', async () => {
    const { feed, state, change } = hall();
    state.readsFail = true;
    const heard: number[] = [];
    await expect(feed.watch('hall', (message) => heard.push(seqOf(message)))).rejects.toThrow(
      'away',
    );
    change();
    state.readsFail = false;
    await feed.watch('hall', (message) => heard.push(seqOf(message)));
    expect(new Set(heard)).toEqual(new Set([1]));
  });
});
