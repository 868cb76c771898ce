import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { uniqueName } from '../../../test/backends.ts';
import {
  drawnPlace,
  standingOf,
  WaitingRoom,
  type WaitingRoomOptions,
} from '../src/waiting-room/index.ts';
import { clients, fakeClock } from './setup.ts';

const SECRET = 'a secret of thirty-two characters';
const OPENS = 1_800_000_000_000;

function openRoom(options: Partial<WaitingRoomOptions> = {}) {
  const clock = fakeClock(OPENS - 60_000);
  const { redis } = clients();
  const common = {
    ...{ redis, room: uniqueName('room'), secrets: [SECRET], seed: `${SECRET} seed` },
    ...{ opensAt: OPENS, clock, perSecond: 100, maxActive: 500 },
    ...options,
  };
  const room = new WaitingRoom(common);
  return {
    room,
    clock,
    redis,
    common,
    other: () => new WaitingRoom({ ...common, redis: clients().redis }),
  };
}

test('150,000 places are drawn and told by one document, and can be checked afterwards', async () => {
  const { room, clock, redis } = openRoom({ perSecond: 1_000, maxActive: 1_000_000 });
  const accounts = Array.from({ length: 150_000 }, (_, i) => `account-${i}`);
  let sent = 0;
  const sendCommand = redis.sendCommand.bind(redis);
  redis.sendCommand = (...args) => {
    sent++;
    return sendCommand(...args);
  };
  const tickets = accounts.map((account) => room.join(account).ticket);
  expect(sent).toBe(0);
  const lobby = await room.tick();
  expect(lobby).toMatchObject({ phase: 'lobby', seed: null, waiting: 150_000 });
  clock.advance(60_000);
  await room.tick();
  clock.advance(1_000);
  const status = await room.tick();
  expect(status).toMatchObject({ phase: 'open', waiting: 149_000 });
  const seed = status.seed as string;
  expect(createHash('sha256').update(seed).digest('hex')).toBe(lobby.commitment);
  expect(JSON.stringify(status).length).toBeLessThan(20_000);

  const order = accounts
    .map((account) => ({ account, place: room.drawnPlace(account) }))
    .sort((a, b) => a.place - b.place);
  expect(new Set(order.map(({ place }) => place)).size).toBe(150_000);
  let worst = 0;
  order.forEach(({ place }, i) => {
    const told = standingOf(status, place).position;
    worst = Math.max(worst, Math.abs(told - Math.max(0, i - 999)));
  });
  expect(worst).toBeLessThan(60); // of 150,000
  for (const { account, place } of [order[0], order[777], order[149_999]] as typeof order)
    expect(await drawnPlace(seed, status.room, account)).toBe(place); // as a browser works it out
  // the first of the draw, not the first who came
  const first = order[0]?.account as string;
  sent = 0;
  for (let i = 0; i < 100; i++) await room.status();
  expect(sent).toBe(0); // a poll writes nothing, and mostly asks nothing
  const ticket = tickets[accounts.indexOf(first)] as string;
  expect(await room.enter(first, ticket)).toMatchObject({ status: 'admitted' });
  const last = order.at(-1)?.account as string;
  const waiting = await room.enter(last, tickets[accounts.indexOf(last)] as string);
  expect(waiting).toMatchObject({ status: 'waiting', position: expect.closeTo(149_000, -2) });
});

test('an account has one place in the draw and one pass, however often it comes', async () => {
  const { room, clock, other } = openRoom();
  const tickets = [room.join('ada'), room.join('ada'), other().join('ada')];
  expect((await room.tick()).waiting).toBe(1);
  clock.advance(60_000);
  await room.tick();
  clock.advance(2_000);
  await room.tick();
  const passes = [];
  for (const { ticket } of tickets) passes.push(await room.enter('ada', ticket));
  expect(
    new Set(passes.map((answer) => answer.status === 'admitted' && answer.expiresAt)).size,
  ).toBe(1);
  clock.advance(1_000);
  expect((await room.tick()).active).toBe(1);
});

test('tokens cannot be forged, moved to another account or sale, used late or for something else', async () => {
  const { room, clock, common } = openRoom({ passMs: 5_000, ticketMs: 60_000 });
  const elsewhere = new WaitingRoom({ ...common, room: uniqueName('room') });
  const { ticket } = room.join('ada');
  clock.advance(60_000);
  await room.tick();
  clock.advance(1_000);
  await room.tick();
  const refused = (reason: string) => ({ status: 'refused', reason });
  const [body = '', mac] = ticket.split('.');
  const claims = JSON.parse(Buffer.from(body, 'base64url').toString());
  const forged = Buffer.from(JSON.stringify({ ...claims, a: 'bob' })).toString('base64url');
  expect(await room.enter('bob', ticket)).toEqual(refused('other_account'));
  expect(await room.enter('bob', `${forged}.${mac}`)).toEqual(refused('forged'));
  expect(await elsewhere.enter('ada', ticket)).toEqual(refused('other_room'));
  expect(room.check('ada', ticket)).toEqual(refused('other_kind'));
  for (const nonsense of ['', '.', 'a.b.c', 'x', 'ü.ü', '.'.repeat(5_000), null, 7, {}] as string[])
    expect(await room.enter('ada', nonsense)).toMatchObject({ status: 'refused' });
  const admitted = await room.enter('ada', ticket);
  if (admitted.status !== 'admitted') throw new Error(admitted.status);
  expect(room.check('ada', admitted.pass)).toMatchObject({ status: 'valid' });
  expect(room.check('bob', admitted.pass)).toEqual(refused('other_account'));
  expect(elsewhere.check('ada', admitted.pass)).toEqual(refused('other_room'));
  clock.advance(5_000);
  expect(room.check('ada', admitted.pass)).toEqual(refused('expired'));
  clock.advance(60_000);
  expect(await room.enter('ada', ticket)).toEqual(refused('expired'));
  const rotated = new WaitingRoom({
    ...common,
    secrets: ['a new secret of thirty-two chars.', SECRET],
  });
  const old = room.join('cyd').ticket;
  expect(await rotated.enter('cyd', old)).toMatchObject({ status: 'waiting' });
  expect(await room.enter('dan', rotated.join('dan').ticket)).toEqual(refused('forged'));
});

test('admission is paced by rate, by those inside and by what is free, whoever ticks', async () => {
  let free = 1_000;
  const { room, clock, other } = openRoom({
    ...{ perSecond: 10, maxActive: 25, passMs: 30_000, claimMs: 5_000 },
    freeUnits: () => free,
    perFreeUnit: 2,
  });
  const rooms = [room, other(), other()];
  const people = Array.from({ length: 200 }, (_, i) => `p${i}`);
  const tickets = people.map((account, i) => (rooms[i % 3] as WaitingRoom).join(account).ticket);
  clock.advance(60_000);
  const round = async (ms: number) => {
    clock.advance(ms);
    for (const one of rooms) await one.tick();
    return room.tick();
  };
  await round(0);
  expect(200 - (await round(1_000)).waiting).toBe(10);
  expect(200 - (await round(1_000)).waiting).toBe(20);
  expect(200 - (await round(1_000)).waiting).toBe(25); // full, though nobody has come yet
  const inside: [string, string][] = [];
  for (const [i, account] of people.entries()) {
    const answer = await room.enter(account, tickets[i] as string);
    if (answer.status === 'admitted') inside.push([account, answer.pass]);
  }
  expect(inside.length).toBeGreaterThan(15);
  expect(inside.length).toBeLessThanOrEqual(27); // the document is exact to a bucket
  for (const [account, pass] of inside.slice(0, 5)) await room.leave(account, pass);
  await round(6_000); // who has not come by now has given up
  const before = (await round(1_000)).waiting;
  expect(before).toBeLessThan(175);
  free = 0;
  expect((await round(1_000)).waiting).toBe((await round(1_000)).waiting);
  free = 1_000;
  const left = (await round(31_000)).waiting; // all passes have run out
  expect(left).toBeLessThan(before);
});

test('whoever ticks a little early lets in as many as that time allows, not none and then twice as many', async () => {
  const { room, clock } = openRoom();
  for (let person = 0; person < 600; person++) room.join(`person-${person}`);
  clock.advance(60_000);
  await room.tick();
  const waiting: number[] = [];
  for (const ms of [990, 990, 500, 490]) {
    clock.advance(ms);
    waiting.push((await room.tick()).waiting);
  }
  expect(waiting).toEqual([501, 402, 402, 303]);
});

test('who comes after the opening queues behind the draw, first come first served', async () => {
  const { room, clock } = openRoom({ perSecond: 1 });
  const drawn = room.join('early');
  clock.advance(60_000);
  await room.tick();
  const late: [string, string][] = [];
  for (const account of ['l1', 'l2', 'l3']) {
    clock.advance(100);
    late.push([account, room.join(account).ticket]);
    clock.advance(900);
    await room.tick();
  }
  expect(await room.enter('early', drawn.ticket)).toMatchObject({ status: 'admitted' });
  const states: number[] = [];
  for (const [account, ticket] of late) {
    const answer = await room.enter(account, ticket);
    states.push(answer.status === 'waiting' ? answer.position : 0);
  }
  expect(states).toEqual([...states].sort((a, b) => a - b));
  for (let i = 0; i < 4; i++) {
    clock.advance(1_000);
    await room.tick();
  }
  for (const [account, ticket] of late)
    expect(await room.enter(account, ticket)).toMatchObject({ status: 'admitted' });
});

test('wrong options and accounts are refused by name, and a secret is never shown', () => {
  const { common } = openRoom();
  const make = (wrong: object) => () => new WaitingRoom({ ...common, ...wrong } as never);
  expect(make({ seed: 'hunter2' })).toThrow(
    /^Expected `seed` to be a string of 32 characters or more$/,
  );
  expect(make({ secrets: ['hunter2'] })).toThrow(/^Expected `secrets\[0\]`(?!.*hunter2)/);
  expect(make({ secrets: [] })).toThrow('`secrets`');
  expect(make({ perSecond: 0 })).toThrow('`perSecond`');
  expect(make({ opensAt: '1' })).toThrow('`opensAt`');
  expect(make({ room: 'a{b}' })).toThrow('`room`');
  const room = new WaitingRoom(common);
  for (const account of ['', 'a b', 'x'.repeat(129), null, '{}'] as string[])
    expect(() => room.join(account)).toThrow('`account`');
});

test('an arrival whose process died before it could tell of it does not wait for ever', async () => {
  const { room, clock, other } = openRoom();
  await room.tick();
  clock.advance(61_000);
  await room.tick();
  const late = room.join('late');
  // never ticks again: what it knew is lost
  const survivor = other();
  clock.advance(2_000);
  await survivor.tick();
  expect((await survivor.enter('late', late.ticket)).status).toBe('waiting');
  clock.advance(6_000);
  await survivor.tick();
  expect((await survivor.enter('late', late.ticket)).status).toBe('admitted');
});

test('a room whose Redis lost everything goes on where it was: nobody is let in out of turn', async () => {
  const { room, clock, other, redis, common } = openRoom({ perSecond: 10 });
  const rooms = [room, other()];
  const people = Array.from({ length: 400 }, (_, i) => `p${i}`);
  const tickets = people.map((account, i) => (rooms[i % 2] as WaitingRoom).join(account).ticket);
  const round = async (ms: number) => {
    clock.advance(ms);
    for (const one of rooms) await one.tick();
    return room.tick();
  };
  await round(60_000);
  for (let second = 0; second < 5; second++) await round(1_000);
  expect((await round(1_000)).waiting).toBe(340);
  await redis.del(...[...'rbac'].map((key) => `{room:${common.room}}:${key}`));
  // nobody is told, or let in, by one that asks between the loss and the next tick
  const last = people.reduce((a, b) => (room.drawnPlace(a) > room.drawnPlace(b) ? a : b));
  const ask = (one: WaitingRoom) => one.enter(last, tickets[people.indexOf(last)] as string);
  clock.advance(1_000);
  for (const one of [...rooms, other()]) expect((await ask(one)).status).toBe('waiting');
  // the first who ticks knows of half of them
  await rooms[1]?.tick();
  clock.advance(1_000);
  for (const one of [...rooms, other()]) expect((await ask(one)).status).toBe('waiting');
  await round(0);
  for (let second = 0; second < 10; second++) {
    const { waiting } = await round(1_000);
    expect(waiting).toBeGreaterThan(200);
    expect(waiting).toBeLessThan(340);
    for (const one of [...rooms, other()]) expect((await ask(one)).status).toBe('waiting');
  }
  for (let second = 0; second < 30; second++) await round(1_000);
  expect((await ask(room)).status).toBe('admitted');
});

test('a room that closes tells of those who have just come', async () => {
  const { room, clock, other } = openRoom({ perSecond: 1 });
  await room.tick();
  clock.advance(61_000);
  await room.tick();
  for (let person = 0; person < 5; person++) room.join(`person-${person}`);
  await room.close();
  clock.advance(1_000);
  expect((await other().status()).waiting).toBeGreaterThanOrEqual(4);
});

test('the opening is seen by the first who asks, in a room that ticks, and not a tick later', async () => {
  const { room, clock, other } = openRoom({ everyMs: 60_000 });
  const reader = other();
  room.start();
  expect(await room.status()).toMatchObject({ phase: 'lobby' });
  expect(await reader.status()).toMatchObject({ phase: 'lobby' });
  clock.advance(59_999);
  expect(await room.status()).toMatchObject({ phase: 'lobby' });
  clock.advance(1);
  // one that only reads opens nothing
  expect(await reader.status()).toMatchObject({ phase: 'lobby' });
  const seen = await Promise.all([room.status(), room.status()]);
  expect(seen).toMatchObject([{ phase: 'open' }, { phase: 'open' }]);
  await room.close();
});
