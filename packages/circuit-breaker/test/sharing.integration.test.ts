import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { backends, type NativeServer, startRedis, uniqueName } from '../../../test/backends.ts';
import { CircuitBreaker, TestClock } from '../src/index.ts';
import { CircuitSharing, type CircuitSharingOptions } from '../src/redis.ts';
import type { Order, Report } from './fixtures/sharing-node.ts';
import { fail, succeed } from './support.ts';

const program = fileURLToPath(new URL('fixtures/sharing-node.ts', import.meta.url));

/** The dependency of all of them: sick or well, and it counts who is with it at once. */
class Dependency {
  isSick = false;
  latencyMs = 0;
  calls = 0;
  atOnce = 0;
  mostAtOnce = 0;
  readonly #server: Server = createServer(async (_request, response) => {
    this.calls += 1;
    this.atOnce += 1;
    this.mostAtOnce = Math.max(this.mostAtOnce, this.atOnce);
    if (this.latencyMs > 0) await sleep(this.latencyMs);
    this.atOnce -= 1;
    response.statusCode = this.isSick ? 500 : 200;
    response.end();
  });

  async start(): Promise<string> {
    await once(this.#server.listen(0, '127.0.0.1'), 'listening');
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/`;
  }

  stop(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}

/** A process of the fleet. */
class Node {
  readonly child: ChildProcess;
  #orders = 0;

  private constructor(child: ChildProcess) {
    this.child = child;
  }

  static async start(...args: string[]): Promise<Node> {
    const child = fork(program, args, {
      execArgv: ['--conditions=@evenkeel/source', '--import', 'tsx'],
    });
    await once(child, 'message');
    return new Node(child);
  }

  async tell(order: Omit<Order, 'id'> = {}): Promise<Report> {
    this.#orders += 1;
    const id = this.#orders;
    this.child.send({ ...order, id });
    for (;;) {
      const [report] = (await once(this.child, 'message')) as [Report];
      if (report.id === id) return report;
    }
  }
}

let server: NativeServer;
let dependency: Dependency;
let url: string;
const nodes: Node[] = [];
beforeAll(async () => {
  server = await startRedis();
});
afterAll(() => server.stop());
afterEach(() => {
  for (const { child } of nodes.splice(0)) child.disconnect();
  dependency?.stop();
});

async function fleet(): Promise<[Node, Node, Node]> {
  dependency = new Dependency();
  url = await dependency.start();
  const prefix = uniqueName('circuit');
  const started = await Promise.all(
    ['a', 'b', 'c'].map((name) => Node.start(server.url, prefix, name, url)),
  );
  nodes.push(...started);
  return started as [Node, Node, Node];
}

const stateOf = async (node: Node): Promise<string> => (await node.tell()).state;
const often = { interval: 20 };

describe('three processes that share a circuit on a real Redis', () => {
  it('one alone that finds it open convinces nobody; two of three open it for the third', async () => {
    const [a, b, c] = await fleet();
    for (const node of [a, b, c]) await node.tell({ calls: 5 });
    dependency.isSick = true;
    expect(await a.tell({ calls: 3 })).toMatchObject({ state: 'open', reason: 'consecutive' });
    await sleep(400); // four intervals in which nothing may happen
    expect([await stateOf(b), await stateOf(c)]).toEqual(['closed', 'closed']);

    await b.tell({ calls: 3 });
    await expect.poll(() => c.tell(), often).toMatchObject({ state: 'open', reason: 'tripped' });
  });

  it('probes one at a time, and all are back soon after it is well', async () => {
    const all = await fleet();
    dependency.isSick = true;
    for (const node of all) await node.tell({ calls: 3 });
    for (const node of all) await node.tell({ everyMs: 20 });
    await sleep(300); // what was under way has ended
    dependency.mostAtOnce = 0;
    dependency.latencyMs = 150;
    const { calls } = dependency;
    await sleep(3_000);
    expect(dependency.calls - calls).toBeGreaterThanOrEqual(2);
    expect(dependency.calls - calls).toBeLessThanOrEqual(8); // of 450 wanted
    expect(dependency.mostAtOnce).toBe(1);

    dependency.isSick = false;
    dependency.latencyMs = 0;
    await expect
      .poll(() => Promise.all(all.map(stateOf)), often)
      .toEqual(['closed', 'closed', 'closed']);
  });

  it('costs no command a call', async () => {
    const [a] = await fleet();
    const client = new Redis(server.url);
    const exchangesSoFar = async () =>
      Number(/^cmdstat_eval:calls=(\d+)/m.exec(await client.info('commandstats'))?.[1] ?? 0);
    const before = await exchangesSoFar();
    const start = performance.now();
    const { answered } = await a.tell({ calls: 1_000 });
    const intervals = Math.ceil((performance.now() - start) / 100);
    const exchanges = (await exchangesSoFar()) - before;
    client.disconnect();
    expect(answered).toBe(1_000);
    expect(exchanges).toBeGreaterThan(0);
    expect(exchanges).toBeLessThanOrEqual(intervals + 1);
  });

  it('each goes on alone when Redis dies, no call waits or fails for it, and they share again when it is back', async () => {
    const [a, b, c] = await fleet();
    for (const node of [a, b, c]) await node.tell({ everyMs: 10 });
    await expect.poll(async () => (await a.tell()).connected, often).toBe(true);
    await server.kill();
    await expect.poll(async () => (await a.tell()).connected, often).toBe(false);
    const { answered } = await a.tell();
    await expect.poll(async () => (await a.tell()).answered, often).toBeGreaterThan(answered + 20);
    expect((await a.tell()).slowestMs).toBeLessThan(100); // an exchange waits so long for Redis

    dependency.isSick = true;
    await expect.poll(() => stateOf(a), often).not.toBe('closed');
    dependency.isSick = false; // it needs no lease for its own probes
    await expect.poll(() => stateOf(a), often).toBe('closed');

    await server.restart();
    await expect.poll(async () => (await a.tell()).connected).toBe(true);
  });
});

describe('sharing', () => {
  const redis = { eval: async () => [0, 0, 0, 0] };

  it('does nothing for idle breakers, and has one timer however many they are', async () => {
    const clock = new TestClock();
    let commands = 0;
    const breakers = Array.from(
      { length: 100 },
      (_, n) => new CircuitBreaker({ name: `b${n}`, clock }),
    );
    const counting = {
      eval: async () => {
        commands += 1;
        return [0, 0, 0, 0];
      },
    };
    const sharing = new CircuitSharing({ redis: counting, breakers, clock });
    await clock.advanceAsync(60_000);
    expect([commands, clock.pendingTimers]).toEqual([0, 1]);
    await sharing.close();
    expect(clock.pendingTimers).toBe(0);
  });

  it('lets go of a breaker that its registry has dropped: whoever still holds it can close it again', async () => {
    const clock = new TestClock();
    const breaker = new CircuitBreaker({ name: 'b', clock, consecutive: 2, open: { jitter: 0 } });
    let kept: CircuitBreaker[] = [breaker];
    const breakers = { [Symbol.iterator]: () => kept[Symbol.iterator]() };
    const sharing = new CircuitSharing({ redis, breakers, clock });
    await sharing.exchange();
    kept = [new CircuitBreaker({ name: 'b', clock })]; // of the same key, made anew
    await sharing.exchange();
    await fail(breaker, 2);
    clock.advance(5_000);
    await succeed(breaker, 3);
    expect(breaker.state).toBe('closed');

    const [another] = kept as [CircuitBreaker];
    kept = [];
    await sharing.exchange();
    await fail(another, 10);
    clock.advance(10_000);
    await succeed(another, 3);
    expect(another.state).toBe('closed');
    await sharing.close();
  });

  it('asks for the lease only where calls were refused: an idle node does not keep it from the others', async () => {
    const clock = new TestClock();
    const asked: unknown[] = [];
    const recording = {
      eval: async (_script: string, _keys: number, ...args: unknown[]) => {
        asked.push(args[5]);
        return [1, 1, 0, 0];
      },
    };
    const breaker = new CircuitBreaker({ name: 'b', clock, consecutive: 2, open: { jitter: 0 } });
    const sharing = new CircuitSharing({ redis: recording, breakers: [breaker], clock });
    await sharing.exchange();
    await fail(breaker, 2);
    clock.advance(4_999); // due, and nobody has called
    await sharing.exchange();
    await breaker.execute(() => 1).catch(() => {});
    await sharing.exchange();
    expect(asked).toEqual(['keep', 'ask']);
    const closed = sharing.close();
    await clock.advanceAsync(1_000);
    await closed;
  });

  it('goes on alone while an exchange hangs, and does not start another', async () => {
    const clock = new TestClock();
    const breaker = new CircuitBreaker({ name: 'b', clock, consecutive: 2, open: { jitter: 0 } });
    let commands = 0;
    const hanging = {
      eval: () => {
        commands += 1;
        return new Promise<never>(() => {});
      },
    };
    const sharing = new CircuitSharing({ redis: hanging, breakers: [breaker], clock });
    await succeed(breaker, 1);
    await clock.advanceAsync(10_500);
    expect(commands).toBe(1);
    expect(sharing.snapshot()).toMatchObject({ connected: false });
    expect(String(sharing.snapshot().lastError)).toContain('did not answer within 1000 ms');
    await fail(breaker, 2);
    await clock.advanceAsync(5_000);
    await succeed(breaker, 3);
    expect(breaker.state).toBe('closed');
    const closed = sharing.close();
    await clock.advanceAsync(1_000);
    await closed;
  });

  it('reads verdicts of the shared server with its own clock: an hour off here changes nothing', async () => {
    const prefix = uniqueName('skew');
    const client = new Redis(backends().redisUrl);
    const [early, late] = [new TestClock(0), new TestClock(3_600_000)];
    const make = (clock: TestClock, node: string) => {
      const breaker = new CircuitBreaker({ name: 'b', clock, consecutive: 2 });
      const options = { redis: client, breakers: [breaker], clock, node, prefix, quorum: 0.4 };
      return { breaker, sharing: new CircuitSharing(options) };
    };
    const [one, two] = [make(early, 'one'), make(late, 'two')];
    await succeed(two.breaker, 1);
    await fail(one.breaker, 2);
    await one.sharing.exchange();
    await two.sharing.exchange();
    expect(two.breaker.state).toBe('open');
    await Promise.all([one.sharing.close(), two.sharing.close()]);
    client.disconnect();
  });

  it('counts no verdict from the future, which a clock of the server that was set back leaves behind', async () => {
    const prefix = uniqueName('skew');
    const client = new Redis(backends().redisUrl);
    await client.hset(`${prefix}:{b}:verdicts`, 'ended', `open ${Date.now() + 3_600_000}`);
    const clock = new TestClock();
    const breaker = new CircuitBreaker({ name: 'b', clock });
    const options = { redis: client, breakers: [breaker], clock, prefix, quorum: 0.4 };
    const sharing = new CircuitSharing(options);
    await succeed(breaker, 1);
    await sharing.exchange();
    expect(breaker.state).toBe('closed');
    expect(await client.hkeys(`${prefix}:{b}:verdicts`)).toEqual([sharing.node]);
    await sharing.close();
    client.disconnect();
  });

  it.each([
    ['no client', { redis: {} }, 'Expected `redis` to be a Redis client'],
    ['no breakers', { breakers: 1 }, 'Expected `breakers` to be an iterable'],
    ['an empty node', { node: '' }, 'Expected `node` to be a non-empty string'],
    ['quorum 1', { quorum: 1 }, 'Expected `quorum` in [0, 1), got 1'],
    ['intervalMs 0', { intervalMs: 0 }, 'Expected `intervalMs` in (0, 2147483647], got 0'],
    ['leaseMs NaN', { leaseMs: Number.NaN }, 'Expected `leaseMs`'],
    ['an unknown option', { interval: 5 }, 'Unknown option `interval`'],
  ])('refuses %s', (_name, wrong, message) => {
    const options = { redis, breakers: [], ...wrong } as unknown as CircuitSharingOptions;
    expect(() => new CircuitSharing(options)).toThrow(message);
  });
});
