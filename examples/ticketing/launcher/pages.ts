import { existsSync } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

const web = fileURLToPath(new URL('../web/', import.meta.url));
const contract = fileURLToPath(new URL('../contract.ts', import.meta.url));

/** True when the built pages are missing or older than what they are built from. */
export async function pagesAreStale(): Promise<boolean> {
  const built = `${web}dist/index.html`;
  if (!existsSync(built)) return true;
  const { mtimeMs } = await stat(built);
  const sources = (await readdir(web, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => `${entry.parentPath}/${entry.name}`)
    .filter((file) => !file.startsWith(`${web}dist/`));
  const times = await Promise.all(
    [contract, ...sources].map(async (file) => (await stat(file)).mtimeMs),
  );
  return Math.max(...times) > mtimeMs;
}

export async function buildPages(): Promise<void> {
  const { build } = await import('vite');
  await build({ root: web, configFile: `${web}vite.config.ts`, logLevel: 'warn' });
}
