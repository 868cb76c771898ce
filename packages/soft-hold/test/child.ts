import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { backends } from '../../../test/backends.ts';

const spawnFixture = (fixture: string, args: readonly string[], stdin: 'ignore' | 'pipe') =>
  spawn(
    process.execPath,
    [
      ...['--conditions=@evenkeel/source', '--import', 'tsx'],
      join(import.meta.dirname, 'fixtures', fixture),
      ...args,
    ],
    { stdio: [stdin, 'pipe', 'inherit'] },
  );

/** Runs a fixture in a process of its own, on this run's Redis and PostgreSQL. */
export async function runChild(
  fixture: string,
  ...args: string[]
): Promise<{ signal: NodeJS.Signals | null; code: number | null; output: string }> {
  const { redisUrl, databaseUrl } = backends();
  const child = spawnFixture(fixture, [redisUrl, databaseUrl, ...args], 'ignore');
  let output = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  const [code, signal] = await once(child, 'close');
  return { code, signal, output };
}

/** Starts a fixture that is spoken to by lines; it ends with the test at the latest. */
export function startChild(fixture: string, redisUrl: string, ...args: string[]) {
  const child = spawnFixture(fixture, [redisUrl, backends().databaseUrl, ...args], 'pipe');
  const closed = once(child, 'close');
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  let output = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  return {
    pid: child.pid as number,
    send: (text: string) => child.stdin?.write(`${text}\n`),
    kill: (signal: NodeJS.Signals) => child.kill(signal),
    /** Resolves when it has said so. */
    line: async (text: string) => {
      while (!output.includes(`${text}\n`)) {
        if (child.exitCode !== null) throw new Error(`${fixture} ended: ${output}`);
        await Promise.race([once(child.stdout as NodeJS.ReadableStream, 'data'), closed]);
      }
    },
    /** The last line, which is JSON, when it has ended. */
    // biome-ignore lint/suspicious/noExplicitAny: each fixture says something else
    result: async (): Promise<any> => {
      await closed;
      return JSON.parse(output.trim().split('\n').at(-1) ?? '');
    },
  };
}
