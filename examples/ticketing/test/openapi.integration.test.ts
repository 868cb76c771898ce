/** The OpenAPI document is served, and every answer that a shop really gives is as it says. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { paths, testCards } from '../addresses.ts';
import { api, type RouteName } from '../api.ts';
import type { HeldSeats, NewEvent, Order, OrderAccepted, WaitingTicket } from '../contract.ts';
import type { OpenApiDocument } from '../services/openapi.ts';
import { signWebhook } from '../services/payments/webhook-signature.ts';
import { slug, TestShop } from './test-shop.ts';

const webhookSecret = 'a secret of webhooks that is long enough';
let shop: TestShop;
let document: OpenApiDocument;
let token: string;
beforeAll(async () => {
  shop = await TestShop.start({ PSP_LATENCY_MS: '50', PSP_WEBHOOK_SECRET: webhookSecret });
  document = (await (await fetch(`${shop.url}/openapi.json`)).json()) as OpenApiDocument;
  token = await shop.token('organiser');
});
afterAll(() => shop?.stop());

const succeeded = new Set<string>();

/** Calls an operation by its id and holds the answer against the document as it was served. */
async function call<T>(
  operationId: RouteName,
  path: string,
  { body, headers = {} }: { body?: unknown; headers?: Record<string, string> } = {},
): Promise<{ status: number; body: T; cookie: string }> {
  const { method } = api[operationId];
  const response = await fetch(shop.url + path, {
    method,
    headers: {
      authorization: `Bearer ${token}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  const answer = text === '' ? undefined : JSON.parse(text);
  const schema = answerSchema(operationId, response.status);
  if (schema) expect(schema.safeParse(answer), operationId).toMatchObject({ success: true });
  else expect(answer, `${operationId} has no body`).toBeUndefined();
  if (response.ok) succeeded.add(operationId);
  const [cookie = ''] = (response.headers.getSetCookie()[0] ?? '').split(';');
  return { status: response.status, body: answer as T, cookie };
}

function answerSchema(operationId: string, status: number): z.ZodType | undefined {
  const operation = Object.values(document.paths)
    .flatMap((methods) => Object.values(methods))
    .find((candidate) => candidate.operationId === operationId);
  const responses = operation?.responses as Record<string, { content?: Content }> | undefined;
  const response = responses?.[status];
  if (!response) throw new Error(`${operationId} answered ${status}, which is not documented`);
  const json = response.content?.['application/json'].schema;
  if (!json) return undefined;
  return z.fromJSONSchema('$ref' in json ? problemOf(document) : strict(json));
}
type Content = { 'application/json': { schema: Record<string, unknown> } };
const problemOf = ({ components }: OpenApiDocument) =>
  (components.schemas as { Problem: Record<string, unknown> }).Problem;
/** An answer has what is documented and nothing else. */
const strict = (json: Record<string, unknown>) => ({ ...json, additionalProperties: false });

describe('the OpenAPI document', () => {
  it('names every route once, with its service, its input and its answers', () => {
    expect(document.openapi).toBe('3.1.0');
    const operations = Object.values(document.paths).flatMap((methods) => Object.values(methods));
    expect(operations.map(({ operationId }) => operationId).sort()).toEqual(
      Object.keys(api).sort(),
    );
    for (const { responses, requestBody, operationId } of operations) {
      expect(Object.keys(responses as object)).toContain('503');
      const takesBody = 'body' in api[operationId as RouteName];
      expect(requestBody !== undefined).toBe(takesBody);
    }
  });

  it('is true of a purchase, step by step', async () => {
    const email = `${randomUUID()}@example.com`;
    const person = { email, password: 'a long password', name: 'Ada' };
    await call('register', paths.users, { body: person });
    expect((await call('register', paths.users, { body: person })).status).toBe(409);
    const { cookie } = await call('logIn', paths.session, { body: person });
    const wrong = { email, password: 'wrong' };
    expect((await call('logIn', paths.session, { body: wrong })).status).toBe(401);
    const refreshed = await call('refresh', paths.refresh, { headers: { cookie } });
    expect((await call('refresh', paths.refresh)).status).toBe(401);
    await call('logOut', paths.session, { headers: { cookie: refreshed.cookie } });

    await call('listEvents', paths.events);
    await call('readEvent', paths.event(slug));
    expect((await call('readEvent', paths.event('none'))).status).toBe(404);
    await call('readAvailability', paths.availability(slug));
    await call('ticketKey', paths.ticketKey);

    const wanted = { id: randomUUID(), event: slug, seats: ['A-1', 'A-2'] };
    const { body: held } = await call<HeldSeats>('hold', paths.holds, { body: wanted });
    expect((await call('hold', paths.holds, { body: { ...wanted, seats: [] } })).status).toBe(400);
    const again = { ...wanted, seats: ['A-3'] };
    expect((await call('hold', paths.holds, { body: again })).status).toBe(409);
    await call('readHold', paths.hold(held.id));
    const none = { headers: { authorization: '' } };
    expect((await call('readHold', paths.hold(held.id), none)).status).toBe(401);
    const order = { id: randomUUID(), holdId: held.id, card: testCards.good };
    await call<OrderAccepted>('placeOrder', paths.orders, { body: order });
    const late = { ...order, id: randomUUID(), holdId: randomUUID() };
    expect((await call('placeOrder', paths.orders, { body: late })).status).toBe(410);
    await expect
      .poll(async () => (await call<{ state: string }>('readOrder', paths.order(order.id))).body)
      .toMatchObject({ state: 'paid', seats: ['A-1', 'A-2'] });
    const spare = { id: randomUUID(), event: slug, seats: ['B-1'] };
    await call('hold', paths.holds, { body: spare });
    await call('releaseHold', paths.hold(spare.id));
  });

  it('is true of what organisers and doors do', async () => {
    const held = { id: randomUUID(), event: slug, seats: ['C-1'] };
    await call('hold', paths.holds, { body: held });
    await call('extendHold', paths.extendHold(held.id));
    const order = { id: randomUUID(), holdId: held.id, card: testCards.good };
    await call('placeOrder', paths.orders, { body: { ...order, amountCents: 1 } });
    await call('placeOrder', paths.orders, { body: order });
    const read = async () => (await call<Order>('readOrder', paths.order(order.id))).body;
    await expect.poll(async () => (await read()).state).toBe('paid');
    await call('doorList', paths.doorList(slug));
    const [ticket] = (await read()).tickets;
    const forged = { id: randomUUID(), event: slug, device: 'North', code: 'EK1.x.y' };
    await call('scan', paths.scans, { body: forged });
    await call('cancelOrder', paths.cancelOrder(order.id));
    await call('refundOrder', paths.organiser.refund(order.id));
    const at = new Date().toISOString();
    const scans = [{ id: randomUUID(), code: ticket?.code, at }];
    await call('syncScans', paths.scanSync, { body: { event: slug, device: 'South', scans } });

    const event: NewEvent = {
      slug: `night-${randomUUID().slice(0, 8)}`,
      title: 'Another night',
      tagline: 'Calm.',
      venue: 'Lantern House',
      city: 'Port Merrow',
      startsAt: at,
      currency: 'EUR',
      opensAt: null,
      hasWaitingRoom: true,
      admitPerSecond: 50,
      categories: [{ sku: 'all', name: 'All', priceCents: 1, rows: [{ row: 'A', seats: 9 }] }],
    };
    await call('createEvent', paths.organiser.events, { body: event });
    await call('readWaitingRoom', paths.waitingRoom(event.slug));
    const { body: place } = await call<WaitingTicket>(
      'joinWaitingRoom',
      paths.waitingTicket(event.slug),
    );
    const pass = paths.waitingPass(event.slug);
    await call('enterSale', pass, { body: { ticket: place.ticket } });
    expect((await call('enterSale', pass, { body: { ticket: 'x' } })).status).toBe(403);
    const early = { id: randomUUID(), event: event.slug, seats: ['A-1'] };
    expect((await call('hold', paths.holds, { body: early })).status).toBe(403);
    await call('changePrice', paths.organiser.price(event.slug, 'all'), {
      body: { priceCents: 2 },
    });
    await call('changeSale', paths.organiser.sale(event.slug), { body: { paused: true } });
    await call('saleReport', paths.organiser.event(event.slug));
    const capacity = paths.organiser.capacity(event.slug, 'all');
    await call('changeCapacity', capacity, { body: { seats: 8 } });
    expect((await call('changeCapacity', capacity, { body: { seats: 10 } })).status).toBe(400);
    await call('retryOrder', paths.organiser.retry(order.id));
    await call('stuckOrders', paths.organiser.stuck);
    await call('auditLog', `${paths.organiser.audit}?limit=5`);
    expect((await call('auditLog', `${paths.organiser.audit}?limit=0`)).status).toBe(400);
    const told = {
      id: 'evt_1',
      type: 'charge.captured',
      sequence: 1,
      charge: { id: 'ch_1', reference: 'r' },
    };
    expect((await call('pspWebhook', paths.pspWebhook, { body: told })).status).toBe(401);
    const signature = signWebhook(JSON.stringify(told), webhookSecret, Date.now());
    const headers = { 'psp-signature': signature };
    await call('pspWebhook', paths.pspWebhook, { body: told, headers });
    await call('logOutEverywhere', paths.sessions);
    const buyers = { headers: { authorization: `Bearer ${await shop.token()}` } };
    expect((await call('auditLog', paths.organiser.audit, buyers)).status).toBe(403);
  });

  it('was held against at least one success of every operation', () => {
    expect([...succeeded].sort()).toEqual(Object.keys(api).sort());
  });
});
