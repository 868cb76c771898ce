import { execFile } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { run } from '../src/cli/run.ts';

const users = {
  databases: [{ name: 'main', engine: 'mysql', memoryGb: 100 }],
  services: [{ name: 'order-api', instances: 100, pool: 30 }],
};

async function call(words: string[], file: unknown = users, answers?: string[]) {
  const out: string[] = [];
  const err: string[] = [];
  const code = await run(words, {
    ask: answers && (async () => answers.shift() ?? ''),
    read: async (path) => {
      if (path === 'missing.json')
        throw new Error("ENOENT: no such file or directory, open 'missing.json'");
      return typeof file === 'string' ? file : JSON.stringify(file);
    },
    write: (text) => void out.push(text),
    writeError: (text) => void err.push(text),
  });
  return { code, out: out.join('\n'), err: err.join('\n') };
}

describe('evenkeel-plan', () => {
  test('prints the table of a plan', async () => {
    const { code, out, err } = await call(['connections', 'plan.json']);
    expect([code, err]).toEqual([2, '']);
    expect(out).toContain('main: 6,750 connections at the peak, 7,495 allowed');
    expect(out).toMatch(/\* steady +100 +3,000 +40 +fits/);
    expect(out).toMatch(/\* surge +125 +3,750 +50 +fits/);
    expect(out).toMatch(/\* surge and terminating +225 +6,750 +90 +fits/);
    expect(out).toMatch(/ {2}blue-green +200 +6,000 +80 +fits/);
    expect(out).toMatch(/WARNING LITTLE_HEADROOM \(main\): .*\n {2}remedy: /);
  });

  test('prints JSON, and lines to paste', async () => {
    const { code, out } = await call(['connections', '-', '--json']);
    expect([code, JSON.parse(out).databases[0].peak]).toEqual([2, 6_750]);
    expect((await call(['connections', '-', '--env'])).out).toBe('ORDER_API_POOL_MAX=26');
    const overloaded = {
      ...users,
      services: [{ name: 'a', instances: 1, pool: 1, queriesPerSecond: 1_000, queryMs: 20 }],
    };
    const json = await call(['connections', '-', '--json'], overloaded);
    expect([json.code, JSON.parse(json.out).services[0].acquireP99Ms]).toEqual([1, null]);
    const pooler = { mode: 'transaction', poolSize: 50 };
    const pooled = {
      ...users,
      databases: [{ ...users.databases[0], engine: 'postgresql', pooler }],
    };
    expect((await call(['connections', '-', '--env'], pooled)).out).toMatch(
      /\[pgbouncer\]\npool_mode = transaction\ndefault_pool_size = \d+\nmax_client_conn = 7425/,
    );
  });

  test('plans capacity and probes as well', async () => {
    const capacity = { dailyUsers: 300_000, services: [{ name: 'gateway', cpuMs: 2 }] };
    const { code, out } = await call(['capacity', 'c.json'], capacity);
    expect(code).toBe(0);
    expect(out).toContain('150,000 concurrent users, 15,000 requests a second');
    expect((await call(['capacity', 'c.json', '--env'], capacity)).out).toBe(
      'GATEWAY_INSTANCES=75',
    );
    const probes = await call(['probes', 'p.json'], { failAfter: 1, preStopSeconds: 2 });
    expect(probes.out).toContain('terminationGracePeriodSeconds: 30');
    expect(probes.out).toContain('preStop: { sleep: { seconds: 2 } }');
    expect((await call(['probes', 'p.json', '--env'], {})).out).toBe(
      'GRACE_MS=28000\nDRAIN_DELAY_MS=5000',
    );
  });

  test('asks its questions where there is no file, with defaults', async () => {
    const answers = ['mysql', '7500', '100', '30', '', '100', '', ''];
    const { code, out } = await call(['connections'], undefined, answers);
    expect(code).toBe(2);
    expect(out).toContain('6,750 connections at the peak');
    expect((await call(['capacity'], undefined, [])).out).toContain('150,000 concurrent users');
    expect((await call(['probes'], undefined, ['', '', '', '', '1'])).code).toBe(0);
    const wrong = await call(['connections'], undefined, ['mysql', 'many']);
    expect([wrong.code, wrong.err]).toEqual([
      1,
      expect.stringContaining('`databases[0].maxConnections` to be a number, got "many"'),
    ]);
  });

  test.each([
    [[], 'Expected one of connections, capacity, probes'],
    [['budget'], 'Expected one of connections, capacity, probes'],
    [['toString'], 'Expected one of connections, capacity, probes'],
    [['connections', 'a', 'b'], 'at most one file'],
    [['connections', 'a', '--yaml'], 'Expected --json, --env or --help, got --yaml'],
    [['connections', 'a', '--json', '--env'], 'either --json or --env'],
    [['connections', 'missing.json'], 'ENOENT'],
    [['connections'], 'a terminal to ask in'],
  ])('%j is exit code 1 and says why', async (words, message) => {
    const { code, out, err } = await call(words);
    expect([code, out]).toEqual([1, '']);
    expect(err).toContain(message);
  });

  test('a file that is no JSON, and a wrong plan, are exit code 1', async () => {
    expect(await call(['connections', 'a'], '{ "databases"')).toMatchObject({
      code: 1,
      err: expect.stringContaining('JSON'),
    });
    const { code, err } = await call(['connections', 'a'], { databases: [] });
    expect([code, err]).toEqual([1, 'Expected `databases` to be an array of at least one object']);
  });

  test('helps', async () => {
    const { code, out } = await call(['--help']);
    expect([code, out]).toEqual([0, expect.stringContaining('exit code   0')]);
  });
});

const file = new URL('../src/cli/evenkeel-plan.ts', import.meta.url).pathname;
const node = [process.execPath, '--conditions=@evenkeel/source', '--import', 'tsx', file];

test('in a real terminal it asks, and its exit code is that of the plan', {
  timeout: 30_000,
}, async () => {
  const command = `${node.join(' ')} connections`;
  const { code, out } = await new Promise<{ code: unknown; out: string }>((resolve) => {
    const child = execFile('script', ['-qec', command, '/dev/null'], (error, stdout) =>
      resolve({ code: error === null ? 0 : error.code, out: stdout }),
    );
    // What is typed before it is asked stays in the terminal's line buffer.
    child.stdin?.write('mysql\n2000\n100\n30\n25%\n100\n\n\n');
  });
  expect(out).toContain('Connections that the server takes [500]: ');
  expect(out).toContain(
    'ERROR OVER_BUDGET (database): 3,000 connections without any deploy, 1,995 allowed',
  );
  expect(code).toBe(1);
});

test('without a terminal it reads standard input', { timeout: 30_000 }, async () => {
  const [command = '', ...words] = node;
  const { code, out } = await new Promise<{ code: unknown; out: string }>((resolve) => {
    const child = execFile(command, [...words, 'probes', '-', '--json'], (error, stdout) =>
      resolve({ code: error === null ? 0 : error.code, out: stdout }),
    );
    child.stdin?.end('{"failAfter":1}');
  });
  expect([code, JSON.parse(out).graceMs]).toEqual([0, 28_000]);
});
