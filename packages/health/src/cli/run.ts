import { planCapacity } from '../plan/plan-capacity.ts';
import { planConnections } from '../plan/plan-connections.ts';
import { planProbes } from '../plan/plan-probes.ts';
import { errorText } from '../redact.ts';
import { type Ask, askPlan, type PlanName } from './questions.ts';
import { type Rendered, renderCapacity, renderConnections, renderProbes } from './render.ts';

/** What the command line has to do with the world. */
export interface Terminal {
  /** Asks in a terminal; undefined when there is nobody to ask. */
  readonly ask: Ask | undefined;
  /** The text of a file, or of standard input for `-`. */
  read(path: string): Promise<string>;
  write(text: string): void;
  writeError(text: string): void;
}

export const HELP = `evenkeel-plan: the arithmetic before the load comes

  evenkeel-plan connections [plan.json]   connections of every deploy against every database
  evenkeel-plan capacity    [plan.json]   from daily users to instances and zones
  evenkeel-plan probes      [plan.json]   Kubernetes probes and grace period

  plan.json   the plan; "-" reads standard input; without it the questions are asked in the terminal
  --json      the whole plan as JSON
  --env       lines to paste: pool sizes, PgBouncer, instances, grace period
  --help      this

  exit code   0 all is well   1 it does not fit, or the plan is wrong   2 it fits, with warnings`;

const PLANS: Readonly<
  Record<
    PlanName,
    (input: never) => { readonly exitCode: 0 | 1 | 2; readonly rendered: () => Rendered }
  >
> = {
  connections(input) {
    const plan = planConnections(input);
    return { ...plan, rendered: () => renderConnections(plan) };
  },
  capacity(input) {
    const plan = planCapacity(input);
    return { ...plan, rendered: () => renderCapacity(plan) };
  },
  probes(input) {
    const plan = planProbes(input);
    return { ...plan, rendered: () => renderProbes(plan) };
  },
};

/** Runs the command line; resolves with its exit code. Never rejects. */
export async function run(words: readonly string[], terminal: Terminal): Promise<0 | 1 | 2> {
  const flags = words.filter((word) => word.startsWith('--'));
  const [name, path, ...more] = words.filter((word) => !word.startsWith('--'));
  if (flags.includes('--help')) {
    terminal.write(HELP);
    return 0;
  }
  try {
    const unknown = flags.find((flag) => flag !== '--json' && flag !== '--env');
    if (unknown !== undefined)
      throw new RangeError(`Expected --json, --env or --help, got ${unknown}`);
    if (flags.length > 1) throw new RangeError('Expected either --json or --env, got both');
    if (name === undefined || !Object.hasOwn(PLANS, name) || more.length > 0) {
      throw new RangeError(
        `Expected one of ${Object.keys(PLANS).join(', ')} and at most one file\n\n${HELP}`,
      );
    }
    const input = await inputOf(name as PlanName, path, terminal);
    const { rendered, ...plan } = PLANS[name as PlanName](input as never);
    if (flags.includes('--json')) terminal.write(JSON.stringify(plan, finite, 2));
    else if (flags.includes('--env')) terminal.write(rendered().env);
    else terminal.write(rendered().table);
    return plan.exitCode;
  } catch (error) {
    terminal.writeError(error instanceof RangeError ? error.message : errorText(error));
    return 1;
  }
}

async function inputOf(
  name: PlanName,
  path: string | undefined,
  terminal: Terminal,
): Promise<unknown> {
  if (path !== undefined) return JSON.parse(await terminal.read(path));
  if (terminal.ask === undefined) {
    throw new RangeError('Expected a file, or a terminal to ask in, got neither');
  }
  return askPlan(name, terminal.ask);
}

/** JSON has no Infinity: an overloaded pool's wait is null, and OVERLOADED says why. */
function finite(_: string, value: unknown): unknown {
  return value === Number.POSITIVE_INFINITY ? null : value;
}
