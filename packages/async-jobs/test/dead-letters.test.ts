import { describe, expect, it } from 'vitest';
import {
  CommitError,
  type DeadLetterFilter,
  JobQueue,
  type MemoryTransport,
  memoryTransport,
  type SubscribeOptions,
  type SubscriptionListener,
  type Transport,
} from '../src/index.ts';
import { ManualClock } from './manual-clock.ts';

const TOPIC = 'jobs.default';
const quickly = { ratePerSecond: 1_000_000 };

/** Letters of the jobs a, b, a, b ... in one partition. */
async function withLetters(count: number) {
  const transport = memoryTransport();
  const one = { partitions: 1 };
  await transport.ensureTopics([
    { topic: TOPIC, ...one },
    { topic: `${TOPIC}.dlq`, ...one },
  ]);
  await transport.send(
    Array.from({ length: count }, (_, n) => ({
      topic: `${TOPIC}.dlq`,
      key: null,
      value: '{}',
      headers: { 'job-id': String(n), 'job-name': 'ab'[n % 2] as string, 'dlq-topic': TOPIC },
    })),
    1_000,
  );
  return { transport, ...lettersOf(transport, transport) };
}

function lettersOf(memory: MemoryTransport, transport: Transport, clock?: ManualClock) {
  const queue = new JobQueue({ transport, ...(clock && { clock }) });
  const letters = queue.deadLetters('default');
  const listed = async (filter: DeadLetterFilter = {}) => {
    const ids: string[] = [];
    for await (const { id } of letters.list(filter)) ids.push(id);
    return ids;
  };
  const sent = () => memory.records(TOPIC).map(({ headers }) => headers['job-id']);
  return { letters, listed, sent };
}

/** The transport, which has trouble as soon as a group is joined, and delivers nothing if it lasts. */
function troubled(transport: Transport, isLasting: boolean): Transport {
  return new Proxy(transport, {
    get(target, name) {
      if (name === 'subscribe') {
        return (options: SubscribeOptions, listener: SubscriptionListener) => {
          listener.error(new Error('no leader'));
          const deaf = { ...options, topics: isLasting ? [TOPIC] : options.topics };
          return target.subscribe(deaf, listener);
        };
      }
      const value = Reflect.get(target, name);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

describe('dead letters', () => {
  it('replays none twice when the others lie between them: it stops while all can be remembered', async () => {
    const { letters, listed, sent } = await withLetters(5_000);
    const stopped = await letters.replay({ job: 'a' }, quickly).catch((error) => error);
    expect(stopped).toMatchObject({ code: 'ERR_JOB_LETTERS_SCATTERED', queue: 'default' });
    expect(stopped.taken).toBeGreaterThan(1_000);
    expect(sent()).toHaveLength(stopped.taken);
    expect(await listed({ job: 'a' })).toHaveLength(2_500 - stopped.taken);
    // Again it finds that none fits, and sends none
    await expect(letters.replay({ job: 'a' }, quickly)).rejects.toMatchObject({ taken: 0 });
    // Putting away what lies between makes room
    expect(await letters.purge({ job: 'b' }, { limit: 1_200 })).toBe(1_200);
    await letters.replay({ job: 'a' }, quickly).catch(() => {});
    expect(await letters.purge({ job: 'b' })).toBe(1_300);
    await letters.replay({ job: 'a' }, quickly);
    expect(await listed()).toEqual([]);
    expect(sent()).toHaveLength(2_500);
    expect(new Set(sent()).size).toBe(2_500);
    expect(sent().every((id) => Number(id) % 2 === 0)).toBe(true);
  });

  it('goes on after a trouble that the transport deals with', async () => {
    const { transport } = await withLetters(10);
    const { letters, listed } = lettersOf(transport, troubled(transport, false));
    expect(await listed()).toHaveLength(10);
    expect(await letters.replay({ job: 'b' }, quickly)).toBe(5);
    expect(await listed()).toHaveLength(5);
  });

  it('gives up when nothing comes of it for half a minute', async () => {
    const { transport } = await withLetters(10);
    const clock = new ManualClock();
    const { letters } = lettersOf(transport, troubled(transport, true), clock);
    let ended: unknown = null;
    const purging = letters.purge().catch((error) => {
      ended = error;
    });
    await clock.advance(29_000);
    expect(ended).toBeNull();
    await clock.advance(3_000);
    expect(ended).toMatchObject({ message: 'no leader' });
    await purging;
  });

  it('says so when it could not be remembered what was dealt with', async () => {
    const { transport } = await withLetters(10);
    const forgetful = new Proxy(transport as Transport, {
      get(target, name) {
        const value = Reflect.get(target, name);
        if (name !== 'subscribe') return typeof value === 'function' ? value.bind(target) : value;
        return (options: SubscribeOptions, listener: SubscriptionListener) =>
          Object.assign(target.subscribe(options, listener), {
            commit: () => Promise.reject(new CommitError(options.group)),
          });
      },
    });
    const { letters } = lettersOf(transport, forgetful);
    await expect(letters.purge()).rejects.toMatchObject({ code: 'ERR_COMMIT' });
  });
});
