import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { productServices } from '../services/config.ts';

const script = fileURLToPath(new URL('../deploy/k8s/blue-green.ts', import.meta.url));
const colourLabel = 'ticketing.evenkeel.example/colour';

/** A kubectl that knows one thing, the Service's colour, and writes down what it is asked to do. */
const kubectl = (folder: string, failsAt: string) => `#!/bin/sh
echo "$*" >> ${folder}/calls
case "$*" in
  ${failsAt || 'nothing'}) echo 'it does not come up' >&2; exit 1 ;;
  *'get service'*) cat ${folder}/colour ;;
  *'get deployment'*) echo 9 ;;
  *'patch service'*) echo "$*" | sed 's/.*"${colourLabel.replaceAll('/', '\\/')}":"\\([a-z]*\\)".*/\\1/' > ${folder}/colour ;;
  *port-forward*) echo 'Forwarding from 127.0.0.1:45678 -> 8080'; exec sleep 60 ;;
esac
`;

describe('the blue-green switch', () => {
  let folder = '';
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'evenkeel-blue-green-'));
    writeFileSync(`${folder}/colour`, 'blue');
    writeFileSync(`${folder}/calls`, '');
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  async function run(args: string[], failsAt = '') {
    writeFileSync(`${folder}/kubectl`, kubectl(folder, failsAt), { mode: 0o755 });
    const env = { ...process.env, PATH: `${folder}:${process.env.PATH}` };
    const end = await promisify(execFile)(process.execPath, ['--import', 'tsx', script, ...args], {
      env,
    }).then(
      ({ stdout }) => ({ code: 0, output: stdout }),
      ({ code, stdout, stderr }) => ({ code: code as number, output: stdout + stderr }),
    );
    const calls = readFileSync(`${folder}/calls`, 'utf8')
      .split('\n')
      .map((line) => /^--namespace ticketing (\S+ \S+)/.exec(line)?.[1])
      .filter((call) => call !== undefined);
    return { ...end, calls, colour: readFileSync(`${folder}/colour`, 'utf8').trim() };
  }

  it('brings the other colour up to size, tries it, and only then shows it to the world', async () => {
    const { code, calls, colour, output } = await run(['--check', 'true']);
    expect(code).toBe(0);
    expect(calls).toEqual([
      'get service',
      'apply -k',
      ...productServices.flatMap((name) => ['get deployment', `scale deployment/${name}-green`]),
      ...productServices.map(() => 'rollout status'),
      'port-forward service/gateway-green',
      'patch service',
    ]);
    expect(output).toContain('--replicas=9');
    expect(output).toContain('$ true http://127.0.0.1:45678');
    expect(colour).toBe('green');
  });

  it('switches nothing when the new colour does not come up', async () => {
    const { code, colour, calls, output } = await run(['--check', 'true'], "*'rollout status'*");
    expect(code).toBe(1);
    expect(output).toContain('it does not come up');
    expect(calls).not.toContain('patch service');
    expect(colour).toBe('blue');
  });

  it('switches nothing when the new colour fails its trial', async () => {
    const { code, colour, calls } = await run(['--check', 'false']);
    expect(code).toBe(1);
    expect(calls).not.toContain('patch service');
    expect(colour).toBe('blue');
  });

  it('switches back when the world finds the new colour bad', async () => {
    const check = 'node -e process.exit(process.argv[1].includes("world")?1:0)';
    const { code, colour, output } = await run([
      '--check',
      check,
      '--url',
      'https://world.example',
    ]);
    expect(code).toBe(1);
    expect(output).toContain('Switched back: blue serves.');
    expect(colour).toBe('blue');
  });

  it('prints what it would do, and does nothing', async () => {
    const { code, calls, output } = await run(['--dry-run', '--to', 'green']);
    expect(code).toBe(0);
    expect(calls).toEqual([]);
    expect(output).toMatch(/^\$ kubectl .*apply -k .*overlays\/blue-green\/green$/m);
    expect(output).toMatch(/^\$ kubectl .*patch service gateway .*"green"/m);
  });

  it.each([
    [['--to', 'red'], 'Expected `--to` to be blue or green, got "red".'],
    [['--dry-run'], '--dry-run asks no cluster: say --to.'],
    [['--to', 'blue'], 'blue is in use already.'],
    [['--retire', '--to', 'blue'], '--retire deletes the colour not in use: leave --to out.'],
  ])('%j is refused', async (args, message) => {
    const { code, output, colour } = await run([...args, '--check', 'true']);
    expect(code).toBe(1);
    expect(output).toContain(message);
    expect(colour).toBe('blue');
  });

  it('explains itself', async () => {
    const { code, output } = await run(['--help']);
    expect(code).toBe(0);
    expect(output).toContain('--dry-run');
  });
});
