/**
 * The public API of each package is a committed file, `packages/X/api.d.ts`: a copy of the bundled types of every entry,
 * and of the chunks that they share. This compares the copies with the build; `--update` writes them, so that a change of
 * the API is always seen in review.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { packages } from './packages.ts';

const update = process.argv.includes('--update');
let differing = 0;

/** The chunks' names carry hashes of their content, which are not API. */
function bundledTypes(folder: string): string {
  const plain = (text: string) => text.replace(/-[A-Za-z0-9_-]{8}(?=\.(js|d\.ts)\b)/g, '');
  const files = readdirSync(folder).filter((file) => file.endsWith('.d.ts'));
  files.sort((a, b) => (plain(a) < plain(b) ? -1 : 1));
  if (files.length === 1) return readFileSync(join(folder, 'index.d.ts'), 'utf8');
  const parts = files.map(
    (file) => `// ${plain(file)}\n${plain(readFileSync(join(folder, file), 'utf8'))}`,
  );
  return parts.join('\n');
}

for (const { name, path } of packages()) {
  const built = join(path, 'dist/index.d.ts');
  if (!existsSync(built)) {
    console.error(`${name}: not built, run \`npm run build\` first`);
    process.exit(1);
  }
  const now = bundledTypes(join(path, 'dist'));
  const committed = join(path, 'api.d.ts');
  if (existsSync(committed) && readFileSync(committed, 'utf8') === now) continue;
  if (update) {
    writeFileSync(committed, now);
    console.log(`${name}: api.d.ts written`);
  } else {
    differing++;
    console.error(
      `${name}: the public API differs from api.d.ts; if meant, run \`npm run api -- --update\``,
    );
  }
}
if (differing > 0) process.exit(1);
