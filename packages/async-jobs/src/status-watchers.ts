import type { RedisLike, RedisSubscriberLike } from './redis-status.ts';
import { ORDER_LENGTH } from './status.ts';

/** One reader of one key: an async iterator of `<order><JSON>` texts that only ever moves forward. */
export interface Watcher extends AsyncIterable<string> {
  close(): void;
}

/** Readers of one key and the state of its subscription. */
interface Channel {
  readonly readers: Set<Reader>;
  subscribed: Promise<unknown>;
}

/**
 * All readers of a process on one subscriber connection. A channel is subscribed to before its
 * snapshot is read, so that nothing falls between; after a lost connection every snapshot is read
 * anew, for what was published meanwhile is gone.
 */
export class StatusWatchers {
  readonly #redis: RedisLike;
  readonly #channels = new Map<string, Channel>();
  readonly #listeners = new Map<string, { told(text: string): void; ready(): void }>();
  #subscriber: RedisSubscriberLike | null = null;
  #closed = false;

  constructor(redis: RedisLike) {
    this.#redis = redis;
  }

  open(key: string, signal?: AbortSignal): Watcher {
    const reader = new Reader(() => this.#leave(key, reader), signal);
    if (this.#closed) {
      reader.close();
      return reader;
    }
    const channel = this.#join(key);
    channel.readers.add(reader);
    void channel.subscribed.then(() => this.#snapshot(key, reader));
    return reader;
  }

  /** Hears a channel; `ready` is called when it listens, and again after every lost connection. */
  async listen(
    channel: string,
    told: (text: string) => void,
    ready: () => void,
  ): Promise<() => void> {
    this.#listeners.set(channel, { told, ready });
    await this.#subscribe(channel);
    ready();
    return () => {
      this.#listeners.delete(channel);
      this.#subscriber?.unsubscribe(channel).catch(() => {}); // gone with its connection
    };
  }

  close(): void {
    this.#closed = true;
    for (const { readers } of [...this.#channels.values()]) {
      for (const reader of [...readers]) reader.close();
    }
    this.#subscriber?.disconnect();
    this.#subscriber = null;
  }

  #join(key: string): Channel {
    let channel = this.#channels.get(key);
    if (!channel) {
      channel = { readers: new Set(), subscribed: this.#subscribe(key) };
      this.#channels.set(key, channel);
    }
    return channel;
  }

  #leave(key: string, reader: Reader): void {
    const channel = this.#channels.get(key);
    if (!channel?.readers.delete(reader) || channel.readers.size > 0) return;
    this.#channels.delete(key);
    this.#subscriber?.unsubscribe(key).catch(() => {}); // the connection is gone, and the subscription with it
  }

  async #subscribe(key: string): Promise<void> {
    // Refused while Redis is away: the subscription is repeated when the connection is ready
    await this.#connection()
      .subscribe(key)
      .catch(() => {});
  }

  #connection(): RedisSubscriberLike {
    if (this.#subscriber) return this.#subscriber;
    const subscriber = this.#redis.duplicate();
    this.#subscriber = subscriber;
    subscriber.on('error', () => {}); // the client reconnects by itself
    subscriber.on('message', (key: string, text: string) => {
      this.#listeners.get(key)?.told(text);
      const readers = this.#channels.get(key)?.readers ?? [];
      for (const reader of readers) reader.offer(text);
    });
    subscriber.on('ready', () => this.#resume());
    return subscriber;
  }

  #resume(): void {
    for (const [channel, { ready }] of this.#listeners) void this.#subscribe(channel).then(ready);
    for (const [key, channel] of this.#channels) {
      channel.subscribed = this.#subscribe(key);
      void channel.subscribed.then(() => {
        for (const reader of channel.readers) void this.#snapshot(key, reader);
      });
    }
  }

  async #snapshot(key: string, reader: Reader): Promise<void> {
    try {
      const text = await this.#redis.get(key);
      if (text !== null) reader.offer(text);
    } catch {
      // Redis is away: read again when the connection is ready
    }
  }
}

/** Holds the latest text that was not read yet, and nothing older: a slow reader costs one text. */
class Reader implements Watcher {
  readonly #onClose: () => void;
  readonly #signal: AbortSignal | undefined;
  readonly #abort = (): void => this.close();
  #latest: string | null = null;
  #order = '';
  #closed = false;
  #wake: () => void = () => {};

  constructor(onClose: () => void, signal: AbortSignal | undefined) {
    this.#onClose = onClose;
    this.#signal = signal;
    signal?.addEventListener('abort', this.#abort, { once: true });
    if (signal?.aborted) this.#closed = true;
  }

  offer(text: string): void {
    const order = text.slice(0, ORDER_LENGTH);
    if (order <= this.#order) return;
    this.#order = order;
    this.#latest = text;
    this.#wake();
  }

  close(): void {
    this.#closed = true;
    this.#signal?.removeEventListener('abort', this.#abort);
    this.#onClose();
    this.#wake();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<string> {
    while (!this.#closed) {
      if (this.#latest === null) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
        continue;
      }
      const text = this.#latest;
      this.#latest = null;
      yield text;
    }
  }
}
