/**
 * `npm run build`: builds the pages beside the old ones and then puts them in their place, so that a
 * gateway that starts meanwhile, or another build, never sees half of them.
 */
import { mkdir, rename, rm } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

const web = fileURLToPath(new URL('../web/', import.meta.url));
const scratch = fileURLToPath(new URL(`../node_modules/.pages/${process.pid}`, import.meta.url));

// what the pages are built for is not what the caller runs as: a test runner says `test` here
process.env.NODE_ENV = 'production';
const { build } = await import('vite');
try {
  await build({
    root: web,
    configFile: `${web}vite.config.ts`,
    build: { outDir: `${scratch}/new`, emptyOutDir: true },
    logLevel: 'warn',
  });
  await mkdir(`${scratch}/old`);
  await rename(`${web}dist`, `${scratch}/old/dist`).catch(ignore('ENOENT'));
  // another build may have been faster by this much: its pages are as good as ours
  await rename(`${scratch}/new`, `${web}dist`).catch(ignore('ENOTEMPTY', 'EEXIST'));
} finally {
  await rm(scratch, { recursive: true, force: true });
}

function ignore(...codes: string[]) {
  return (error: NodeJS.ErrnoException): void => {
    if (!codes.includes(error.code ?? '')) throw error;
  };
}
