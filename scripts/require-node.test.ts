import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it, onTestFinished } from 'vitest';

const script = fileURLToPath(new URL('./require-node.cjs', import.meta.url));

/** What happens where Node says that it is of this version. */
function runIn(version: string) {
  const old = `Object.defineProperty(process, 'versions', { value: { node: '${version}' } })`;
  const code = `${old}; require(${JSON.stringify(script)})`;
  return spawnSync(process.execPath, ['-e', code], { encoding: 'utf8' });
}

it.each(['0.12.18', '18.20.8', '20.18.3'])('refuses Node %s in one line', (version) => {
  const { status, stderr } = runIn(version);
  expect(status).toBe(1);
  expect(stderr).toBe(
    `evenkeel needs Node >= 20.19, this is ${version}: install a newer Node (https://nodejs.org) and try again\n`,
  );
});

it.each(['20.19.0', '22.0.0', '24.11.1'])('takes Node %s', (version) => {
  expect(runIn(version)).toMatchObject({ status: 0, stderr: '' });
});

it('says that the dependencies are not installed', () => {
  const root = mkdtempSync(join(tmpdir(), 'require-node-test-'));
  onTestFinished(() => rmSync(root, { recursive: true }));
  mkdirSync(join(root, 'scripts'));
  const copy = join(root, 'scripts/require-node.cjs');
  copyFileSync(script, copy);
  const { status, stderr } = spawnSync(process.execPath, [copy, 'installed'], { encoding: 'utf8' });
  expect(status).toBe(1);
  expect(stderr).toBe('The dependencies are not installed: run `npm ci` first\n');
});
