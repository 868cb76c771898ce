import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { paths } from '../../addresses.ts';
import { slug } from '../test-shop.ts';
import { bearer, call, type Target } from './call.ts';

export function businessLogic(shop: Target): void {
  describe('ASVS V11, business logic', () => {
    it('11.1.1 steps cannot be left out: no order without a hold, no ticket without money', async () => {
      const token = bearer(await shop().token());
      const order = { id: randomUUID(), holdId: randomUUID(), card: 'card_ok' };
      expect((await call(shop(), 'POST', paths.orders, order, token)).status).toBe(410);
      const { id } = order;
      expect((await call(shop(), 'POST', paths.cancelOrder(id), undefined, token)).status).toBe(
        404,
      );
    });

    it('11.1.4 nobody takes more than six seats, in one request or in many at a time', async () => {
      const token = bearer(await shop().token());
      const seats = (row: string) => [1, 2, 3, 4].map((n) => `${row}-${n}`);
      const answers = await Promise.all(
        ['C', 'D', 'E', 'F'].map((row) => {
          const wish = { id: randomUUID(), event: slug, seats: seats(row) };
          return call(shop(), 'POST', paths.holds, wish, token);
        }),
      );
      expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
      expect(answers.filter(({ problem }) => problem.code === 'limit_reached')).toHaveLength(3);
    });

    it('11.1.2 the price is ours: what a client says it is, is only compared', async () => {
      const buyer = await shop().buyer();
      const hold = await buyer.hold(slug, ['G-1']);
      const cheap = buyer.order(hold.id, 'card_ok', undefined, 1);
      await expect(cheap).rejects.toThrow('price_changed');
    });
  });
}
