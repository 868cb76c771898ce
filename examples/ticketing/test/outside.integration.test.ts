/** What is outside of the shop and misbehaves: the mail provider, and the payment provider's webhooks. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { paths } from '../addresses.ts';
import type { PspEvent, ScanResult } from '../contract.ts';
import type { MailStats } from '../services/fake-mail/fake-mail.ts';
import { signWebhook } from '../services/payments/webhook-signature.ts';
import { each, slug, TestShop } from './test-shop.ts';

const secret = 'the secret of the webhooks, also long enough';
let shop: TestShop;
beforeAll(async () => {
  shop = await TestShop.start({
    PSP_LATENCY_MS: '20',
    MAIL_LATENCY_MS: '20',
    MAIL_TIMEOUT_MS: '1000',
    PSP_WEBHOOK_SECRET: secret,
    SEATS_PER_BUYER: '100',
  });
});
afterAll(() => shop?.stop());

const seats = (row: string, count: number) =>
  Array.from({ length: count }, (_, index) => `${row}-${index + 1}`);

async function buyEach(all: string[]): Promise<string[]> {
  const buyer = await shop.buyer();
  const ids = await each(all, 4, async (seat) => {
    return (await buyer.order((await buyer.hold(slug, [seat])).id)).id;
  });
  await expect
    .poll(
      async () => {
        const orders = await each(ids, 4, (id) => buyer.readOrder(id));
        return orders.filter(({ state }) => state === 'paid').length;
      },
      { timeout: 30_000 },
    )
    .toBe(ids.length);
  return ids;
}

const mailsOf = async (ids: string[]) =>
  (await shop.mails()).filter(({ text }) => ids.some((id) => text.includes(id)));

describe('a mail provider that is dead for a while', () => {
  it('costs no sale anything: mails go out later, none lost, none twice', {
    timeout: 150_000,
  }, async () => {
    await shop.faults({ isDown: true }, shop.shop.mailUrl);
    const ids = await buyEach(seats('N', 12));
    expect(await mailsOf(ids).catch(() => [])).toEqual([]);
    // back, but sick: it answers nothing but errors, and half of them have sent the mail
    await shop.faults({ isDown: false, errorRate: 1 }, shop.shop.mailUrl);
    await expect
      .poll(async () => (await mailsOf(ids)).length, { timeout: 60_000, interval: 200 })
      .toBeGreaterThan(0);
    await shop.faults({ errorRate: 0 }, shop.shop.mailUrl);
    await expect
      .poll(async () => (await mailsOf(ids)).length, { timeout: 60_000, interval: 200 })
      .toBe(12);
    // what was sent although the answer was an error is asked for again, in its own time
    const replays = async () => {
      const stats = await fetch(`${shop.shop.mailUrl}/stats`);
      return ((await stats.json()) as MailStats).replays;
    };
    await expect.poll(replays, { timeout: 30_000, interval: 200 }).toBeGreaterThan(0);
    const more = await buyEach(seats('P', 2));
    await expect.poll(async () => (await mailsOf(more)).length).toBe(2);
    const mails = await mailsOf([...ids, ...more]);
    expect(new Set(mails.map(({ key }) => key)).size).toBe(14);
    expect(new Set(mails.map(({ text }) => text)).size).toBe(14);
  });
});

const send = (event: PspEvent, headers: Record<string, string>, body = JSON.stringify(event)) =>
  fetch(shop.url + paths.pspWebhook, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body,
  });
const signed = (event: PspEvent, at = Date.now(), key = secret) => ({
  'psp-signature': signWebhook(JSON.stringify(event), key, at),
});
const eventOf = (type: PspEvent['type'], chargeId: string, sequence: number): PspEvent => ({
  id: `evt_${randomUUID()}`,
  type,
  sequence,
  charge: { id: chargeId, reference: 'order' },
});
const count = async (sql: string, values: unknown[]) =>
  (await shop.database.query<{ n: number }>(`select count(*)::int as n from ${sql}`, values))
    .rows[0]?.n;

/** The order's charge, once its money was taken and both webhooks of it were heard. */
async function capturedCharge(orderId: string): Promise<string> {
  await expect.poll(async () => (await shop.chargeOf(orderId))?.state).toBe('captured');
  const id = String((await shop.chargeOf(orderId))?.id);
  await expect.poll(() => count('psp_events where charge_id = $1', [id])).toBe(2);
  return id;
}
const refundByHand = async (charge: string) => {
  const answer = await fetch(`${shop.shop.pspUrl}/charges/${charge}/refund`, { method: 'POST' });
  expect(await answer.json()).toMatchObject({ state: 'refunded' });
};
const scan = async (code: string | undefined) =>
  (await shop.buyer('scanner')).call<ScanResult>('POST', paths.scans, {
    id: randomUUID(),
    event: slug,
    device: 'North',
    code,
  });

describe('webhooks of the payment provider', () => {
  it('are heard once, when they come twice and out of order', async () => {
    await shop.faults({ duplicateRate: 1, isOutOfOrder: true });
    const ids = await buyEach(seats('M', 6));
    await shop.faults({ duplicateRate: 0, isOutOfOrder: false });
    const charges = (await shop.charges()).filter(({ reference }) => ids.includes(reference));
    const chargeIds = charges.map(({ id }) => id);
    // authorised and captured, of each
    await expect.poll(() => count('psp_events where charge_id = any($1)', [chargeIds])).toBe(12);
    await expect
      .poll(() => count(`payments where charge_id = any($1) and state = 'captured'`, [chargeIds]))
      .toBe(6);
  });

  it('repair what we have not heard: a capture whose answer was lost', async () => {
    const [id = ''] = await buyEach(['L-1']);
    const charge = await capturedCharge(id);
    const state = async () =>
      (
        await shop.database.query<{ state: string }>(
          'select state from payments where order_id = $1',
          [id],
        )
      ).rows[0]?.state;
    await shop.database.query(`update payments set state = 'authorised' where order_id = $1`, [id]);
    const captured = eventOf('charge.captured', charge, 3);
    // the later one first: it stands, whatever comes after it
    expect((await send(captured, signed(captured))).status).toBe(204);
    expect(await state()).toBe('captured');
    const authorised = eventOf('charge.authorised', charge, 1);
    const events = [captured, captured, authorised, authorised];
    await Promise.all(events.map((event) => send(event, signed(event))));
    expect(await state()).toBe('captured');
    expect(await count('psp_events where charge_id = $1', [charge])).toBe(4);
  });

  it('take the tickets back with the money that was given back by hand at the provider', async () => {
    const buyer = await shop.buyer();
    const { id: holdId } = await buyer.hold(slug, ['K-1', 'K-2']);
    const { id } = await buyer.order(holdId);
    const charge = await capturedCharge(id);
    const { tickets } = await buyer.readOrder(id);
    expect(tickets).toHaveLength(2);
    const before = (await shop.pspStats()).captured;
    await refundByHand(charge);
    expect((await shop.pspStats()).captured).toBe(before - 1);
    await expect.poll(async () => (await buyer.readOrder(id)).state).toBe('refunded');
    expect((await buyer.readOrder(id)).tickets).toEqual([]);
    for (const { code } of tickets) expect((await scan(code)).outcome).toBe('void');
    const { seats } = await buyer.availability(slug);
    expect([seats['K-1'], seats['K-2']]).toEqual([undefined, undefined]);
    const told = async () =>
      (await shop.mails()).filter(({ text }) => text.includes('seats K-1, K-2 are cancelled'));
    await expect.poll(async () => (await told()).length).toBe(1);
    // what was heard of it late changes nothing more
    const late = eventOf('charge.captured', charge, 2);
    expect((await send(late, signed(late))).status).toBe(204);
    expect((await buyer.readOrder(id)).state).toBe('refunded');
    expect(await shop.verify()).toEqual({ ok: true, differences: [] });
  });

  it('leave who is inside already where they are, and shut out who is not', async () => {
    const buyer = await shop.buyer();
    const { id } = await buyer.order((await buyer.hold(slug, ['K-5', 'K-6'])).id);
    const charge = await capturedCharge(id);
    const { tickets } = await buyer.readOrder(id);
    expect((await scan(tickets[0]?.code)).outcome).toBe('admitted');
    await refundByHand(charge);
    await expect.poll(async () => (await buyer.readOrder(id)).state).toBe('refunded');
    expect((await scan(tickets[0]?.code)).outcome).toBe('used');
    expect((await scan(tickets[1]?.code)).outcome).toBe('void');
    // nobody can be sold the seat of one who sits in it
    const { seats } = await buyer.availability(slug);
    expect([seats['K-5'], seats['K-6']]).toEqual(['sold', 'sold']);
  });

  it('are not needed to see that money was let go before it was taken: the tickets go too', async () => {
    await shop.faults({ isVoidedAtOnce: true });
    const buyer = await shop.buyer();
    const { id } = await buyer.order((await buyer.hold(slug, ['K-9'])).id);
    await expect.poll(async () => (await buyer.readOrder(id)).state).toBe('refunded');
    await shop.faults({ isVoidedAtOnce: false });
    expect((await buyer.readOrder(id)).tickets).toEqual([]);
    expect(await shop.chargeOf(id)).toMatchObject({ state: 'voided' });
    const { seats } = await buyer.availability(slug);
    expect(seats['K-9']).toBeUndefined();
  });

  it('are refused and written down when they are forged, unsigned, changed or old', async () => {
    const event = eventOf('charge.captured', 'ch_none', 1);
    const minute = 60_000;
    const wrong: [string, Record<string, string>, string?][] = [
      ['unsigned', {}],
      ['unsigned', { 'psp-signature': 'nonsense' }],
      ['forged', signed(event, Date.now(), 'a secret that the attacker has made up')],
      ['forged', signed(event), JSON.stringify({ ...event, sequence: 2 })],
      ['old', signed(event, Date.now() - 6 * minute)],
      ['old', signed(event, Date.now() + 6 * minute)],
    ];
    for (const [, headers, body] of wrong) {
      const answer = await send(event, headers, body);
      expect(answer.status).toBe(401);
      expect(await answer.json()).toMatchObject({ code: 'unauthorized' });
    }
    const { rows } = await shop.database.query<{ reason: string }>(
      `select details->>'reason' as reason from audit_log
       where action = 'webhook.refused' and subject = $1 order by id`,
      [event.id],
    );
    expect(rows.map(({ reason }) => reason)).toEqual(wrong.map(([reason]) => reason));
    expect(await count('psp_events where id = $1', [event.id])).toBe(0);
    // a genuine one within the window is still welcome, also minutes late
    expect((await send(event, signed(event, Date.now() - 4 * minute))).status).toBe(204);
  });
});
