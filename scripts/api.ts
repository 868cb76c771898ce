/**
 * The public API of each package is a committed file, `packages/X/api.d.ts`: a copy of the bundled
 * types. This compares the copies with the build; `--update` writes them, so that a change of the
 * API is always seen in review.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { packages } from './packages.ts';

const update = process.argv.includes('--update');
let differing = 0;

for (const { name, path } of packages()) {
  const built = join(path, 'dist/index.d.ts');
  if (!existsSync(built)) {
    console.error(`${name}: not built, run \`npm run build\` first`);
    process.exit(1);
  }
  // the chunk names of a multi-entry build carry hashes of their content: not API
  const now = readFileSync(built, 'utf8').replace(/-[A-Za-z0-9_-]{8}(?=\.js')/g, '');
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
