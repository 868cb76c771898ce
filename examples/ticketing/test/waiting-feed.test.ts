import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import type { ServerMessage, WaitingRoomPage } from '../contract.ts';
import { WaitingFeed, type WaitingFeedOptions } from '../services/gateway/waiting-feed.ts';
import { Broadcasts } from '../services/inventory/broadcasts.ts';

const feeds: WaitingFeed[] = [];
afterEach(async () => {
  for (const feed of feeds.splice(0)) await feed.close();
});

/** The test says when a seat is being told. */
class Seats extends Broadcasts {
  isTelling = false;
  override get isUnderWay() {
    return this.isTelling || super.isUnderWay;
  }
}

/** A room that says something new each time it is asked, and as many people as are asked for. */
async function room(people: number, opensInMs: number) {
  const seats = new Seats();
  const queue = { admittedBelow: 0.1 };
  const opensAt = Date.now() + opensInMs;
  let updatedAt = 0;
  const status = async () => {
    updatedAt += 1;
    return { phase: Date.now() < opensAt ? 'lobby' : 'open', opensAt, updatedAt, ...queue };
  };
  const feed = new WaitingFeed({
    broadcasts: seats,
    rooms: { of: () => ({ status }) },
    catalog: { event: async () => ({}) },
    log: { warn: () => {} },
  } as unknown as WaitingFeedOptions);
  feeds.push(feed);
  const come = async (place?: number) => {
    const mine: WaitingRoomPage[] = [];
    const listener = (message: Buffer) => {
      const said = JSON.parse(String(message)) as ServerMessage;
      if (said.type === 'waiting-room') mine.push(said.status);
    };
    return { mine, leave: await feed.watch('hall', listener, place) };
  };
  const heard: WaitingRoomPage[][] = [];
  const leave: (() => void)[] = [];
  for (let n = 0; n < people; n += 1) {
    const one = await come();
    heard.push(one.mine);
    leave.push(one.leave);
  }
  const told = () => heard.filter(({ length }) => length > 1).length;
  return { seats, queue, come, heard, leave, told };
}

describe('the feed of a waiting room', () => {
  it('tells everybody how it stands at once, of the opening when it is due, and nobody the same twice', async () => {
    const { heard } = await room(3_000, 300);
    expect(heard.every(([first]) => first?.phase === 'lobby')).toBe(true);
    const know = () => heard.filter((mine) => mine.at(-1)?.phase === 'open').length;
    await expect.poll(know, { interval: 5 }).toBe(3_000);
    expect(new Set(heard.map((mine) => mine.at(-1)?.updatedAt)).size).toBe(1);
    for (const mine of heard) {
      const times = mine.map(({ updatedAt }) => updatedAt);
      expect(times).toEqual([...new Set(times)].sort((a, b) => a - b));
    }
  });

  it('tells one after the other what can wait, and tells nobody who has left', async () => {
    const { heard, leave, told } = await room(2_000, 60_000);
    await expect.poll(told, { timeout: 5_000, interval: 5 }).toBeGreaterThan(0);
    expect(told()).toBeLessThan(2_000);
    leave.at(-1)?.();
    await expect.poll(told, { timeout: 5_000 }).toBe(1_999);
    expect(heard.at(-1)).toHaveLength(1);
  });

  it('tells at once whose turn it is, however many others there are', async () => {
    const { queue, come, told } = await room(20_000, -1);
    const next = await come(0.15);
    const later = await come(0.25);
    const gone = await come(0.15);
    gone.leave();
    queue.admittedBelow = 0.2;
    const turn = () => next.mine.at(-1)?.admittedBelow;
    await expect.poll(turn, { timeout: 5_000, interval: 5 }).toBe(0.2);
    expect(told()).toBeLessThan(10_000);
    expect(later.mine).toHaveLength(1);
    queue.admittedBelow = 0.3;
    await expect.poll(() => later.mine.length, { timeout: 5_000, interval: 5 }).toBe(2);
    expect(told()).toBeLessThan(10_000);
    expect(gone.mine).toHaveLength(1);
  });

  it('lets a seat that is taken go first, but not for ever', async () => {
    const { seats, told } = await room(200, 60_000);
    seats.isTelling = true;
    await expect.poll(told, { timeout: 5_000, interval: 5 }).toBe(50);
    await sleep(9_000);
    expect(told()).toBe(50);
    await expect.poll(told, { timeout: 15_000 }).toBe(200);
  }, 30_000);

  it('lets the second seat of a long round go first as well', async () => {
    const { seats, told } = await room(20_000, 60_000);
    await expect.poll(told, { timeout: 5_000, interval: 5 }).toBeGreaterThan(0);
    for (let seat = 0; seat < 2; seat += 1) {
      seats.isTelling = true;
      await sleep(100);
      const before = told();
      await sleep(1_500);
      expect(told()).toBe(before);
      seats.isTelling = false;
      await sleep(2_000);
      expect(told()).toBeGreaterThan(before + 500);
    }
    expect(told()).toBeLessThan(20_000);
  }, 30_000);
});
