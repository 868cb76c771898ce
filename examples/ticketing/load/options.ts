import { totalmem } from 'node:os';
import { numeric, readArgs, StartError } from '../launcher/options.ts';
import { faults } from './faults.ts';
import { scenarioNames } from './scenarios/names.ts';

export const help = `npm run proof [-- options]

Starts the whole ticket shop in separate processes on a Redis, PostgreSQL and Kafka of its own, loads
it, breaks it while it sells, and prints what held. Ctrl-C stops everything and reports what is known.

  --users N      the crowd: WebSockets of the waiting room, a third of it buyers (default 150000)
  --short        the same scenarios with fewer users (default 5000) and shorter phases
  --only NAMES   some of ${scenarioNames.join(', ')}; separated by commas
  --faults NAMES only these faults of the chaos: ${faults.map(({ name }) => name).join(', ')}
  --seed N       of arrivals, seats and victims (default: drawn, and printed)
  --json FILE    where the figures go (default proof.json)
  --html FILE    where the page goes (default proof.html)
  --verbose      show the warnings of all processes
  --help         this text

All traffic stays on 127.0.0.0/8. Exit code 0: every claim that was tried held.
`;

export type ProofOptions = {
  users: number;
  short: boolean;
  only: readonly string[];
  faults: readonly string[];
  seed: number;
  json: string;
  html: string;
  verbose: boolean;
  help: boolean;
};

/** Kernel and both ends of a WebSocket, measured; and what the shop and its servers take by themselves. */
const bytesPerUser = 22 * 1024;
const baseBytes = 2.5 * 1024 ** 3;
export const bytesFor = (users: number) => baseBytes + users * bytesPerUser;
export const mostUsersOf = (memoryBytes: number) =>
  Math.max(0, Math.floor((memoryBytes - baseBytes) / bytesPerUser));

/** @throws StartError naming the option, its rule and what was given */
export function parseProofOptions(args: string[], memoryBytes = totalmem()): ProofOptions {
  const { values } = readArgs('npm run proof', args, {
    users: { type: 'string' },
    short: { type: 'boolean', default: false },
    only: { type: 'string' },
    faults: { type: 'string' },
    seed: { type: 'string' },
    json: { type: 'string', default: 'proof.json' },
    html: { type: 'string', default: 'proof.html' },
    verbose: { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
  });
  const short = values.short;
  const users = numeric('users', values.users, short ? 5_000 : 150_000, 1, 1_000_000);
  const most = mostUsersOf(memoryBytes);
  if (users > most) {
    const gib = (memoryBytes / 1024 ** 3).toFixed(0);
    throw new StartError(
      `Expected \`--users\` to be at most ${most} on this machine of ${gib} GiB, got ${users}.`,
    );
  }
  return {
    ...values,
    users,
    only: some('only', values.only, scenarioNames),
    faults: some(
      'faults',
      values.faults,
      faults.map(({ name }) => name),
    ),
    seed: numeric('seed', values.seed, Math.floor(Math.random() * 2 ** 31), 0, 2 ** 32 - 1),
  };
}

function some(option: string, text: string | undefined, known: readonly string[]): string[] {
  const names = (text ?? known.join(',')).split(',').map((name) => name.trim());
  const unknown = names.find((name) => !known.includes(name));
  if (unknown === undefined) return names;
  throw new StartError(
    `Expected \`--${option}\` to name some of ${known.join(', ')}, got "${unknown}".`,
  );
}
