import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { build } from 'esbuild';
import { expect, test } from 'vitest';
import { startRedis } from '../../../test/backends.ts';
import { Rig, sleep } from './support/rig.ts';

/** `KILLS=200` is the long form. */
const KILLS = Number(process.env.KILLS ?? 30);
const AT_ONCE = 4;

test(`${KILLS} writers killed at random: every value in Redis has its entry in the log, and no entry lacks its change`, async () => {
  await using server = await startRedis();
  await using rig = new Rig();
  // one file, for a process to start in a tenth of a second
  const file = join(import.meta.dirname, `support/writer-process-${process.pid}.mjs`);
  await build({
    entryPoints: [join(import.meta.dirname, 'support/writer-process.ts')],
    outfile: file,
    bundle: true,
    platform: 'node',
    format: 'esm',
    banner: {
      js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
    },
  });
  try {
    let next = 0;
    const one = async () => {
      while (next < KILLS) {
        const writer: ChildProcess = fork(file, [server.url, rig.namespace, `w${next++}`]);
        await once(writer, 'message');
        await sleep(Math.random() * 40);
        const exit = once(writer, 'exit');
        writer.kill('SIGKILL');
        await exit;
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, one));
  } finally {
    await rm(file, { force: true });
  }
  const client = rig.client(server.url);
  const log = await client.xrange(`tc:{${rig.namespace}}:log`, '-', '+');
  /** Of each key the last entry: of a value what follows is that it is there, else that it is not. */
  const last = new Map<string, { id: string; op: string }>();
  let previous = '0-0';
  for (const [id, fields] of log) {
    const [, before, , op = '', , key = ''] = fields;
    expect(before).toBe(previous);
    previous = id;
    if (op !== 'k') last.set(key, { id, op });
  }
  expect(last.size).toBeGreaterThan(KILLS);
  for (const [key, { id, op }] of last) {
    const envelope = await client.get(`tc:{${rig.namespace}}:e:${key}`);
    if (op === 's') expect(envelope?.split(' ')[1]).toBe(id);
    else expect(envelope).toBeNull();
  }
  const keys = await client.keys(`tc:{${rig.namespace}}:e:*`);
  for (const key of keys) expect(last.has(key.slice(`tc:{${rig.namespace}}:e:`.length))).toBe(true);
  console.log(`killed writers: ${KILLS} killed, ${log.length} changes, ${last.size} keys agree`);
}, 240_000);
