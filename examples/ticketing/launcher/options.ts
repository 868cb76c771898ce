import { type ParseArgsConfig, parseArgs } from 'node:util';

export const help = `npm start [-- options]

Runs the whole ticket shop on this machine, on a real Redis, PostgreSQL and Kafka, without Docker:
starts the three (or uses REDIS_URL, DATABASE_URL, KAFKA_BROKERS), builds the pages, starts the
gateway, the payments worker and a stand-in for the payment provider, and sells a first ticket.

  --port N             where the shop listens (default 8080; 0 takes any free port)
  --psp-latency-ms N   how long the payment provider thinks about a charge (default 2000)
  --psp-error-rate R   share of its answers that are errors, 0 to 1 (default 0)
  --no-first-ticket    do not sell a ticket at the start
  --once               stop after the first ticket; exit code 0 when it was sold
  --full               the topology of compose.yaml: Redis master -> global -> us, uk, au, PostgreSQL
                       with a replica, Varnish where installed, two or more processes of every service
  --control            open the control room, which breaks things; prints its address and token
  --verbose            show the logs of all processes
  --help               this text

Ctrl-C stops everything: the shop finishes what it has begun, then the servers stop.
`;

export type Options = {
  port: number;
  pspLatencyMs: number;
  pspErrorRate: number;
  firstTicket: boolean;
  once: boolean;
  full: boolean;
  control: boolean;
  verbose: boolean;
  help: boolean;
};

/** A failure with a cause and a remedy in a sentence each; its stack would tell the user nothing. */
export class StartError extends Error {
  override readonly name = 'StartError';
}

/** @throws StartError naming the option, its rule and what was given */
export function parseOptions(args: string[]): Options {
  const { values } = readArgs('npm start', args, {
    port: { type: 'string' },
    'psp-latency-ms': { type: 'string' },
    'psp-error-rate': { type: 'string' },
    'no-first-ticket': { type: 'boolean', default: false },
    once: { type: 'boolean', default: false },
    full: { type: 'boolean', default: false },
    control: { type: 'boolean', default: false },
    verbose: { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
  });
  const options: Options = {
    port: numeric('port', values.port, 8080, 0, 65_535),
    pspLatencyMs: numeric('psp-latency-ms', values['psp-latency-ms'], 2_000, 0, 600_000),
    pspErrorRate: numeric('psp-error-rate', values['psp-error-rate'], 0, 0, 1),
    firstTicket: !values['no-first-ticket'],
    once: values.once,
    full: values.full,
    control: values.control,
    verbose: values.verbose,
    help: values.help,
  };
  if (options.once && !options.firstTicket) {
    throw new StartError(
      '--once sells a first ticket, --no-first-ticket forbids it: leave one out.',
    );
  }
  return options;
}

/** Of a command whose `--help` tells the rest. @throws StartError */
export function readArgs<const Known extends NonNullable<ParseArgsConfig['options']>>(
  command: string,
  args: string[],
  options: Known,
) {
  try {
    return parseArgs({ args, options });
  } catch (error) {
    const [sentence = ''] = (error as Error).message.split(/\.\s/);
    throw new StartError(
      `${sentence.replace(/\.$/, '')}. \`${command} -- --help\` lists the options.`,
    );
  }
}

/** A whole number, unless it is a share of one. @throws StartError */
export function numeric(
  name: string,
  text: string | undefined,
  fallback: number,
  min: number,
  max: number,
) {
  if (text === undefined) return fallback;
  const value = Number(text);
  const whole = max > 1 ? Number.isInteger(value) : true;
  if (text.trim() !== '' && whole && value >= min && value <= max) return value;
  const kind = max > 1 ? 'a whole number' : 'a number';
  throw new StartError(
    `Expected \`--${name}\` to be ${kind} from ${min} to ${max}, got "${text}".`,
  );
}
