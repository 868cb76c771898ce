/**
 * The services and the packages that they are made of as one program, built before the first process starts: to find and translate some
 * hundred sources takes Node seconds of a processor, in each of a dozen processes (decision 79).
 */
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build, stop } from 'esbuild';

const here = (path: string) => new URL(path, import.meta.url);
/** a folder for each launcher that runs; those of who was killed are swept by the next one */
const folder = here('../node_modules/.services/');
let built: Promise<string> | undefined;

/** The path of its main module, which stays until this process ends. */
export function program(): Promise<string> {
  built ??= make();
  return built;
}

async function make(): Promise<string> {
  sweep();
  const own = fileURLToPath(new URL(`${process.pid}/`, folder));
  process.once('exit', () => rmSync(own, { recursive: true, force: true }));
  const { dependencies } = JSON.parse(readFileSync(here('../package.json'), 'utf8'));
  const others = Object.keys(dependencies).filter((name) => !name.startsWith('@evenkeel/'));
  await build({
    entryPoints: [fileURLToPath(here('../services/main.ts'))],
    outdir: own,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    // a process loads the services that it runs
    splitting: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    conditions: ['@evenkeel/source'],
    external: others.flatMap((name) => [name, `${name}/*`]),
    // what a service reads beside itself is where it was, seen from any folder of a service
    define: { 'import.meta.url': JSON.stringify(here('../services/program/main.mjs').href) },
    sourcemap: true,
    logLevel: 'warning',
  });
  // its process would stay beside ours
  await stop();
  return `${own}main.mjs`;
}

function sweep(): void {
  for (const pid of namesIn(folder)) {
    if (!isRunning(Number(pid))) rmSync(new URL(pid, folder), { recursive: true, force: true });
  }
}

function namesIn(directory: URL): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return []; // nobody has built anything yet
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
