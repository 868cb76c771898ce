import { type Clock, within } from './clock.ts';
import { TransportTimeoutError } from './errors.ts';
import type { OutgoingRecord } from './transport.ts';

const DISCARD_AFTER = 3;
// Of payload; with keys and headers it stays below the broker's default of 1 MiB a batch
const MAX_REQUEST_BYTES = 256 * 1024;
/** Requests whose records are larger than this on average are compressed. */
export const GZIP_FROM_BYTES = 1024;
/** A request with few batches is cheaper for both sides: so many records without a key stay together. */
export const TOGETHER = 64;

/** What a driver does for a `SendQueue`. */
export interface Sender {
  /** Resolves when a client is connected. */
  connect(): Promise<unknown>;
  /** Sends records of one topic in one request; resolves when all in-sync replicas have them. */
  send(records: readonly OutgoingRecord[], timeoutMs: number): Promise<void>;
  /** Throws the client away: it has failed too often. */
  discard(): void;
}

/** The records of one call of `send` for one topic, waiting for their acknowledgement. */
interface Call {
  readonly records: readonly OutgoingRecord[];
  readonly timeoutMs: number;
  readonly acked: () => void;
  readonly failed: (error: unknown) => void;
  /** The caller waits no more: not to be sent any more. */
  late: boolean;
}

/**
 * What keeps a producer from hanging, whichever client it is: every send has an outer limit,
 * because a frozen broker makes clients wait for minutes, and after three failures in a row the
 * client is replaced, because dead sockets do not recover.
 *
 * Per topic one request is under way at a time, with everything that was to be sent when it
 * began: calls made at the same time share a request, and the order of calls is the order in the
 * log. A topic that is missing or stuck holds up no other.
 */
export class SendQueue {
  readonly #sender: Sender;
  readonly #clock: Clock;
  readonly #waiting = new Map<string, Call[]>();
  #failures = 0;

  constructor(sender: Sender, clock: Clock) {
    this.#sender = sender;
    this.#clock = clock;
  }

  /** Resolves when all in-sync replicas have all records; of none, when it is connected. @throws TransportTimeoutError */
  async send(records: readonly OutgoingRecord[], timeoutMs: number): Promise<void> {
    if (records.length === 0) {
      await this.#within(timeoutMs, this.#sender.connect());
      return;
    }
    const topics = new Map<string, OutgoingRecord[]>();
    for (const record of records) {
      const list = topics.get(record.topic);
      if (list) list.push(record);
      else topics.set(record.topic, [record]);
    }
    await Promise.all([...topics].map(([topic, list]) => this.#enqueue(topic, list, timeoutMs)));
  }

  #enqueue(topic: string, records: OutgoingRecord[], timeoutMs: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const limit = this.#clock.setTimeout(() => {
        call.late = true;
        reject(new TransportTimeoutError('Sending to Kafka', timeoutMs));
      }, timeoutMs);
      const call: Call = {
        records,
        timeoutMs,
        acked: () => {
          this.#clock.clearTimeout(limit);
          resolve();
        },
        failed: (error) => {
          this.#clock.clearTimeout(limit);
          reject(error);
        },
        late: false,
      };
      const waiting = this.#waiting.get(topic);
      if (waiting) {
        waiting.push(call);
        return;
      }
      const opened = [call];
      this.#waiting.set(topic, opened);
      void this.#work(topic, opened);
    });
  }

  async #work(topic: string, waiting: Call[]): Promise<void> {
    await Promise.resolve(); // calls of the same turn of the event loop go together
    while (waiting.length > 0) {
      const calls = take(waiting);
      if (calls.length === 0) continue;
      try {
        await this.#request(calls);
        for (const call of calls) call.acked();
      } catch (error) {
        if (calls.length === 1 || error instanceof TransportTimeoutError) {
          for (const call of calls) call.failed(error);
        } else {
          // One record may be to blame, say for its size: the others must not suffer for it
          for (const call of calls) await this.#request([call]).then(call.acked, call.failed);
        }
      }
    }
    this.#waiting.delete(topic);
  }

  async #request(calls: readonly Call[]): Promise<void> {
    const timeoutMs = Math.max(...calls.map((call) => call.timeoutMs));
    const records = calls.flatMap((call) => call.records);
    try {
      await this.#within(timeoutMs, this.#sender.send(records, timeoutMs));
      this.#failures = 0;
    } catch (error) {
      this.#failures++;
      if (this.#failures >= DISCARD_AFTER) {
        this.#failures = 0;
        this.#sender.discard();
      }
      throw error;
    }
  }

  #within<T>(timeoutMs: number, promise: Promise<T>): Promise<T> {
    const late = () => new TransportTimeoutError('Sending to Kafka', timeoutMs);
    return within(this.#clock, timeoutMs, promise, late);
  }
}

/** Bytes of payload of a record, on average. */
export function meanBytes(records: readonly OutgoingRecord[]): number {
  let bytes = 0;
  for (const { value } of records) bytes += value.length;
  return bytes / records.length;
}

/** Takes the calls of the next request out: the oldest, and those after it that fit. */
function take(waiting: Call[]): Call[] {
  let count = 0;
  for (let bytes = 0; count < waiting.length && bytes < MAX_REQUEST_BYTES; count++) {
    for (const { value } of (waiting[count] as Call).records) bytes += value.length;
  }
  return waiting.splice(0, count).filter(({ late }) => !late);
}
