import type { Clock } from './clock.ts';
import { TransportTimeoutError } from './errors.ts';
import type { OutgoingRecord } from './transport.ts';
import { within } from './within.ts';

const DISCARD_AFTER = 3;
// Counted in characters where it is text, of up to three bytes each: with what frames the records a
// request stays below the broker's default limit of 1 MiB a batch
const MAX_REQUEST_BYTES = 256 * 1024;
const RECORD_BYTES = 64;
/** Requests whose records are larger than this on average are compressed. */
export const GZIP_FROM_BYTES = 1024;
/** A request with few batches is cheaper for both sides: so many records without a key stay together. */
export const TOGETHER = 256;

/** What a driver does for a `SendQueue`. */
export interface Sender {
  /** Resolves when a client is connected. */
  connect(): Promise<unknown>;
  /** Sends records of one topic in one request; resolves when all in-sync replicas have them. */
  send(records: readonly OutgoingRecord[], timeoutMs: number): Promise<void>;
  /** Throws the client away: it has failed too often. */
  discard(): void;
}

/** One call of `send` for one topic, waiting for the acknowledgement of its records. */
interface Call {
  readonly timeoutMs: number;
  /** Told for each of its pieces. */
  readonly stored: () => void;
  readonly failed: (error: unknown) => void;
  /** The caller waits no more: what is left of it is not sent any more. */
  isOver: boolean;
}

/** Records of a call that are sent together. */
interface Piece {
  readonly call: Call;
  readonly records: readonly OutgoingRecord[];
  readonly bytes: number;
}

/**
 * What keeps a producer from hanging, whichever client it is: every send has an outer limit,
 * because a frozen broker makes clients wait for minutes, and after three failures in a row the
 * client is replaced, because dead sockets do not recover.
 *
 * Per topic one request is under way at a time, with everything that was to be sent when it
 * began, up to 256 KiB: calls made at the same time share a request, a large one is sent piece by
 * piece, and the order of calls is the order in the log. A topic that is missing or stuck holds up
 * no other.
 */
export class SendQueue {
  readonly #sender: Sender;
  readonly #clock: Clock;
  readonly #waiting = new Map<string, Piece[]>();
  #failures = 0;

  constructor(sender: Sender, clock: Clock) {
    this.#sender = sender;
    this.#clock = clock;
  }

  /** Resolves when all in-sync replicas have all records; of none, when it is connected. @throws TransportTimeoutError */
  send(records: readonly OutgoingRecord[], timeoutMs: number): Promise<void> {
    if (records.length === 0) return this.#within(timeoutMs, this.#sender.connect()).then(done);
    const { topic } = records[0] as OutgoingRecord;
    if (records.every((record) => record.topic === topic)) {
      return this.#enqueue(topic, records, timeoutMs);
    }
    const topics = new Map<string, OutgoingRecord[]>();
    for (const record of records) {
      const list = topics.get(record.topic);
      if (list) list.push(record);
      else topics.set(record.topic, [record]);
    }
    const calls = [...topics].map(([topic, list]) => this.#enqueue(topic, list, timeoutMs));
    return Promise.all(calls).then(done);
  }

  #enqueue(topic: string, records: readonly OutgoingRecord[], timeoutMs: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const end = (settle: () => void): void => {
        this.#clock.clearTimeout(limit);
        call.isOver = true;
        settle();
      };
      const call: Call = {
        timeoutMs,
        stored: () => {
          if (--left === 0) end(resolve);
        },
        failed: (error) => end(() => reject(error)),
        isOver: false,
      };
      const pieces = cut(records, call);
      let left = pieces.length;
      const late = () => call.failed(new TransportTimeoutError('Sending to Kafka', timeoutMs));
      const limit = this.#clock.setTimeout(late, timeoutMs);
      const waiting = this.#waiting.get(topic);
      if (waiting) {
        waiting.push(...pieces);
        return;
      }
      this.#waiting.set(topic, pieces);
      void this.#work(topic, pieces);
    });
  }

  async #work(topic: string, waiting: Piece[]): Promise<void> {
    await Promise.resolve(); // calls of the same turn of the event loop go together
    while (waiting.length > 0) {
      const pieces = take(waiting);
      if (pieces.length === 0) continue;
      try {
        await this.#request(pieces);
        for (const { call } of pieces) call.stored();
      } catch (error) {
        if (pieces.length === 1 || error instanceof TransportTimeoutError) {
          for (const { call } of pieces) call.failed(error);
        } else await this.#requestEach(pieces);
      }
    }
    this.#waiting.delete(topic);
  }

  /** One record may have been to blame, say for its size: the other calls must not suffer for it. */
  async #requestEach(pieces: readonly Piece[]): Promise<void> {
    for (const piece of pieces) {
      const { call } = piece;
      if (!call.isOver) await this.#request([piece]).then(call.stored, call.failed);
    }
  }

  async #request(pieces: readonly Piece[]): Promise<void> {
    const timeoutMs = Math.max(...pieces.map(({ call }) => call.timeoutMs));
    const records = pieces.flatMap((piece) => piece.records);
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
    return within(this.#clock, timeoutMs, promise, 'Sending to Kafka');
  }
}

/** Bytes of payload of a record, on average. */
export function meanBytes(records: readonly OutgoingRecord[]): number {
  let bytes = 0;
  for (const { value } of records) bytes += value.length;
  return bytes / records.length;
}

/** Cuts the records of a call into pieces of one request's size; no two that follow each other fit into one. */
function cut(records: readonly OutgoingRecord[], call: Call): Piece[] {
  const pieces: Piece[] = [];
  let from = 0;
  let bytes = 0;
  for (const [i, record] of records.entries()) {
    const size = bytesOf(record);
    if (i > from && bytes + size > MAX_REQUEST_BYTES) {
      pieces.push({ call, records: records.slice(from, i), bytes });
      from = i;
      bytes = 0;
    }
    bytes += size;
  }
  pieces.push({ call, records: from === 0 ? records : records.slice(from), bytes });
  return pieces;
}

function done(): void {}

function bytesOf({ key, value, headers }: OutgoingRecord): number {
  let bytes = RECORD_BYTES + value.length + (key?.length ?? 0);
  for (const name in headers) bytes += name.length + (headers[name] as string).length;
  return bytes;
}

/** Takes the pieces of the next request out: the oldest, and those after it that fit. */
function take(waiting: Piece[]): Piece[] {
  let count = 0;
  let bytes = 0;
  for (const piece of waiting) {
    bytes += piece.bytes;
    if (count > 0 && bytes > MAX_REQUEST_BYTES) break;
    count++;
  }
  return waiting.splice(0, count).filter(({ call }) => !call.isOver);
}
