import { expect, it } from 'vitest';
import { breakerWith, deferred } from '../support.ts';

// cockatiel 4: more than ten concurrent calls on one signal give a MaxListenersExceededWarning.
it('a hundred concurrent calls on one signal give no warning, and all end when it aborts', async () => {
  const { breaker } = breakerWith();
  const warnings: Error[] = [];
  const note = (warning: Error) => warnings.push(warning);
  process.on('warning', note);
  const abort = new AbortController();
  const work = deferred<string>();
  const start = () => breaker.execute(() => work.promise, { signal: abort.signal });
  const finished = Array.from({ length: 100 }, start);
  work.resolve('fine');
  expect(new Set(await Promise.all(finished))).toEqual(new Set(['fine']));
  const hanging = Array.from({ length: 100 }, () =>
    breaker.execute(() => new Promise(() => {}), { signal: abort.signal }),
  );
  abort.abort('left');
  const results = await Promise.allSettled(hanging);
  expect(results.every((result) => result.status === 'rejected' && result.reason === 'left')).toBe(
    true,
  );
  await new Promise((resolve) => setTimeout(resolve, 10)); // warnings come a tick later
  process.off('warning', note);
  expect(warnings).toEqual([]);
});
