import { describe, expect, it } from 'vitest';
import { holdRequestSchema, orderRequestSchema, registrationSchema } from '../contract.ts';
import { fakePsp } from '../services/fake-psp/fake-psp.ts';
import { ProblemError, parse } from '../services/problem.ts';

const id = '8f0c2a5e-6f0e-4d6c-9a43-0c9a6c1f5d11';

function fieldsOf(work: () => unknown): string[] {
  try {
    work();
  } catch (error) {
    expect(error).toBeInstanceOf(ProblemError);
    expect((error as ProblemError).status).toBe(400);
    return Object.keys((error as ProblemError).problem.fields ?? {});
  }
  return [];
}

describe('the contract', () => {
  it('takes what a page sends', () => {
    const request = { id, event: 'northern-lights', seats: ['A-1', 'AB-120'] };
    expect(parse(holdRequestSchema, request)).toEqual(request);
  });

  it.each([
    [{ id: 'x', event: 'e', seats: ['A-1'] }, ['id']],
    [{ id, event: 7, seats: ['A-1'] }, ['event']],
    [{ id, event: 'e', seats: [] }, ['seats']],
    [{ id, event: 'e', seats: ['A-1', 'A-2', 'A-3', 'A-4', 'A-5', 'A-6', 'A-7'] }, ['seats']],
    [{ id, event: 'e', seats: ['a-1'] }, ['seats.0']],
    [{ id, event: 'e', seats: ['A-0'] }, ['seats.0']],
    [{ id, event: 'e', seats: ['A-1', "A-2'; drop table"] }, ['seats.1']],
    [{}, ['id', 'event', 'seats']],
    [null, ['body']],
    ['text', ['body']],
  ])('says which field of a hold is wrong: %j', (input, fields) => {
    expect(fieldsOf(() => parse(holdRequestSchema, input))).toEqual(fields);
  });

  it('says which field of an order or a registration is wrong', () => {
    expect(fieldsOf(() => parse(orderRequestSchema, { id, holdId: id, card: '' }))).toEqual([
      'card',
    ]);
    const registration = { email: 'nobody', password: 'short', name: '  ' };
    expect(fieldsOf(() => parse(registrationSchema, registration))).toEqual([
      'email',
      'password',
      'name',
    ]);
  });
});

describe('the stand-in for the payment provider', () => {
  const request = { reference: 'order-1', amountCents: 4_200, currency: 'EUR', card: 'card_ok' };
  const psp = () => fakePsp({ latencyMs: 0, errorRate: 0 });
  const post = (
    app: ReturnType<typeof psp>,
    url: string,
    key?: string,
    payload: object = request,
  ) =>
    app.inject({
      method: 'POST',
      url,
      payload,
      ...(key ? { headers: { 'idempotency-key': key } } : {}),
    });

  it('makes one charge of one key, however often it is asked', async () => {
    const app = psp();
    const answers = await Promise.all(Array.from({ length: 5 }, () => post(app, '/charges', 'k1')));
    expect(new Set(answers.map((answer) => answer.json().id)).size).toBe(1);
    expect((await app.inject('/stats')).json()).toMatchObject({
      charges: 1,
      requests: 5,
      replays: 4,
    });
    const other = await post(app, '/charges', 'k1', { ...request, amountCents: 1 });
    expect(other.statusCode).toBe(422);
  });

  it('captures what is authorised and refunds what is captured, and nothing else', async () => {
    const app = psp();
    const { id: charge } = (await post(app, '/charges', 'k1')).json();
    const steps = ['refund', 'capture', 'capture', 'void', 'refund', 'capture'];
    const codes: number[] = [];
    for (const step of steps)
      codes.push((await post(app, `/charges/${charge}/${step}`)).statusCode);
    expect(codes).toEqual([409, 200, 200, 409, 200, 409]);
  });

  it('declines the card that asks for it, and fails when it was told to', async () => {
    const app = psp();
    const declined = await post(app, '/charges', 'k1', { ...request, card: 'card_declined' });
    expect(declined.statusCode).toBe(402);
    await app.inject({ method: 'PUT', url: '/faults', payload: { errorRate: 1 } });
    expect((await post(app, '/charges', 'k2')).statusCode).toBe(500);
    const wrong = await app.inject({ method: 'PUT', url: '/faults', payload: { errorRate: 2 } });
    expect(wrong.statusCode).toBe(400);
    expect((await post(app, '/charges')).statusCode).toBe(400);
  });
});
