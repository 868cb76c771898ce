import { expect, test } from 'vitest';
import { Health, syntheticCheck } from '../src/index.ts';
import { idleSignal } from './support.ts';

test('the steps run in order, each given what the one before gave, and what was done is taken back', async () => {
  const done: unknown[] = [];
  const source = syntheticCheck({
    steps: {
      hold: (previous) => done.push(['hold', previous]) && 'seat-7',
      pay: async (previous) => done.push(['pay', previous]) && 'ticket-7',
    },
    expect: (result) => result === 'ticket-7',
    cleanup: (last) => done.push(['cleanup', last]),
  });
  expect(await source.check(idleSignal)).toEqual({ stepMs: { hold: 0, pay: expect.any(Number) } });
  expect(done).toEqual([
    ['hold', undefined],
    ['pay', 'seat-7'],
    ['cleanup', 'ticket-7'],
  ]);
});

test('a failure names its step, ends the run and still cleans up with what was reached', async () => {
  const cleaned: unknown[] = [];
  const source = syntheticCheck({
    steps: {
      hold: () => 'seat-7',
      pay: () => {
        throw new Error('no money');
      },
      print: () => cleaned.push('printed'),
    },
    cleanup: (last) => cleaned.push(last),
  });
  await expect(async () => source.check(idleSignal)).rejects.toThrow('pay: no money');
  expect(cleaned).toEqual(['seat-7']);
});

test('an unexpected result fails, and so does what cannot be taken back; the first failure counts', async () => {
  const steps = { ask: () => 1 };
  const cleanup = () => Promise.reject(new Error('still held'));
  await expect(async () => syntheticCheck({ steps, cleanup }).check(idleSignal)).rejects.toThrow(
    'cleanup: still held',
  );
  await expect(async () =>
    syntheticCheck({ steps, cleanup, expect: () => false }).check(idleSignal),
  ).rejects.toMatchObject({ code: 'ERR_UNEXPECTED_DATA' });
});

test('over its budget it fails, starts no further step, and cleans up once the step has ended', async () => {
  const done: string[] = [];
  let end = () => {};
  const source = syntheticCheck({
    steps: {
      hangs: () =>
        new Promise<void>((resolve) => {
          end = resolve;
        }),
      next: () => done.push('next'),
    },
    cleanup: () => done.push('cleanup'),
  });
  const health = new Health({ service: 'shop' }).check('buy', source, {
    scope: 'local',
    timeoutMs: 20,
  });
  expect((await health.readiness()).status).toBe('fail');
  expect(done).toEqual([]);
  end();
  await new Promise((resolve) => setImmediate(resolve));
  expect(done).toEqual(['cleanup']);
  await health.close();
});

test('no step, or one that is no function, is refused', () => {
  expect(() => syntheticCheck({ steps: {} })).toThrow('`steps` to have at least one, got none');
  expect(() => syntheticCheck({ steps: { hold: 7 as never } })).toThrow(
    '`steps.hold` to be a function',
  );
});
