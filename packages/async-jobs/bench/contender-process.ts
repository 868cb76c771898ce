/** One contender in a process of its own, so that none pays for what the others have loaded. Told by messages what to do. */
import { argv, cpuUsage } from 'node:process';
import { bullmq, type Contender, evenkeel, graphile, pgBoss, type Servers } from './contenders.ts';
import { idleLatency, perSecond, quantile } from './measuring.ts';

/** What is asked for, one after the other. */
export type Task =
  | {
      readonly kind: 'add';
      readonly callers: number;
      readonly bulk: number;
      readonly calls: number;
    }
  | { readonly kind: 'process'; readonly total: number };

export interface Processed {
  readonly perSecond: number;
  readonly cpuMicros: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

const MAKE: Readonly<Record<string, (servers: Servers, id: string) => Promise<Contender>>> = {
  'ours, @platformatic/kafka': (servers, id) => evenkeel(servers, id, '@platformatic/kafka'),
  'ours, kafkajs': (servers, id) => evenkeel(servers, id, 'kafkajs'),
  BullMQ: bullmq,
  'pg-boss': pgBoss,
  'graphile-worker': graphile,
};
export const CONTENDERS: readonly string[] = Object.keys(MAKE);

/** Jobs a second. What is left to do afterwards is not the next one's burden. */
async function add(
  contender: Contender,
  { callers, bulk, calls }: Extract<Task, { kind: 'add' }>,
): Promise<number> {
  const call = (i: number) => (bulk === 1 ? contender.add(i) : contender.addMany(i * bulk, bulk));
  const rate = bulk * (await perSecond(calls, callers, call));
  await contender.settled?.();
  return rate;
}

/** Works off the `total` jobs that were added, then adds some to an idle worker. */
async function work(contender: Contender, total: number): Promise<Processed> {
  let handled = 0;
  let arrived: (at: number) => void = () => {};
  let finished: () => void = () => {};
  const allHandled = new Promise<void>((resolve) => {
    finished = resolve;
  });
  let firstAt = 0;
  let cpu = cpuUsage();
  const stop = await contender.work(() => {
    if (handled === 0) {
      firstAt = performance.now();
      cpu = cpuUsage();
    }
    if (++handled === total) finished();
    else if (handled > total) arrived(performance.now());
  });
  await allHandled;
  await contender.settled?.();
  const seconds = (performance.now() - firstAt) / 1_000;
  const { user, system } = cpuUsage(cpu);
  const latencies = await idleLatency(
    (n) => contender.add(n),
    () =>
      new Promise((resolve) => {
        arrived = resolve;
      }),
  );
  await stop();
  await contender.close();
  return {
    perSecond: total / seconds,
    cpuMicros: (user + system) / total,
    p50Ms: quantile(latencies, 0.5),
    p99Ms: quantile(latencies, 0.99),
  };
}

if (process.send) {
  const [name = '', id = '', servers = '{}'] = argv.slice(2);
  const contender = await (MAKE[name] as (typeof MAKE)[string])(JSON.parse(servers), id);
  process.on('message', async (task: Task) => {
    const answer =
      task.kind === 'add' ? await add(contender, task) : await work(contender, task.total);
    process.send?.(answer);
  });
  process.send?.('ready');
}
