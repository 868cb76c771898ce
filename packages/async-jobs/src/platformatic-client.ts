import type { Clock } from './clock.ts';
import { TopicMissingError } from './errors.ts';
import { within } from './within.ts';

/** Where the brokers are; `tls`, `sasl` and what else the clients of @platformatic/kafka take go along. */
export interface PlatformaticConnection {
  readonly bootstrapBrokers: readonly string[];
  readonly clientId: string;
  readonly [option: string]: unknown;
}

/**
 * The part of the module `@platformatic/kafka` that is called here, so that neither its code nor
 * its types are needed to load this package.
 */
export interface PlatformaticLike {
  readonly Base: new (
    // biome-ignore lint/suspicious/noExplicitAny: the module declares its own options
    options: any,
  ) => PlatformaticBaseLike;
  readonly Writer: { create(): PlatformaticWriterLike };
  readonly produceV9: {
    readonly api: { readonly key: number; readonly version: number };
    // biome-ignore lint/suspicious/noExplicitAny: the module declares its own reader
    parseResponse(...args: any[]): unknown;
  };
  // biome-ignore lint/suspicious/noExplicitAny: the module declares a union of byte containers
  crc32c(data: any): number;
  readonly kGetApi: symbol;
  readonly kGetConnection: symbol;
  readonly kGetBootstrapConnection: symbol;
}

interface PlatformaticBaseLike {
  close(): Promise<unknown>;
  // biome-ignore lint/suspicious/noExplicitAny: the module declares its own events
  on(event: any, listener: (...args: any[]) => void): unknown;
}

export interface PlatformaticWriterLike {
  append(bytes: Buffer): PlatformaticWriterLike;
}

/** A topic as the brokers know it. */
export interface TopicMetadata {
  readonly id: string;
  /** The node that leads each partition; -1 while none does. */
  readonly leaders: readonly number[];
}

interface MetadataResponse {
  readonly controllerId: number;
  readonly brokers: readonly { nodeId: number; host: string; port: number }[];
  readonly topics: readonly {
    readonly name: string;
    readonly errorCode: number;
    readonly topicId: string;
    readonly partitions: readonly { partitionIndex: number; leaderId: number }[];
  }[];
}

/** An error of the module: of the network, of the protocol, or several together. */
export interface PlatformaticError extends Error {
  readonly apiId?: string;
  readonly canRetry?: boolean;
  readonly errors?: readonly PlatformaticError[];
  // biome-ignore lint/suspicious/noExplicitAny: what the broker answered beside the error
  readonly response?: any;
}

type Callback<T> = (error: Error | null, result?: T) => void;
type Api = (connection: Connection, ...args: unknown[]) => void;

interface Connection {
  send(
    key: number,
    version: number,
    payload: () => unknown,
    parse: unknown,
    requestTags: boolean,
    responseTags: boolean,
    callback: Callback<unknown>,
  ): void;
  close(callback: () => void): void;
}

/** Who only asks needs no more of a client. */
export type PlatformaticAsking = Pick<PlatformaticClient, 'topic' | 'call'>;

// A response that comes after its connection gave up on it breaks the connection: ours give up
// never, and who waits has limits of his own
const REQUEST_TIMEOUT_MS = 10 * 60_000;
const METADATA_MAX_AGE_MS = 60_000;
const CLOSE_WITHIN_MS = 2_000;
const UNKNOWN_TOPIC = 3;
const GROUP = 0;

/**
 * Kafka's protocol, call by call, over the connections of an `@platformatic/kafka` client: it finds
 * brokers, connects, authenticates and chooses versions. Its producer and consumer are not used:
 * they commit no metadata, join a group again before what was running can be committed, and encode
 * a record as slowly as kafkajs.
 */
export class PlatformaticClient {
  readonly #kafka: PlatformaticLike;
  readonly #clock: Clock;
  readonly #base: PlatformaticBaseLike;
  readonly #topics = new Map<string, TopicMetadata & { readonly atMs: number }>();
  #brokers: ReadonlyMap<number, unknown> = new Map();

  constructor(kafka: PlatformaticLike, connection: PlatformaticConnection, clock: Clock) {
    this.#kafka = kafka;
    this.#clock = clock;
    this.#base = new kafka.Base({
      ...connection,
      // The first that accepts a connection is asked, also when it is frozen: another next time
      bootstrapBrokers: [...connection.bootstrapBrokers].sort(() => Math.random() - 0.5),
      requestTimeout: REQUEST_TIMEOUT_MS,
      retries: 0,
    });
    this.#base.on('error', () => {}); // whoever calls is told as well
  }

  /** The topic as known, for a minute, or as it is when asked `anew`. @throws TopicMissingError */
  async topic(name: string, anew = false): Promise<TopicMetadata> {
    const known = this.#topics.get(name);
    const age = this.#clock.now() - (known?.atMs ?? 0);
    if (known && !anew && age >= 0 && age < METADATA_MAX_AGE_MS) return known;
    await this.describe([name]);
    const found = this.#topics.get(name);
    if (!found) throw new TopicMissingError(name);
    return found;
  }

  /** Asks for brokers and topics; gives the controller. A topic that does not exist is left out. */
  async describe(topics: readonly string[]): Promise<number> {
    let failed: PlatformaticError | null = null;
    const answer = await this.call<MetadataResponse>(null, 'Metadata', topics, false, false).catch(
      (error: PlatformaticError) => {
        if (!error.response) throw error;
        failed = error; // some topic or partition is unwell
        return error.response as MetadataResponse;
      },
    );
    this.#brokers = new Map(answer.brokers.map((broker) => [broker.nodeId, broker]));
    const atMs = this.#clock.now();
    for (const { name, errorCode, topicId, partitions } of answer.topics) {
      this.#topics.delete(name);
      if (errorCode === UNKNOWN_TOPIC) continue;
      if (partitions.length === 0) throw failed ?? new TopicMissingError(name); // say, it may not be seen
      const leaders: number[] = [];
      for (const { partitionIndex, leaderId } of partitions) leaders[partitionIndex] = leaderId;
      this.#topics.set(name, { id: topicId, leaders, atMs });
    }
    return answer.controllerId;
  }

  /** Calls an API of the protocol by its name on a broker; on any, when `node` is null. */
  async call<T>(node: number | null, name: string, ...args: unknown[]): Promise<T> {
    const connection = await this.#connection(node);
    const api = await this.#get<Api>(this.#kafka.kGetApi, name);
    return new Promise<T>((resolve, reject) => {
      api(connection, ...args, (error: Error | null, result: T) =>
        error ? reject(error) : resolve(result),
      );
    });
  }

  /** Sends a request to produce whose bytes are ready. */
  async produce<T>(node: number, bytes: Buffer): Promise<T> {
    const connection = await this.#connection(node);
    const { api, parseResponse } = this.#kafka.produceV9;
    const writer = this.#kafka.Writer.create().append(bytes);
    return new Promise<T>((resolve, reject) => {
      connection.send(
        api.key,
        api.version,
        () => writer,
        parseResponse,
        true,
        true,
        (error, result) => (error ? reject(error) : resolve(result as T)),
      );
    });
  }

  /** Lets go of the connection to a broker: a request that it does not answer holds up all that follow. */
  drop(node: number): void {
    this.#connection(node).then(
      (connection) => connection.close(() => {}),
      () => {}, // there is none
    );
  }

  /** The node that coordinates a group. */
  async coordinatorOf(group: string): Promise<number> {
    const { coordinators } = await this.call<{
      readonly coordinators: readonly { readonly key: string; readonly nodeId: number }[];
    }>(null, 'FindCoordinator', GROUP, [group]);
    return coordinators.find(({ key }) => key === group)?.nodeId ?? -1;
  }

  /** Never rejects: a client that cannot be closed was broken already. */
  async close(): Promise<void> {
    await within(this.#clock, CLOSE_WITHIN_MS, this.#base.close(), 'Disconnecting').catch(() => {});
  }

  async #connection(node: number | null): Promise<Connection> {
    if (node === null) return this.#get(this.#kafka.kGetBootstrapConnection);
    if (!this.#brokers.has(node)) await this.describe([]);
    const broker = this.#brokers.get(node);
    if (broker === undefined) throw new Error(`Broker ${node} is not known`);
    return this.#get(this.#kafka.kGetConnection, broker);
  }

  /** Calls a method of the client that its module exports the symbol of. */
  #get<T>(method: symbol, ...args: unknown[]): Promise<T> {
    const methods = this.#base as unknown as Record<symbol, (...args: unknown[]) => void>;
    return new Promise((resolve, reject) => {
      methods[method]?.(...args, (error: Error | null, result: T) =>
        error ? reject(error) : resolve(result),
      );
    });
  }
}

/** Whether there is an error of the protocol with this name in it. */
export function isError(error: unknown, ...ids: readonly string[]): boolean {
  const { apiId, errors } = (error ?? {}) as Partial<PlatformaticError>;
  return (
    (apiId !== undefined && ids.includes(apiId)) ||
    (errors ?? []).some((one) => isError(one, ...ids))
  );
}
