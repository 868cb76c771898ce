import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { CircuitBreaker, CircuitOpenError } from '../src/index.ts';
import { breakerWith, failure } from './support.ts';

const neverOpens = { consecutive: false, failureRate: false, badRate: false, slow: false } as const;

describe('retry', () => {
  it('makes a failed call again after a random pause that doubles', async () => {
    const { breaker, clock } = breakerWith({ retry: { attempts: 4, baseMs: 100 } });
    const at: number[] = [];
    const start = clock.now();
    const call = breaker.execute(() => {
      at.push(clock.now() - start);
      if (at.length < 4) throw failure;
      return 'fine';
    });
    await clock.advanceAsync(1_000);
    expect(await call).toBe('fine');
    expect(at).toEqual([0, 50, 150, 350]); // random is 0.5 here: half of 100, 200, 400
    expect(breaker.snapshot().totals).toMatchObject({ failed: 3, succeeded: 1, retried: 3 });
  });

  it('gives up after its attempts with the last error, each of them known to the circuit', async () => {
    const { breaker, clock } = breakerWith({ retry: { attempts: 3 } });
    let n = 0;
    const call = breaker
      .execute(() => {
        n += 1;
        throw new Error(`no ${n}`);
      })
      .catch((error) => error.message);
    await clock.advanceAsync(1_000);
    expect(await call).toBe('no 3');
    expect(breaker.snapshot()).toMatchObject({ consecutiveBad: 3 });
  });

  it('stops when the circuit opens: what is refused is not tried again', async () => {
    const { breaker, clock } = breakerWith({ consecutive: 2, retry: { attempts: 10 } });
    let calls = 0;
    const call = breaker
      .execute(() => {
        calls += 1;
        throw failure;
      })
      .catch((error) => error);
    await clock.advanceAsync(10_000);
    expect(await call).toBeInstanceOf(CircuitOpenError);
    expect(calls).toBe(2);
  });

  it('leaves calls alone that must not be repeated, and those their caller gave up', async () => {
    const { breaker, clock } = breakerWith({ slow: false, timeoutMs: false, retry: {} });
    let calls = 0;
    const broken = () => {
      calls += 1;
      throw failure;
    };
    await breaker.execute(broken, { repeatable: false }).catch(() => {});
    await breaker
      .wrap(broken, { repeatable: false })()
      .catch(() => {});
    expect(calls).toBe(2);
    const controller = new AbortController();
    const call = breaker.execute(() => new Promise(() => {}), { signal: controller.signal });
    controller.abort(new Error('gone'));
    await expect(call).rejects.toThrow('gone');
    expect(clock.pendingTimers).toBe(0);
  });

  it('adds at most a fifth although first attempts are slow to fail and further ones fail at once', async () => {
    const { breaker, clock } = breakerWith({
      ...neverOpens,
      random: () => 0,
      retry: { attempts: 5, budgetMinimum: 1 },
    });
    let [made, received] = [0, 0];
    const client = async (): Promise<void> => {
      while (made < 1_000) {
        made += 1;
        let isFirst = true;
        const call = async () => {
          received += 1;
          if (isFirst) {
            isFirst = false;
            await new Promise<void>((resolve) => void clock.setTimeout(resolve, 1_000));
          }
          throw failure;
        };
        await breaker.execute(call).catch(() => {});
      }
    };
    const all = Promise.all(Array.from({ length: 100 }, client));
    for (let i = 0; i < 40; i += 1) await clock.advanceAsync(500);
    await all;
    expect(received).toBeGreaterThan(1_150); // the budget is used
    expect(received).toBeLessThanOrEqual(1_200);
  });

  it('adds at most 20 % to the load of a dependency that fails every call, counted there', {
    timeout: 60_000,
  }, async () => {
    let received = 0;
    const server = createServer((_request, response) => {
      received += 1;
      setTimeout(() => {
        response.statusCode = 500;
        response.end();
      }, 10);
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    const breaker = new CircuitBreaker({
      name: 'psp',
      ...neverOpens,
      retry: { attempts: 5, baseMs: 10 },
    });
    let made = 0;
    const client = async (): Promise<void> => {
      while (made < 1_500) {
        made += 1;
        await breaker
          .execute(async ({ signal }) => {
            const response = await fetch(url, { signal });
            await response.arrayBuffer();
            if (!response.ok) throw new Error('sick');
          })
          .catch(() => {});
      }
    };
    await Promise.all(Array.from({ length: 100 }, client));
    server.close();
    const { retried } = breaker.snapshot().totals;
    console.log(
      `${made} calls, ${received} received: ${((received / made - 1) * 100).toFixed(1)} % more`,
    );
    expect(received).toBe(made + retried);
    expect(retried).toBeGreaterThan(50);
    expect(received).toBeLessThanOrEqual(1.2 * made);
  });
});
