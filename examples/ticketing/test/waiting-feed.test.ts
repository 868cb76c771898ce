import type { Logger } from 'pino';
import { expect, it } from 'vitest';
import type { ServerMessage } from '../contract.ts';
import type { Catalog } from '../services/catalog/catalog.ts';
import { WaitingFeed } from '../services/gateway/waiting-feed.ts';
import type { WaitingRooms } from '../services/inventory/waiting-rooms.ts';

/** so many that the regular word comes to each of them only after half a minute */
const full = 60_000;

it('tells in a full process at once whoever is let in, and nobody else for it', async () => {
  const status = { phase: 'open', opensAt: 0, admittedBelow: 0.1 };
  const feed = new WaitingFeed({
    rooms: { of: () => ({ status: async () => status }) } as unknown as WaitingRooms,
    catalog: { event: async () => ({}) } as unknown as Catalog,
    log: { warn: () => {} } as unknown as Logger,
  });
  const heard = (list: number[]) => (message: Buffer) => {
    const said = JSON.parse(String(message)) as ServerMessage;
    list.push(said.type === 'waiting-room' ? said.status.admittedBelow : Number.NaN);
  };
  let regular = 0;
  await Promise.all(Array.from({ length: full }, () => feed.watch('hall', () => regular++)));
  const [next, later, gone]: number[][] = [[], [], []];
  await feed.watch('hall', heard(next ?? []), 0.15);
  await feed.watch('hall', heard(later ?? []), 0.25);
  const leave = await feed.watch('hall', heard(gone ?? []), 0.15);
  // the first change that is seen goes to everybody
  status.admittedBelow = 0.11;
  await expect.poll(() => regular, { timeout: 10_000 }).toBe(2 * full);
  leave();

  status.admittedBelow = 0.2;
  const from = performance.now();
  await expect.poll(() => next, { timeout: 10_000 }).toEqual([0.1, 0.11, 0.2]);
  expect(performance.now() - from).toBeLessThan(5_000);
  status.admittedBelow = 0.3;
  await expect.poll(() => later, { timeout: 10_000 }).toEqual([0.1, 0.11, 0.3]);
  // once it was told, it is told like everybody
  expect(next).toHaveLength(3);
  expect(gone).toEqual([0.1, 0.11]);
  expect(regular).toBe(2 * full);
  await feed.close();
});
