/**
 * Runs the READMEs' code: every block marked ```ts is written out as a module, type-checked and
 * run against real servers. A README that lies is a failed test.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startBackends } from '../test/backends.ts';
import { root } from './packages.ts';
import { run } from './run.ts';

type Block = { where: string; file: string };

// inside the repository, so that the blocks resolve the workspace's packages
const folder = join(root, 'node_modules/.readme-blocks');

function extract(): Block[] {
  const files = execFileSync('git', ['ls-files', '-co', '--exclude-standard', '*.md'], {
    cwd: root,
    encoding: 'utf8',
  })
    .split('\n')
    .filter(Boolean);
  const blocks: Block[] = [];
  for (const file of files) {
    const text = readFileSync(join(root, file), 'utf8');
    for (const match of text.matchAll(/^```ts\n([\s\S]*?)^```$/gm)) {
      const line = text.slice(0, match.index).split('\n').length;
      const name = `${file.replace(/[^a-zA-Z0-9]+/g, '-')}-${line}.ts`;
      writeFileSync(join(folder, name), `${match[1]}\nexport {};\n`);
      blocks.push({ where: `${file}:${line}`, file: join(folder, name) });
    }
  }
  return blocks;
}

rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });
writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
const blocks = extract();
writeFileSync(
  join(folder, 'tsconfig.json'),
  JSON.stringify({ extends: '../../tsconfig.base.json', include: ['*.ts'] }),
);
const types = await run('npx', ['tsc', '-p', folder]);
if (types.code !== 0) {
  console.error(types.output);
  process.exit(1);
}

await using backends = await startBackends({ log: (line) => console.log(line) });
const env = {
  REDIS_URL: backends.redisUrl,
  DATABASE_URL: backends.databaseUrl,
  KAFKA_BROKERS: backends.kafkaBrokers,
};
let failed = 0;
for (const { where, file } of blocks) {
  const args = ['--conditions=@evenkeel/source', '--import', 'tsx', file];
  const { code, output, seconds } = await run('node', args, { env, timeoutMs: 30_000 });
  console.log(`${code === 0 ? 'ran   ' : 'FAILED'} ${where} (${seconds.toFixed(1)} s)`);
  if (code !== 0) {
    failed++;
    console.error(output);
  }
}
console.log(`${blocks.length} code blocks, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;
