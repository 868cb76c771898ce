/** Who is pinged, who is not, and who is given up. */
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Heartbeat, Pulse } from '../services/gateway/heartbeat.ts';

class Socket extends Pulse {
  readonly pings: number[] = [];
  terminatedAt: number | undefined;
  ping() {
    this.pings.push(seconds());
  }
  terminate() {
    this.terminatedAt ??= seconds();
  }
}

let heartbeat: Heartbeat;
let began: number;
const broadcasts = { isUnderWay: false };
const seconds = () => Math.round((Date.now() - began) / 1_000);
const pass = (howMany: number) => vi.advanceTimersByTime(howMany * 1_000);
const added = (howMany: number) =>
  Array.from({ length: howMany }, () => {
    const socket = new Socket();
    heartbeat.add(socket);
    return socket;
  });

beforeEach(() => {
  vi.useFakeTimers();
  began = Date.now();
  broadcasts.isUnderWay = false;
  heartbeat = new Heartbeat(broadcasts);
});
afterEach(() => {
  heartbeat.close();
  vi.useRealTimers();
});

it('pings everybody once in 30 s, a slice each second', () => {
  const sockets = added(300);
  for (let second = 1; second <= 30; second += 1) {
    pass(1);
    expect(sockets.filter(({ pings }) => pings.length > 0)).toHaveLength(second * 10);
  }
  for (const socket of sockets) heartbeat.heard(socket);
  pass(30);
  expect(sockets.every(({ pings }) => pings.length === 2)).toBe(true);
  expect(sockets.some(({ terminatedAt }) => terminatedAt !== undefined)).toBe(false);
});

it('waits for what all must hear at once, 15 seconds and no longer, and leaves nobody out', () => {
  const sockets = added(300);
  const pinged = () => sockets.filter(({ pings }) => pings.length > 0).length;
  pass(3);
  broadcasts.isUnderWay = true;
  pass(4);
  expect(pinged()).toBe(30);
  broadcasts.isUnderWay = false;
  // twice as many as else, until all that has waited is done
  pass(1);
  expect(pinged()).toBe(50);
  pass(4);
  expect(pinged()).toBe(120);
  broadcasts.isUnderWay = true;
  pass(15);
  expect(pinged()).toBe(120);
  pass(1);
  expect(pinged()).toBe(140);
  pass(15);
  expect(pinged()).toBeGreaterThanOrEqual(270);
});

it('forgets what was due to those who left meanwhile', () => {
  const sockets = added(300);
  broadcasts.isUnderWay = true;
  pass(10);
  for (const socket of sockets.slice(1)) heartbeat.remove(socket);
  broadcasts.isUnderWay = false;
  const [last] = sockets as [Socket];
  pass(29);
  expect(last.pings).toHaveLength(1);
  heartbeat.remove(last);
  pass(60);
  const [later] = added(1) as [Socket];
  pass(29);
  expect(later.pings).toEqual([]);
  pass(1);
  expect(later.pings).toHaveLength(1);
});

it('gives up who has not answered by the next time', () => {
  const [silent, alive] = added(30) as [Socket, Socket];
  pass(30);
  heartbeat.heard(alive);
  pass(29);
  expect(alive.terminatedAt).toBe(undefined);
  pass(1);
  expect(silent.terminatedAt).toBe((silent.pings[0] as number) + 30);
});

it('leaves one who is alone in peace as well', () => {
  const [alone] = added(1) as [Socket];
  pass(30);
  heartbeat.heard(alone);
  pass(30);
  expect(alone.pings).toEqual([30, 60]);
  expect(alone.terminatedAt).toBe(undefined);
});

it('does not ping who was told something, but asks after two minutes whether anybody listens', () => {
  const [told, quiet] = added(2) as [Socket, Socket];
  for (let second = 0; second < 180; second += 1) {
    told.isTold = true;
    pass(1);
    if (quiet.pings.length > 0) heartbeat.heard(quiet);
  }
  expect(told.pings).toHaveLength(1);
  expect(told.pings[0]).toBeGreaterThanOrEqual(120);
  // nobody did, however much was sent
  expect(told.terminatedAt).toBe((told.pings[0] as number) + 30);
  expect(quiet.pings).toHaveLength(6);
});

it('gives who takes the place of another the time to answer', () => {
  const sockets = added(60);
  pass(30);
  const last = sockets.at(-1) as Socket;
  for (const socket of sockets) if (socket !== last) heartbeat.heard(socket);
  expect(last.pings).toEqual([30]);
  // it is looked at three seconds after its ping, at the place where it is now
  heartbeat.remove(sockets[5] as Socket);
  expect(last.place).toBe(5);
  pass(3);
  expect(last.terminatedAt).toBe(undefined);
  heartbeat.heard(last);
  pass(30);
  expect(last.terminatedAt).toBe(undefined);
  expect(last.pings).toHaveLength(2);
});

it('forgets who leaves, whichever it is', () => {
  const sockets = added(5);
  for (const index of [4, 0, 2]) heartbeat.remove(sockets[index] as Socket);
  pass(30);
  expect(sockets.map(({ pings }) => pings.length > 0)).toEqual([false, true, false, true, false]);
});
