import { describe, expect, test } from 'vitest';
import { Health } from '../src/index.ts';

describe('wrong input', () => {
  const ok = () => true;
  test.each<[unknown[], string]>([
    [['db', ok, { timeoutMs: Number.NaN }], '`timeoutMs` in [1, 86400000], got NaN'],
    [['db', ok, { timeoutMs: -1 }], '`timeoutMs` in [1, 86400000], got -1'],
    [['db', ok, { timeoutMs: '500' }], '`timeoutMs` to be a number, got "500"'],
    [['db', ok, { timeoutMs: 600, intervalMs: 500 }], '`intervalMs` in [600, 86400000], got 500'],
    [['db', ok, { warnMs: 501 }], '`warnMs` in [0, 500], got 501'],
    [['db', ok, { ttlMs: Number.POSITIVE_INFINITY }], '`ttlMs` in [0, 86400000], got Infinity'],
    [['db', ok, { ttlMs: 1, intervalMs: 1_000 }], 'either `ttlMs` or `intervalMs`, got 1 and 1000'],
    [['db', ok, { failAfter: 0 }], '`failAfter` of at least 1, got 0'],
    [['db', ok, { recoverAfter: 1.5 }], '`recoverAfter` to be a whole number, got 1.5'],
    [['db', ok, { flapWindowMs: -1 }], '`flapWindowMs` of at least 0, got -1'],
    [['db', ok, { staleAfterMs: 1_499 }], '`staleAfterMs` of at least 1500, got 1499'],
    [['db', ok, { scope: 'global' }], '`scope` to be one of local, shared, got "global"'],
    [['db', ok, { groups: 'readiness' }], '`groups` to be an array, got string'],
    [['db', ok, { groups: ['Ready now'] }], '`groups` to be lower-case names'],
    [
      ['db', ok, { groups: ['liveness'], scope: 'shared' }],
      '`scope` "local" in the group liveness',
    ],
    [['db', ok, null], '`options` to be an object, got null'],
    [['', ok], '`name` to be a letter'],
    [['has space', ok], '`name` to be a letter'],
    [[{ check: ok }], '`name` to be a string, got undefined'],
    [['db', 42], '`check` to be an object, got 42'],
    [['db', {}], '`check.check` to be a function'],
    [['taken', ok], '`name` not to be registered yet, got "taken"'],
  ])('%#: names field, rule and value', (parameters, message) => {
    const health = new Health({ service: 'orders' });
    health.check('taken', ok);
    const check = health.check.bind(health) as (...parameters: unknown[]) => unknown;
    expect(() => check(...parameters)).toThrow(message);
    expect(health.snapshot().checks).toHaveLength(1);
  });

  test.each<[object, string]>([
    [{}, '`service` to be a string'],
    [{ service: '' }, '`service` not to be empty'],
    [{ service: 'x', version: 1 }, '`version` to be a string, got 1'],
    [
      { service: 'x', detailsToken: 'short' },
      '`detailsToken` of 16 to 512 visible ASCII characters, got 5 characters',
    ],
    [{ service: 'x', detailsToken: 'has a space in the middle' }, '`detailsToken` of 16 to 512'],
    [{ service: 'x', detailsToken: 7 }, '`detailsToken` to be a string, got number'],
    [{ service: 'x', clock: 7 }, '`clock` to be a function, got 7'],
  ])('%#: so does the constructor', (options, message) => {
    expect(() => new Health(options as never)).toThrow(message);
  });

  test('the options object is never written to', () => {
    const options = Object.freeze({ groups: Object.freeze(['readiness']), timeoutMs: 100 });
    expect(() => new Health({ service: 'x' }).check('db', ok, options)).not.toThrow();
  });
});
