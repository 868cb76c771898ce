/**
 * What a user gets: packs every package, installs the tarballs into an empty folder, then imports,
 * requires and calls each one, and type-checks against it as both kinds of project do
 * (`moduleResolution` node16 and bundler).
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { packages, root } from './packages.ts';
import { run } from './run.ts';

/** One call a package, valid as ESM, as CommonJS and as TypeScript: throws when the answer is wrong. */
const calls: Record<string, { names: string[]; body: string }> = {
  'circuit-breaker': {
    names: ['CircuitBreaker'],
    body: `const breaker = new CircuitBreaker({ name: 'smoke' });
  if ((await breaker.execute(async () => 42)) !== 42) throw new Error('wrong answer');
  if (breaker.state !== 'closed') throw new Error('not closed');`,
  },
  'soft-hold': {
    names: ['HoldPool'],
    body: `let refused = false;
  try {
    // @ts-expect-error: options are missing
    new HoldPool({});
  } catch (error) {
    refused = error instanceof TypeError || error instanceof RangeError;
  }
  if (!refused) throw new Error('bad options were accepted');`,
  },
  'tiered-cache': {
    names: ['TieredCache'],
    body: `const cache = new TieredCache({ namespace: 'smoke' });
  if ((await cache.get('answer', async () => 42)) !== 42) throw new Error('wrong answer');
  await cache.close();`,
  },
  'async-jobs': {
    names: ['JobQueue', 'Worker', 'defineJob', 'handle', 'memoryTransport'],
    body: `const job = defineJob({ name: 'smoke.double', schema });
  const queue = new JobQueue({ transport: memoryTransport() });
  await queue.ensureTopics([job]);
  const done = new Promise<number>((resolve) => {
    const worker = new Worker(queue, { handlers: [handle(job, async (n) => resolve(n * 2))] });
    void worker.run().then(() => queue.enqueue(job, 21));
    closing.push(() => worker.drain());
  });
  if ((await done) !== 42) throw new Error('wrong answer');
  for (const close of closing) await close();
  await queue.close();`,
  },
  health: {
    names: ['Health'],
    body: `const health = new Health({ service: 'smoke' });
  health.check('self', async () => 'ok', { groups: ['readiness'] });
  const report = await health.readiness();
  if (report.status !== 'pass') throw new Error('not ready: ' + JSON.stringify(report));
  await health.close();`,
  },
};

const folder = mkdtempSync(join(tmpdir(), 'evenkeel-smoke-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));

async function must(what: string, command: string, args: string[], cwd = folder): Promise<string> {
  const { code, output, seconds } = await run(command, args, { cwd });
  if (code !== 0) {
    console.error(`FAILED ${what}\n${output}`);
    process.exit(1);
  }
  console.log(`ok     ${what} (${seconds.toFixed(1)} s)`);
  return output;
}

const built = packages();
const tarballs = join(folder, 'tarballs');
mkdirSync(tarballs);
await Promise.all(
  built.map(({ name, path }) =>
    must(`pack ${name}`, 'npm', ['pack', '--silent', '--pack-destination', tarballs], path),
  ),
);
writeFileSync(join(folder, 'package.json'), '{ "private": true, "type": "module" }\n');
await must('install the tarballs into an empty folder', 'npm', [
  'install',
  '--no-audit',
  '--no-fund',
  '--prefer-offline',
  ...built.map(({ folder: name, version }) => join(tarballs, `evenkeel-${name}-${version}.tgz`)),
]);

/** The schema of a Standard Schema library, by hand: the smoke test installs nothing but the packages. */
const prelude: Record<string, string> = {
  'async-jobs': `const schema = {
    '~standard': { version: 1 as const, vendor: 'smoke', validate: (value: unknown) => ({ value: value as number }) },
  };
  const closing: (() => Promise<unknown>)[] = [];`,
};
/** Types away, for the two plain-JavaScript flavours. */
const untyped = (code: string) =>
  code
    .replaceAll(' as const', '')
    .replaceAll(' as number', '')
    .replaceAll('(value: unknown)', '(value)')
    .replaceAll(': (() => Promise<unknown>)[]', '')
    .replaceAll('new Promise<number>', 'new Promise');

for (const { folder: short, name } of built) {
  const call = calls[short];
  if (!call) throw new Error(`scripts/smoke.ts has no call for ${name}`);
  const names = call.names.join(', ');
  const main = `async function main() {\n  ${prelude[short] ?? ''}\n  ${call.body}\n}\n`;
  const ending = 'main().catch((error) => { console.error(error); process.exit(1); });\n';
  writeFileSync(
    join(folder, `${short}.mjs`),
    `import { ${names} } from '${name}';\n${untyped(main)}${ending}`,
  );
  writeFileSync(
    join(folder, `${short}.cjs`),
    `const { ${names} } = require('${name}');\n${untyped(main)}${ending}`,
  );
  writeFileSync(
    join(folder, `${short}.ts`),
    `import { ${names} } from '${name}';\n${main}void main();\n`,
  );
  await must(`import  ${name}`, 'node', [`${short}.mjs`]);
  await must(`require ${name}`, 'node', [`${short}.cjs`]);
}

const tsc = join(root, 'node_modules/typescript/bin/tsc');
const typeRoots = join(root, 'node_modules/@types');
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
    strict: true,
    exactOptionalPropertyTypes: true,
    noEmit: true,
    skipLibCheck: false,
    typeRoots: [typeRoots],
    types: ['node'],
  };
  writeFileSync(
    join(folder, config),
    JSON.stringify({ compilerOptions, files: built.map((p) => `${p.folder}.ts`) }),
  );
  await must(`types by ${moduleResolution}`, 'node', [tsc, '-p', config]);
}
