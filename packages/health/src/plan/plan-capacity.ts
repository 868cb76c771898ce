import { digits, exitCodeOf, type Finding } from './finding.ts';
import { Fields, requireUnique } from './input.ts';

/** What one service costs and has. */
export interface CapacityServiceInput {
  readonly name: string;
  /** Its requests for each one of a user; default 1. */
  readonly share?: number;
  /** CPU of one request in ms, measured. */
  readonly cpuMs: number;
  /** Cores of an instance that Node can use; default 1. */
  readonly cores?: number;
  /** What it runs with now, to be judged; default unknown. */
  readonly instances?: number;
}

/** What `planCapacity` reckons with. */
export interface CapacityInput {
  readonly dailyUsers: number;
  /** Part of them that comes in the busiest hour, in (0, 1]; default 0.5: a sale that opens at noon. */
  readonly peakHourShare?: number;
  /** How long one stays; default 60. */
  readonly sessionMinutes?: number;
  /** Seconds between two requests of a user; default 10. */
  readonly secondsBetweenRequests?: number;
  /** CPU in use at the peak, in (0, 1); default 0.6: above it waiting grows faster than load. */
  readonly targetUtilisation?: number;
  /** Zones, of which one may be lost; default 3. */
  readonly zones?: number;
  readonly services: readonly CapacityServiceInput[];
}

/** How many instances a service needs. */
export interface CapacityServicePlan {
  readonly name: string;
  readonly requestsPerSecond: number;
  /** Cores at work at the peak, by Little's law. */
  readonly busyCores: number;
  /** For the load alone. */
  readonly needed: number;
  /** So that what is left after the loss of a zone is enough, and every zone has the same. */
  readonly instances: number;
  readonly perZone: number;
  readonly running?: number;
}

/** The whole plan. */
export interface CapacityPlan {
  readonly concurrentUsers: number;
  readonly requestsPerSecond: number;
  /** What the figures rest on, as sentences. */
  readonly assumptions: readonly string[];
  readonly services: readonly CapacityServicePlan[];
  readonly findings: readonly Finding[];
  readonly exitCode: 0 | 1 | 2;
}

/**
 * From daily users to instances: concurrent = arrivals a second x seconds of stay (Little), busy cores = requests a
 * second x CPU of one, instances = what carries them with headroom, and with one zone gone.
 * @throws TypeError or RangeError naming field, rule and value.
 */
export function planCapacity(input: CapacityInput): CapacityPlan {
  const fields = new Fields('plan', input);
  const dailyUsers = fields.integer('dailyUsers', 1, 1e10);
  const share = fields.number('peakHourShare', 0.001, 1, 0.5);
  const minutes = fields.number('sessionMinutes', 0.01, 1_440, 60);
  const between = fields.number('secondsBetweenRequests', 0.001, 86_400, 10);
  const utilisation = fields.number('targetUtilisation', 0.05, 0.95, 0.6);
  const zones = fields.integer('zones', 1, 100, 3);
  const list = fields.list('services').map((service) => {
    const one = {
      name: service.text('name'),
      share: service.number('share', 0, 1_000, 1),
      cpuMs: service.number('cpuMs', 0.001, 3_600_000),
      cores: service.number('cores', 0.1, 1_024, 1),
      running: service.optional('instances', 1, 1_000_000),
    };
    service.end();
    return one;
  });
  fields.end();
  requireUnique(
    'services',
    list.map(({ name }) => name),
  );

  const arrivalsPerSecond = (dailyUsers * share) / 3_600;
  // Whoever comes in a day is the most that can be there.
  const concurrentUsers = Math.min(dailyUsers, Math.round(arrivalsPerSecond * minutes * 60));
  const requestsPerSecond = concurrentUsers / between;
  const findings: Finding[] = [];
  const services = list.map(({ name, share: times, cpuMs, cores, running }) => {
    const rate = requestsPerSecond * times;
    const busyCores = (rate * cpuMs) / 1_000;
    const needed = Math.max(1, Math.ceil(busyCores / (cores * utilisation)));
    const perZone = zones === 1 ? needed : Math.ceil(needed / (zones - 1));
    const plan: CapacityServicePlan = {
      name,
      requestsPerSecond: rate,
      busyCores,
      needed,
      instances: perZone * zones,
      perZone,
      ...(running !== undefined && { running }),
    };
    findings.push(...judge(plan, zones));
    return plan;
  });
  return {
    concurrentUsers,
    requestsPerSecond,
    assumptions: [
      `${digits(share * 100)} % of ${digits(dailyUsers)} daily users come in the busiest hour: ${digits(arrivalsPerSecond)} arrivals a second`,
      `each stays ${digits(minutes)} minutes: ${digits(concurrentUsers)} at the same time (Little's law)`,
      `each sends a request every ${digits(between)} s: ${digits(requestsPerSecond)} requests a second`,
      `CPU is to be ${digits(utilisation * 100)} % busy at the peak`,
      zones === 1
        ? 'there is one zone, and its loss is the loss of all'
        : `one of ${zones} zones may be lost at the peak`,
    ],
    services,
    findings,
    exitCode: exitCodeOf(findings),
  };
}

function judge(plan: CapacityServicePlan, zones: number): readonly Finding[] {
  const { name: subject, running, needed, instances } = plan;
  if (running === undefined) return [];
  const findings: Finding[] = [];
  const add = (severity: Finding['severity'], code: string, message: string, remedy: string) =>
    void findings.push({ severity, code, subject, message, remedy });
  const largest = Math.ceil(running / zones);
  const remedy = `${instances} instances, ${plan.perZone} in each of ${zones} zones`;
  if (running < needed) {
    add('error', 'TOO_FEW', `${running} instances, the peak needs ${needed}`, remedy);
  } else if (zones > 1 && running - largest < needed) {
    const message = `with the largest zone lost ${running - largest} of ${running} instances are left, the peak needs ${needed}`;
    add('warning', 'ZONE_LOSS', message, remedy);
  }
  if (zones > 1 && running % zones !== 0) {
    const percent = Math.round((largest / running) * 100);
    const message = `${running} instances over ${zones} zones are uneven: one zone takes ${percent} % of them along`;
    const even = Math.ceil(running / zones) * zones;
    add('warning', 'ZONE_UNEVEN', message, `a multiple of ${zones}, such as ${even}`);
  }
  if (running > instances * 2) {
    const times = digits(running / instances);
    add(
      'warning',
      'TOO_MANY',
      `${running} instances, ${times} times what the peak and a lost zone need`,
      remedy,
    );
  }
  return findings;
}
