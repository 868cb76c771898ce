/** One question of a terminal session; an empty answer is the default. */
interface Question {
  readonly field: string;
  readonly text: string;
  readonly fallback: string;
}

/** Asks one question and resolves with the line that was typed. */
export type Ask = (prompt: string) => Promise<string>;

/** Which plan a command makes. */
export type PlanName = 'connections' | 'capacity' | 'probes';

const q = (field: string, text: string, fallback: string): Question => ({ field, text, fallback });

const QUESTIONS: Readonly<Record<PlanName, readonly Question[]>> = {
  connections: [
    q('engine', 'Engine, postgresql or mysql', 'postgresql'),
    q('maxConnections', 'Connections that the server takes', '500'),
    q('instances', 'Instances at the peak', '10'),
    q('pool', 'Connections of one instance', '10'),
    q('maxSurge', 'Extra instances of a rolling update', '25%'),
    q('terminating', 'Old instances that still drain', '100%'),
    q('queriesPerSecond', 'Queries a second of one instance', '100'),
    q('queryMs', 'Milliseconds of one query', '20'),
  ],
  capacity: [
    q('dailyUsers', 'Users a day', '300000'),
    q('peakHourShare', 'Part of them in the busiest hour', '0.5'),
    q('sessionMinutes', 'Minutes that one stays', '60'),
    q('secondsBetweenRequests', 'Seconds between two requests of a user', '10'),
    q('zones', 'Zones', '3'),
    q('cpuMs', 'CPU of one request in ms', '5'),
    q('instances', 'Instances now', '3'),
  ],
  probes: [
    q('startupSeconds', 'Seconds from start until it can serve', '30'),
    q('requestSeconds', 'Seconds of the slowest request in 1,000', '5'),
    q('jobSeconds', 'Seconds that a job at hand may still take', '0'),
    q('drainDelaySeconds', 'Seconds until endpoints have forgotten a pod', '5'),
    q('failAfter', 'failAfter of the checks', '3'),
  ],
};

/** A number where one was typed, else the text: what is wrong with it, the plan says. */
function numberOrText(text: string): string | number {
  return text !== '' && Number.isFinite(Number(text)) ? Number(text) : text;
}

/** Asks for the fields of a small plan, one service and one database. */
export async function askPlan(name: PlanName, ask: Ask): Promise<unknown> {
  const answers: Record<string, string | number> = {};
  for (const { field, text, fallback } of QUESTIONS[name]) {
    const typed = (await ask(`${text} [${fallback}]: `)).trim();
    answers[field] = numberOrText(typed === '' ? fallback : typed);
  }
  if (name === 'probes') return answers;
  if (name === 'capacity') {
    const { cpuMs, instances, ...rest } = answers;
    return { ...rest, services: [{ name: 'app', cpuMs, instances }] };
  }
  const { engine, maxConnections, ...service } = answers;
  return {
    databases: [{ name: 'database', engine, maxConnections }],
    services: [{ name: 'app', ...service }],
  };
}
