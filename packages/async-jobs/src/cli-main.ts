import type { Kafka } from 'kafkajs';
import { count, filterOf, parse, USAGE, UsageError, type Values } from './cli-options.ts';
import { type Output, plain, progressBar, table } from './cli-output.ts';
import { defineJob, JobQueue, JobsError, kafkajsTransport, redisStatus } from './index.ts';
import { deadLetterTopic, topicsAmong, topicsOf } from './topics.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** What a command works with. */
interface Call {
  readonly values: Values;
  /** What follows the command's name. */
  readonly rest: readonly string[];
  readonly env: Environment;
  readonly output: Output;
  readonly kafka: () => Promise<{ readonly queue: JobQueue; readonly client: Kafka }>;
}

const DONE = 0;
const FAILED = 1;
const USAGE_WRONG = 2;
const NOT_FOUND = 3;

const COMMANDS: Readonly<Record<string, (call: Call) => Promise<number>>> = {
  'dlq ls': list,
  'dlq show': show,
  'dlq replay': replay,
  'dlq purge': purge,
  lag,
  'topics ensure': ensureTopics,
  status,
};

/** Runs the command and gives its exit code. Never rejects. */
export async function main(
  args: readonly string[],
  env: Environment,
  output: Output = { out: process.stdout, err: process.stderr },
): Promise<number> {
  const closers: (() => Promise<unknown> | unknown)[] = [];
  try {
    const { values, positionals } = parse(args);
    if (values.help || positionals.length === 0) {
      (values.help ? output.out : output.err).write(USAGE);
      return values.help ? DONE : USAGE_WRONG;
    }
    const words = positionals[0] === 'dlq' || positionals[0] === 'topics' ? 2 : 1;
    const name = positionals.slice(0, words).join(' ');
    const command = COMMANDS[name];
    if (!command) throw new UsageError(`There is no command ${name}`);
    const rest = positionals.slice(words);
    return await command({ values, rest, env, output, kafka: () => connect(values, env, closers) });
  } catch (error) {
    const wrong = error instanceof UsageError;
    output.err.write(`evenkeel-jobs: ${messageOf(error)}\n`);
    if (wrong) output.err.write('evenkeel-jobs --help tells more\n');
    return wrong ? USAGE_WRONG : FAILED;
  } finally {
    for (const close of closers) await close();
  }
}

async function connect(
  values: Values,
  env: Environment,
  closers: (() => Promise<unknown> | unknown)[],
): ReturnType<Call['kafka']> {
  const brokers = values.brokers ?? env.KAFKA_BROKERS;
  if (!brokers) throw new UsageError('Expected --brokers or KAFKA_BROKERS');
  const { Kafka, logLevel } = (await import('kafkajs')).default;
  const { KAFKA_SASL_USERNAME: username, KAFKA_SASL_PASSWORD: password } = env;
  const client = new Kafka({
    clientId: 'evenkeel-jobs',
    brokers: brokers.split(','),
    logLevel: logLevel.NOTHING,
    ssl: env.KAFKA_SSL === '1',
    retry: { retries: 3 },
    ...(username && password && { sasl: { mechanism: 'scram-sha-512', username, password } }),
  });
  const queue = new JobQueue({
    transport: kafkajsTransport(client),
    topicPrefix: values.prefix ?? 'jobs',
  });
  closers.push(() => queue.close());
  return { queue, client };
}

async function list({ values, rest, output, kafka }: Call): Promise<number> {
  const name = only(rest, 'QUEUE');
  const filter = filterOf(values, Date.now());
  const rows: Record<string, unknown>[] = [];
  const limit = count(values, 'limit') ?? 100;
  for await (const letter of (await kafka()).queue.deadLetters(name).list(filter, { limit })) {
    const { at, id, name: job, key, reason, attempts, error } = letter;
    const told = values.json ? error : `${error.name}: ${error.message}`;
    rows.push({ at: at.toJSON(), id, job, key, reason, attempts, error: told });
  }
  table(output, rows, values.json ?? false);
  if (!values.json)
    output.err.write(
      `${rows.length} dead letters${rows.length === limit ? ', there may be more: --limit' : ''}\n`,
    );
  return DONE;
}

async function show({ values, rest, output, kafka }: Call): Promise<number> {
  const [name, id, ...more] = rest;
  if (!name || !id || more.length > 0) throw new UsageError('Expected QUEUE and ID');
  for await (const letter of (await kafka()).queue.deadLetters(name).list({ id }, { limit: 1 })) {
    if (values.json) output.out.write(`${JSON.stringify(letter)}\n`);
    else {
      const { error, headers, payload, ...facts } = letter;
      for (const [field, value] of Object.entries(facts)) {
        output.out.write(
          `${field.padEnd(9)} ${plain(value instanceof Date ? value.toJSON() : value)}\n`,
        );
      }
      output.out.write(
        `headers   ${JSON.stringify(headers)}\npayload   ${JSON.stringify(payload)}\n`,
      );
      output.out.write(`error     ${plain(`${error.name}: ${error.message}`)}\n`);
      for (const line of error.stack.split('\n').slice(1)) output.out.write(`  ${plain(line)}\n`);
    }
    return DONE;
  }
  output.err.write(`evenkeel-jobs: no dead letter ${id} in ${name}\n`);
  return NOT_FOUND;
}

async function replay(call: Call): Promise<number> {
  const { values, rest, output, kafka } = call;
  const name = only(rest, 'QUEUE');
  if (values['dry-run']) return countOnly(call, name, 'would be replayed');
  const ratePerSecond = count(values, 'rate');
  const limit = count(values, 'limit');
  const stop = new AbortController();
  const interrupted = (): void => stop.abort();
  process.once('SIGINT', interrupted);
  try {
    const replayed = await (await kafka()).queue
      .deadLetters(name)
      .replay(filterOf(values, Date.now()), {
        ...(ratePerSecond !== undefined && { ratePerSecond }),
        ...(limit !== undefined && { limit }),
        signal: stop.signal,
        onProgress: ({ seen, total }) => progressBar(output, seen, total),
      });
    tell(call, replayed, 'replayed');
    return stop.signal.aborted ? FAILED : DONE;
  } finally {
    process.removeListener('SIGINT', interrupted);
  }
}

async function purge(call: Call): Promise<number> {
  const { values, rest, kafka } = call;
  const name = only(rest, 'QUEUE');
  if (!values.yes || values['dry-run'])
    return countOnly(call, name, 'would be purged: --yes does it');
  const limit = count(values, 'limit');
  const work = limit === undefined ? {} : { limit };
  tell(
    call,
    await (await kafka()).queue.deadLetters(name).purge(filterOf(values, Date.now()), work),
    'purged',
  );
  return DONE;
}

async function countOnly(call: Call, name: string, what: string): Promise<number> {
  const limit = count(call.values, 'limit');
  const work = limit === undefined ? {} : { limit };
  const letters = (await call.kafka()).queue
    .deadLetters(name)
    .list(filterOf(call.values, Date.now()), work);
  let found = 0;
  for await (const _ of letters) found++;
  tell(call, found, what);
  return DONE;
}

function tell({ values, output }: Call, letters: number, what: string): void {
  output.out.write(
    values.json ? `${JSON.stringify({ letters, what })}\n` : `${letters} dead letters ${what}\n`,
  );
}

async function lag({ values, rest, output, kafka }: Call): Promise<number> {
  const name = only(rest, 'QUEUE');
  const { queue, client } = await kafka();
  const { transport, topicPrefix } = queue;
  const admin = client.admin();
  await admin.connect();
  const existing = await admin.listTopics().finally(() => admin.disconnect());
  const topics = topicsAmong(topicPrefix, name, existing);
  if (topics.length === 0) {
    output.err.write(`evenkeel-jobs: no topic of a queue ${name}\n`);
    return NOT_FOUND;
  }
  const of = `${values.group ?? topicPrefix}.${name}`;
  const groups = { jobs: of, tier: `${of}.retry`, letters: deadLetterTopic(topicPrefix, name) };
  const rows: Record<string, unknown>[] = [];
  for (const { topic, kind } of topics) {
    const group = groups[kind];
    const offsets = await transport.offsets(topic);
    const committed = await transport.committed(group, topic);
    let behind = 0;
    for (const { partition, first, next } of offsets) {
      const at = committed.find((known) => known.partition === partition)?.committed?.offset;
      behind += next - Math.max(first, at ?? first);
    }
    rows.push({ topic, group, partitions: offsets.length, lag: behind });
  }
  table(output, rows, values.json ?? false);
  return DONE;
}

async function ensureTopics({ values, rest, output, kafka }: Call): Promise<number> {
  if (rest.length === 0) throw new UsageError('Expected QUEUE');
  const partitions = count(values, 'partitions');
  const replicationFactor = count(values, 'replication');
  const schema = {
    '~standard': { version: 1, vendor: 'cli', validate: (value: unknown) => ({ value }) },
  } as const;
  const jobs = rest.map((name) =>
    defineJob({
      name: 'any',
      queue: name,
      schema,
      ...(values.priorities && { priority: () => 'normal' as const }),
    }),
  );
  const { queue } = await kafka();
  await queue.ensureTopics(jobs, {
    ...(partitions !== undefined && { partitions }),
    ...(replicationFactor !== undefined && { replicationFactor }),
  });
  const topics = jobs.flatMap((job) => {
    const { jobs: own, tiers, deadLetters } = topicsOf(queue.topicPrefix, job.queue, [job]);
    return [...own.map(({ topic }) => topic), ...tiers.map(({ topic }) => topic), deadLetters];
  });
  table(
    output,
    topics.map((topic) => ({ topic })),
    values.json ?? false,
  );
  return DONE;
}

async function status({ values, rest, env, output }: Call): Promise<number> {
  const id = only(rest, 'ID');
  const url = values.redis ?? env.REDIS_URL;
  if (!url) throw new UsageError('Expected --redis or REDIS_URL');
  const { Redis } = await import('ioredis');
  const redis = new Redis(url, { maxRetriesPerRequest: 2, connectTimeout: 3_000 });
  redis.on('error', () => {}); // told by the command that fails
  try {
    const found = await redisStatus(redis, { prefix: values.prefix ?? 'jobs' }).read(id);
    if (!found) {
      output.err.write(`evenkeel-jobs: no status of job ${id}\n`);
      return NOT_FOUND;
    }
    if (values.json) output.out.write(`${JSON.stringify(found)}\n`);
    else {
      for (const [field, value] of Object.entries(found)) {
        const shown = field === 'atMs' ? new Date(Number(value)).toJSON() : value;
        output.out.write(
          `${field.padEnd(9)} ${plain(typeof shown === 'object' ? JSON.stringify(shown) : shown)}\n`,
        );
      }
    }
    return DONE;
  } finally {
    redis.disconnect();
  }
}

function only(rest: readonly string[], what: string): string {
  const [one, ...more] = rest;
  if (one === undefined || more.length > 0) throw new UsageError(`Expected one ${what}`);
  return one;
}

/** Without addresses that carry passwords. */
function messageOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  const cause = JobsError.is(error) && error.cause ? `: ${String(error.cause)}` : '';
  return plain((text + cause).replace(/\/\/[^@/\s]*@/g, '//...@'));
}
