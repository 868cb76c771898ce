/** The control room breaks real components of a shop that sells, and the sale is proven whole. */
import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startRedis } from '../../../test/backends.ts';
import type { ChaosName, ChaosReport } from '../launcher/chaos.ts';
import { controlRoom } from '../launcher/control-room.ts';
import type { Proof } from '../launcher/verify-sale.ts';
import { each, slug, TestShop } from './test-shop.ts';

const token = 'the token of the control room';
let redis: Awaited<ReturnType<typeof startRedis>>;
let shop: TestShop;
let room: FastifyInstance;
beforeAll(async () => {
  redis = await startRedis();
  shop = await TestShop.start({
    REDIS_URL: redis.url,
    PSP_LATENCY_MS: '300',
    SEATS_PER_BUYER: '100',
  });
  room = controlRoom({ shop: shop.shop, database: shop.database, redis, token });
});
afterAll(async () => {
  await room?.close();
  await shop?.stop();
  await redis?.stop();
});

const post = (url: string, payload: object = {}, authorization = `Bearer ${token}`) =>
  room.inject({ method: 'POST', url, payload, headers: { authorization } });
async function chaos(name: ChaosName, forMs = 1_000): Promise<ChaosReport> {
  const answer = await post(`/control/chaos/${name}`, { forMs });
  expect([name, answer.statusCode]).toEqual([name, 200]);
  return answer.json();
}
async function proofs(): Promise<Proof[]> {
  return (await post('/control/verify')).json().proofs;
}

describe('the control room', () => {
  it('opens to its token only', async () => {
    for (const wrong of ['', 'Bearer', `Bearer ${token}x`, token]) {
      expect((await post('/control/verify', {}, wrong)).statusCode).toBe(401);
    }
    expect((await post('/control/chaos/nothing')).statusCode).toBe(404);
    expect((await post('/control/chaos/drain', { forMs: -1 })).statusCode).toBe(400);
  });

  it('breaks no Redis that is not its own', async () => {
    const options = { shop: shop.shop, database: shop.database, token };
    const visitor = controlRoom({ ...options, redis: undefined });
    for (const name of ['flush', 'freeze']) {
      const headers = { authorization: `Bearer ${token}` };
      const url = `/control/chaos/${name}`;
      const answer = await visitor.inject({ method: 'POST', url, headers });
      expect(answer.statusCode).toBe(409);
    }
    await visitor.close();
  });

  it('kills the worker, freezes and empties Redis in the middle of a sale: nothing is oversold', async () => {
    const buyer = await shop.buyer();
    const seats = Array.from({ length: 16 }, (_, index) => `A-${index + 1}`);
    const holds = await each(seats, 4, (seat) => buyer.hold(slug, [seat]));
    const ids = await each(holds, 4, async ({ id }) => (await buyer.order(id)).id);
    expect((await chaos('kill-worker')).file).toBe('services/payments/charge.ts');
    expect((await chaos('flush')).done).toContain('FLUSHALL');
    await chaos('freeze', 1_500);
    const settled = async () => {
      const orders = await each(ids, 4, (id) => buyer.readOrder(id).catch(() => undefined));
      return orders.filter((order) => order && order.state !== 'processing').length;
    };
    await expect.poll(settled, { timeout: 50_000, interval: 500 }).toBe(16);
    await expect.poll(async () => (await proofs()).filter(({ holds }) => !holds)).toEqual([]);
    expect(await proofs()).toHaveLength(5);
  });

  it('finds what does not agree: a ticket that nobody sold', async () => {
    const gone = await shop.database.query(
      `update tickets set voided_at = now() where id = (select id from tickets limit 1) returning id`,
    );
    const broken = (await proofs()).filter(({ holds }) => !holds);
    expect(broken.map(({ what }) => what)).toContain('units sold, against tickets');
    await shop.database.query('update tickets set voided_at = null where id = $1', [
      gone.rows[0].id,
    ]);
    expect((await proofs()).every(({ holds }) => holds)).toBe(true);
  });
});
