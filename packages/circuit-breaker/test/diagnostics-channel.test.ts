import { channel } from 'node:diagnostics_channel';
import { afterEach, expect, it } from 'vitest';
import type { CircuitBreakerEvents } from '../src/index.ts';
import { breakerWith, fail, succeed } from './support.ts';

const subscribed: (() => void)[] = [];
afterEach(() => {
  for (const unsubscribe of subscribed.splice(0)) unsubscribe();
});

function hear(event: keyof CircuitBreakerEvents): Record<string, unknown>[] {
  const heard: Record<string, unknown>[] = [];
  const of = channel(`evenkeel:circuit-breaker:${event}`);
  const listener = (message: unknown) => heard.push(message as Record<string, unknown>);
  of.subscribe(listener);
  subscribed.push(() => of.unsubscribe(listener));
  return heard;
}

it('tells transitions, rejections and calls of every breaker on a channel each', async () => {
  const opened = hear('open');
  const rejected = hear('reject');
  const succeeded = hear('success');
  const one = breakerWith({ name: 'one', consecutive: 2 }).breaker;
  const two = breakerWith({ name: 'two', consecutive: 2 }).breaker;
  await succeed(two, 1);
  for (const breaker of [one, two]) await fail(breaker, 3);
  expect(opened.map(({ name, from, to }) => [name, from, to])).toEqual([
    ['one', 'closed', 'open'],
    ['two', 'closed', 'open'],
  ]);
  expect(rejected.map(({ name }) => name)).toEqual(['one', 'two']);
  expect(succeeded.map(({ name }) => name)).toEqual(['two']);
});

it('tells listeners and subscribers the same, and removeAllListeners() leaves subscribers alone', async () => {
  const heard = hear('failure');
  const { breaker } = breakerWith();
  const listened: unknown[] = [];
  breaker.on('failure', (event) => listened.push(event));
  await fail(breaker, 1);
  expect(heard).toEqual(listened);
  breaker.removeAllListeners();
  await fail(breaker, 1);
  expect([heard.length, listened.length]).toEqual([2, 1]);
});
