import { execFile } from 'node:child_process';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { StartError } from './options.ts';

const path = (name: string) => fileURLToPath(new URL(name, import.meta.url));
const web = path('../web/');

/** True when the built pages are missing or older than what they are built from. */
export async function pagesAreStale(): Promise<boolean> {
  const built = await stat(`${web}dist/index.html`).catch(() => undefined);
  if (!built) return true;
  const parts = (await readdir(web)).filter((name) => name !== 'dist');
  const newest = await Promise.all(
    [path('../addresses.ts'), path('../contract.ts'), ...parts.map((p) => web + p)].map(age),
  );
  return Math.max(...newest) > built.mtimeMs;
}

/** When anything in a file or folder changed last. */
async function age(file: string): Promise<number> {
  const { mtimeMs } = await stat(file);
  const inside = await readdir(file).catch(() => []);
  return Math.max(mtimeMs, ...(await Promise.all(inside.map((name) => age(join(file, name))))));
}

/** @throws StartError with what the build said, or the signal's reason */
export async function buildPages(signal: AbortSignal): Promise<void> {
  try {
    const script = ['--import', 'tsx', path('build-pages.ts')];
    await promisify(execFile)(process.execPath, script, { signal });
  } catch (error) {
    signal.throwIfAborted();
    throw new StartError(`The pages could not be built:\n${(error as { stderr: string }).stderr}`);
  }
}
