/**
 * What a user gets: packs every package, installs the tarballs and the clients into an empty folder,
 * then imports, requires and calls each package (`scripts/smoke/X.ts`, on real servers), runs the
 * command `evenkeel-jobs`, and type-checks against it as both kinds of project do (`moduleResolution` node16 and bundler).
 */
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import ts from 'typescript';
import { startBackends } from '../test/backends.ts';
import { packages, root } from './packages.ts';
import { run } from './run.ts';

const folder = mkdtempSync(join(tmpdir(), 'evenkeel-smoke-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));

async function must(what: string, command: string, args: string[], options: object = {}) {
  const { code, output, seconds } = await run(command, args, { cwd: folder, ...options });
  if (code !== 0) throw new Error(`FAILED ${what}\n${output}`);
  console.log(`ok     ${what} (${seconds.toFixed(1)} s)`);
}

const published = packages();
const tarballs = join(folder, 'tarballs');
mkdirSync(tarballs);
for (const { name, path } of published) {
  const args = ['pack', '--silent', '--pack-destination', tarballs];
  await must(`pack    ${name}`, 'npm', args, { cwd: path });
}

const { devDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const clients = ['ioredis', 'kafkajs', 'pg', '@types/pg', '@types/node'];
writeFileSync(join(folder, 'package.json'), '{ "private": true, "type": "module" }\n');
await must('install the tarballs into an empty folder', 'npm', [
  'install',
  '--no-audit',
  '--no-fund',
  '--prefer-offline',
  ...published.map((one) => join(tarballs, `evenkeel-${one.folder}-${one.version}.tgz`)),
  ...clients.map((client) => `${client}@${devDependencies[client]}`),
]);

/** The call as plain JavaScript of one module system. */
function emit(source: string, module: ts.ModuleKind): string {
  const compilerOptions = { module, target: ts.ScriptTarget.ES2022, esModuleInterop: true };
  return ts.transpileModule(source, { compilerOptions }).outputText;
}

const backends = await startBackends({ log: console.log });
try {
  for (const { folder: short, name } of published) {
    const call = join(root, 'scripts/smoke', `${short}.ts`);
    const source = readFileSync(call, 'utf8');
    copyFileSync(call, join(folder, `${short}.ts`));
    writeFileSync(join(folder, `${short}.mjs`), emit(source, ts.ModuleKind.ESNext));
    writeFileSync(join(folder, `${short}.cjs`), emit(source, ts.ModuleKind.CommonJS));
    const options = { env: backends.env, timeoutMs: 30_000 };
    await must(`import  ${name}`, 'node', [`${short}.mjs`], options);
    await must(`require ${name}`, 'node', [`${short}.cjs`], options);
  }
  const command = readFileSync(join(root, 'scripts/smoke/evenkeel-jobs.ts'), 'utf8');
  writeFileSync(join(folder, 'evenkeel-jobs.mjs'), emit(command, ts.ModuleKind.ESNext));
  await must('run     npx evenkeel-jobs', 'node', ['evenkeel-jobs.mjs'], {
    env: backends.env,
    timeoutMs: 120_000,
  });
} finally {
  await backends.stop();
}

const tsc = join(root, 'node_modules/typescript/bin/tsc');
for (const [moduleResolution, module] of [
  ['node16', 'node16'],
  ['bundler', 'esnext'],
] as const) {
  const config = `tsconfig.${moduleResolution}.json`;
  const compilerOptions = {
    moduleResolution,
    module,
    target: 'es2022',
    lib: ['es2023'],
    types: ['node'],
    strict: true,
    exactOptionalPropertyTypes: true,
    noEmit: true,
    skipLibCheck: false,
  };
  const files = published.map((one) => `${one.folder}.ts`);
  writeFileSync(join(folder, config), JSON.stringify({ compilerOptions, files }));
  await must(`types by ${moduleResolution}`, 'node', [tsc, '-p', config]);
}
