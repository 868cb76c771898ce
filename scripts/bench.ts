/**
 * `npm run bench [-- NAME...]`: runs the packages' benchmarks one after the other; each prints a
 * table that compares with its peers in the same run and names the machine. NAME picks by path.
 * What is measured is what is published: the built packages, as the peers are.
 */
import { existsSync, readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { packages, root } from './packages.ts';
import { run } from './run.ts';

const picks = process.argv.slice(2);
if (picks.includes('--help')) {
  console.log(
    'npm run bench [-- NAME...]   runs the benchmarks whose path contains a NAME (all by default)',
  );
  process.exit(0);
}
const files = packages()
  .map(({ path }) => join(path, 'bench'))
  .filter((folder) => existsSync(folder))
  .flatMap((folder) => readdirSync(folder).map((file) => relative(root, join(folder, file))))
  .filter((file) => file.endsWith('.bench.ts'))
  .filter((file) => picks.length === 0 || picks.some((pick) => file.includes(pick)));
if (files.length === 0) {
  console.error(`No benchmark has ${picks.join(' or ')} in its path`);
  process.exit(1);
}
const built = await run('npx', ['turbo', 'run', 'build', '--filter=./packages/*']);
if (built.code !== 0) {
  console.error(built.output);
  process.exit(1);
}
for (const file of files) {
  console.log(`\n${file}`);
  const args = ['--expose-gc', '--import', 'tsx', file];
  const { code } = await run('node', args, { echo: true });
  if (code !== 0) process.exitCode = 1;
}
