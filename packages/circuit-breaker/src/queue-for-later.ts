import { object, wrongType } from './checks.ts';
import { checkedKinds, type FallbackStep, type StepOptions } from './fallback.ts';

/** Work put aside: what the call was to be made with. */
export interface LaterEntry<A extends readonly unknown[]> {
  /** Two entries of one key are one piece of work: use it as the idempotency key of the call. */
  readonly key: string;
  /** Entries of one lane run one after another, in the order in which they came; default: the key. */
  readonly lane: string;
  /** The `args` of the call. */
  readonly args: A;
}

/**
 * Where work is put aside. {@link LaterQueue} keeps it in memory; a durable queue fits by one line:
 * `{ add: ({ key, args: [mail] }) => jobs.enqueue(sendMail, mail, { idempotencyKey: key }) }`.
 */
export interface LaterSink<A extends readonly unknown[]> {
  /** Takes the entry, or throws. An entry whose key it has already changes nothing. */
  add(entry: LaterEntry<A>): unknown;
}

/** What the caller gets in place of the answer. */
export interface Accepted {
  readonly accepted: true;
  readonly key: string;
}

/** Options of {@link queueForLater}. */
export interface QueueForLaterOptions<A extends readonly unknown[]> extends StepOptions {
  /** Names the work; computed from the `args` of the call. */
  readonly key: (...args: A) => string;
  /** Names what must keep its order, for example the recipient (default: the key, so nothing has to). */
  readonly lane?: ((...args: A) => string) | undefined;
}

/**
 * A fallback step that puts the call aside and answers `{ accepted: true, key }`. Give the call its `args`, or use `wrap`.
 *
 * A call that failed or timed out may have had its effect all the same: `on: ['open', 'bulkhead']` puts aside only what
 * was never tried, and an idempotent receiver makes the rest safe.
 *
 * ```typescript
 * const later = new LaterQueue({ breaker: mail, run: ({ signal }, message: Mail) => send(message, signal) });
 * const sendMail = mail.wrap(send, { fallback: queueForLater(later, { key: (message) => message.id }) });
 * ```
 *
 * @throws TypeError when an option has the wrong type or is unknown
 */
export function queueForLater<A extends readonly unknown[]>(
  sink: LaterSink<A>,
  options: QueueForLaterOptions<A>,
): FallbackStep<Accepted> {
  if (typeof sink?.add !== 'function') throw wrongType('sink', 'an object with `add`', sink);
  object('options', options, ['key', 'lane', 'on']);
  const { key: keyOf, lane: laneOf = keyOf, on } = options;
  if (typeof keyOf !== 'function') throw wrongType('key', 'a function', keyOf);
  if (typeof laneOf !== 'function') throw wrongType('lane', 'a function', laneOf);
  return {
    source: 'queueForLater',
    on: checkedKinds(on),
    answer: async (_error, args) => {
      const key = name('key', keyOf(...(args as A)));
      const lane = name('lane', laneOf(...(args as A)));
      await sink.add({ key, lane, args: args as A });
      return { accepted: true, key };
    },
  };
}

function name(field: string, value: unknown): string {
  if (typeof value !== 'string') throw wrongType(field, 'a function that returns a string', value);
  return value;
}
