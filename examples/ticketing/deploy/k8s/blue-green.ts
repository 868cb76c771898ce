/**
 * The blue-green switch. Both colours run; the Service's selector says which one the world sees, so that going there
 * and going back are one patch each. Old and new work on the same stores, holds and jobs meanwhile.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { productServices } from '../../services/config.ts';

const help = `npm run blue-green -- [options]

Brings the colour that is not in use up to the size of the one that is, tries it, and switches to it.

  --to COLOUR      blue or green (default: the one not in use)
  --namespace NS   (default ticketing)
  --context NAME   of kubectl (default: its current one)
  --check COMMAND  run with a URL as its last word: before the switch with the new colour's, after it with --url;
                   exit code 0 is good (default: buys two tickets)
  --url URL        the shop as the world sees it; when the check fails there, the switch is undone
  --no-apply       take the colour as it is: to go back to it
  --retire         instead of all that, delete the colour that is not in use
  --dry-run        print the commands instead of running them; needs --to
  --help           this text
`;

const colours = ['blue', 'green'] as const;
type Colour = (typeof colours)[number];
const other = (colour: Colour): Colour => (colour === 'blue' ? 'green' : 'blue');

const label = 'ticketing.evenkeel.example/colour';
const overlay = (colour: Colour) =>
  fileURLToPath(new URL(`overlays/blue-green/${colour}`, import.meta.url));
const buy = `npm run -s -w @evenkeel/example-ticketing buy -- --url`;

/** A sentence for the operator, with what to do. */
class SwitchError extends Error {}

type Options = {
  to: Colour | undefined;
  check: string;
  url: string | undefined;
  apply: boolean;
  retire: boolean;
  dryRun: boolean;
  /** what every call of kubectl begins with */
  cluster: string[];
};

function readOptions(args: string[]): Options | undefined {
  const { values } = parseArgs({
    args,
    options: {
      to: { type: 'string' },
      namespace: { type: 'string', default: 'ticketing' },
      context: { type: 'string' },
      check: { type: 'string', default: buy },
      url: { type: 'string' },
      'no-apply': { type: 'boolean', default: false },
      retire: { type: 'boolean', default: false },
      'dry-run': { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) return undefined;
  const to = colours.find((colour) => colour === values.to);
  if (values.to !== undefined && !to) {
    throw new SwitchError(`Expected \`--to\` to be blue or green, got "${values.to}".`);
  }
  if (values['dry-run'] && !to) throw new SwitchError('--dry-run asks no cluster: say --to.');
  if (values.retire && to) {
    throw new SwitchError('--retire deletes the colour not in use: leave --to out.');
  }
  return {
    to,
    check: values.check,
    url: values.url,
    apply: !values['no-apply'],
    retire: values.retire,
    dryRun: values['dry-run'],
    cluster: [
      ...(values.context ? ['--context', values.context] : []),
      '--namespace',
      values.namespace,
    ],
  };
}

/** Runs a command, shown on the screen; its output is the result. */
async function run(options: Options, command: string, args: string[]): Promise<string> {
  console.log(
    `$ ${[command, ...args].map((word) => (/[\s{]/.test(word) ? `'${word}'` : word)).join(' ')}`,
  );
  if (options.dryRun) return '';
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  const [code] = await once(child, 'close').catch((error) => {
    throw new SwitchError(`${command} cannot be run: ${(error as Error).message}`);
  });
  if (code !== 0)
    throw new SwitchError(`${command} ${args[0] ?? ''} ended with exit code ${code}.`);
  return output.trim();
}

const kubectl = (options: Options, ...args: string[]) =>
  run(options, 'kubectl', [...options.cluster, ...args]);

async function inUse(options: Options): Promise<Colour> {
  const path = `jsonpath={.spec.selector.${label.replaceAll('.', '\\.')}}`;
  const answer = await kubectl(options, 'get', 'service', 'gateway', '-o', path);
  const colour = options.dryRun
    ? other(options.to as Colour)
    : colours.find((one) => one === answer);
  if (colour) return colour;
  throw new SwitchError(
    'The Service gateway has no colour: apply overlays/blue-green/front first.',
  );
}

/** As many pods as the old colour has now: at its smallest size the new one would meet the whole rush. */
async function bringUp(options: Options, from: Colour, to: Colour): Promise<void> {
  if (options.apply) await kubectl(options, 'apply', '-k', overlay(to));
  for (const name of productServices) {
    const path = 'jsonpath={.spec.replicas}';
    const pods = await kubectl(options, 'get', 'deployment', `${name}-${from}`, '-o', path);
    // the autoscaler takes it from there, and takes nothing away for five minutes
    const replicas = `--replicas=${options.dryRun ? `<pods of ${name}-${from}>` : pods}`;
    await kubectl(options, 'scale', `deployment/${name}-${to}`, replicas);
  }
  for (const name of productServices) {
    await kubectl(options, 'rollout', 'status', `deployment/${name}-${to}`, '--timeout=300s');
  }
}

function check(options: Options, url: string): Promise<string> {
  const [command = '', ...args] = options.check.split(/\s+/);
  return run(options, command, [...args, url]);
}

/** The new colour by its own Service, which nothing outside of the cluster reaches. */
async function tryOut(options: Options, to: Colour): Promise<void> {
  const args = [...options.cluster, 'port-forward', `service/gateway-${to}`, ':80'];
  console.log(`$ kubectl ${args.join(' ')}`);
  if (options.dryRun) return void (await check(options, `<gateway-${to}>`));
  const forward = spawn('kubectl', args, { stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    const port = await new Promise<string>((resolve, reject) => {
      forward.stdout.setEncoding('utf8').on('data', (text: string) => {
        const found = /127\.0\.0\.1:(\d+)/.exec(text)?.[1];
        if (found) resolve(found);
      });
      const end = () => reject(new SwitchError('kubectl port-forward ended too early.'));
      forward.once('close', end).once('error', end);
    });
    await check(options, `http://127.0.0.1:${port}`);
  } finally {
    forward.kill();
  }
}

function point(options: Options, to: Colour): Promise<string> {
  const patch = JSON.stringify({ spec: { selector: { [label]: to } } });
  return kubectl(options, 'patch', 'service', 'gateway', '--type=merge', '-p', patch);
}

async function main(options: Options): Promise<void> {
  const from = await inUse(options);
  if (options.retire) {
    await kubectl(options, 'delete', '-k', overlay(other(from)));
    return console.log(`${other(from)} is gone; ${from} serves.`);
  }
  const to = options.to ?? other(from);
  if (to === from) throw new SwitchError(`${to} is in use already.`);
  await bringUp(options, from, to);
  await tryOut(options, to);
  await point(options, to);
  try {
    if (options.url) await check(options, options.url);
  } catch (error) {
    await point(options, from);
    throw new SwitchError(`${(error as Error).message} Switched back: ${from} serves.`);
  }
  console.log(`${to} serves. To go back: --to ${from} --no-apply; when all is well: --retire`);
}

try {
  const options = readOptions(process.argv.slice(2));
  if (options) await main(options);
  else process.stdout.write(help);
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
}
