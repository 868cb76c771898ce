import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RateLimit } from '../services/gateway/rate-limit.ts';

describe('the rate limit of an address', () => {
  it('lets a burst through, then so many a second, and says when to come back', () => {
    let now = 0;
    const limit = new RateLimit({ perSecond: 10, burst: 3, clock: () => now });
    expect([1, 2, 3, 4].map(() => limit.take('a'))).toEqual([0, 0, 0, 100]);
    // another address has its own
    expect(limit.take('b')).toBe(0);
    now = 99;
    expect(limit.take('a')).toBeGreaterThan(0);
    now = 101;
    expect(limit.take('a')).toBe(0);
    expect(limit.take('a')).toBeGreaterThan(98);
  });

  it('never lets more through than burst + rate x time, whatever the arrivals', () => {
    const pauses = fc.array(fc.integer({ min: 0, max: 500 }), { minLength: 1, maxLength: 200 });
    fc.assert(
      fc.property(pauses, (gaps) => {
        let now = 0;
        const limit = new RateLimit({ perSecond: 20, burst: 5, clock: () => now });
        let passed = 0;
        for (const gap of gaps) {
          now += gap;
          if (limit.take('a') === 0) passed += 1;
          expect(passed).toBeLessThanOrEqual(5 + now * 0.02);
        }
      }),
    );
  });

  it('forgets the address not heard of for longest, so that its memory is bounded', () => {
    const limit = new RateLimit({ perSecond: 1, burst: 1, maxAddresses: 2, clock: () => 0 });
    limit.take('a');
    limit.take('b');
    limit.take('a');
    limit.take('c');
    expect(limit.size).toBe(2);
    expect(limit.take('a')).toBeGreaterThan(0);
    expect(limit.take('b')).toBe(0);
  });
});
