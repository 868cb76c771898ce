/** promtool: the one on PATH, else Debian's, unpacked beside and not installed, so that no service is started. */
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const kept = join(tmpdir(), 'evenkeel-promtool');

let found: Promise<string> | undefined;

/** @throws Error with what to do where neither can be had */
export async function promtool(...args: string[]): Promise<string> {
  found ??= find();
  const program = await found;
  const { stdout, stderr } = await run(program, args).catch((error) => {
    throw new Error(`promtool ${args.join(' ')}:\n${error.stdout}${error.stderr}`);
  });
  return stdout + stderr;
}

async function find(): Promise<string> {
  const onPath = await run('promtool', ['--version']).then(
    () => true,
    () => false,
  );
  if (onPath) return 'promtool';
  const program = join(kept, 'usr/bin/promtool');
  if (existsSync(program)) return program;
  console.error('promtool is not installed: unpacking the package prometheus by apt-get and dpkg');
  try {
    const cwd = mkdtempSync(`${kept}-`);
    await run('apt-get', ['download', 'prometheus'], { cwd });
    const [archive = ''] = readdirSync(cwd);
    mkdirSync(join(cwd, 'root'));
    await run('dpkg', ['-x', archive, 'root'], { cwd });
    // another run may have been faster: its copy is as good
    if (!existsSync(program)) renameSync(join(cwd, 'root'), kept);
    return program;
  } catch (cause) {
    throw new Error('There is no promtool: install Prometheus, or run this where apt-get can.', {
      cause,
    });
  }
}
