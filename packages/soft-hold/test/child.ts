import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { backends } from '../../../test/backends.ts';

/** Runs a fixture in a process of its own, on this run's Redis and PostgreSQL. */
export async function runChild(
  fixture: string,
  ...args: string[]
): Promise<{ signal: NodeJS.Signals | null; code: number | null; output: string }> {
  const { redisUrl, databaseUrl } = backends();
  const file = join(import.meta.dirname, 'fixtures', fixture);
  const child = spawn(
    process.execPath,
    ['--conditions=@evenkeel/source', '--import', 'tsx', file, redisUrl, databaseUrl, ...args],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  const [code, signal] = await once(child, 'close');
  return { code, signal, output };
}
