import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { program } from '../launcher/program.ts';

const url = new URL('../launcher/program.ts', import.meta.url).href;

/** A launcher that has made its program, and ends with its input. */
async function launcher(): Promise<{ child: ChildProcess; main: string }> {
  const code = `import { program } from ${JSON.stringify(url)}; console.log(await program()); process.stdin.resume();`;
  const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', code], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const [main] = await once(
    createInterface({ input: child.stdout as NodeJS.ReadableStream }),
    'line',
  );
  return { child, main: String(main) };
}

it('makes one program of the services, which is gone with who made it, or swept by the next', {
  timeout: 60_000,
}, async () => {
  const [one, other] = [await launcher(), await launcher()];
  expect(one.main).not.toBe(other.main);
  const { stdout } = await promisify(execFile)(process.execPath, [one.main, 'keys']);
  expect(stdout).toMatch(/^ACCESS_TOKEN_SECRET=\S+\n/);
  one.child.stdin?.end();
  await once(one.child, 'exit');
  expect(existsSync(one.main)).toBe(false);

  other.child.kill('SIGKILL');
  await once(other.child, 'exit');
  expect(existsSync(other.main)).toBe(true);
  const own = await program();
  expect(await program()).toBe(own);
  expect(existsSync(own)).toBe(true);
  expect(existsSync(other.main)).toBe(false);
});
