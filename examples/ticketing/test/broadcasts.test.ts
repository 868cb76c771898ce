import { setImmediate, setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { Broadcasts, nothing, type Watcher } from '../services/inventory/broadcasts.ts';

const message = Buffer.from('the sale is open');
const crowd = (howMany: number, listener: (heard: Buffer) => void) =>
  new Set(
    Array.from({ length: howMany }, (): Watcher => ({ listener, heard: nothing, hasLeft: false })),
  );

it('tells everybody once, and who listens elsewhere meanwhile is not kept waiting', async () => {
  const broadcasts = new Broadcasts();
  let told = 0;
  const all = crowd(1_000, () => (told += 1));
  const telling = broadcasts.tell(all, () => message);
  await setImmediate();
  expect(told).toBeGreaterThan(0);
  expect(told).toBeLessThan(1_000);
  await telling;
  await broadcasts.tell(all, () => message);
  expect(told).toBe(1_000);
});

it('is under way until it has ended, and as long as a neighbour may take', async () => {
  const broadcasts = new Broadcasts();
  expect(broadcasts.isUnderWay).toBe(false);
  const begin = performance.now();
  const slow = crowd(300, () => {
    for (const until = performance.now() + 2; performance.now() < until; ) Math.random();
  });
  const telling = broadcasts.tell(slow, () => message);
  expect(broadcasts.isUnderWay).toBe(true);
  await telling;
  const tookMs = performance.now() - begin;
  expect(tookMs).toBeGreaterThanOrEqual(600);
  await broadcasts.tell([], () => message);
  await sleep(20);
  expect(broadcasts.isUnderWay).toBe(true);
  await sleep(tookMs * 0.3);
  expect(broadcasts.isUnderWay).toBe(false);
});

it('ends for who waits when somebody cannot be told', async () => {
  const broadcasts = new Broadcasts();
  const broken = crowd(1, () => {
    throw new Error('gone');
  });
  await expect(broadcasts.tell(broken, () => message)).rejects.toThrow('gone');
  await sleep(50);
  expect(broadcasts.isUnderWay).toBe(false);
});
