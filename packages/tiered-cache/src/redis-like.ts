/**
 * What is called of a Redis client: ioredis 5 or 6 (single or Cluster), or iovalkey. It is never configured or closed;
 * `duplicate` makes the connection that follows the log, and that one is ours.
 */
export interface RedisLike {
  get(key: string): Promise<string | null>;
  mget(...keys: string[]): Promise<(string | null)[]>;
  eval(script: string, keyCount: number, ...args: (string | number)[]): Promise<unknown>;
  evalsha(sha: string, keyCount: number, ...args: (string | number)[]): Promise<unknown>;
  ping(): Promise<unknown>;
  /** Of a single Redis the options that differ; of a Cluster the nodes, none for the same, then the options. */
  duplicate(override?: object, options?: object): LogConnection;
  /** Of a Cluster. */
  readonly isCluster?: boolean;
  readonly options?: object;
}

/** The connection that follows the log: made by `duplicate()`, closed by the cache. */
export interface LogConnection {
  get(key: string): Promise<string | null>;
  xread(
    count: 'COUNT',
    most: number,
    block: 'BLOCK',
    ms: number,
    streams: 'STREAMS',
    key: string,
    id: string,
  ): Promise<unknown>;
  xrevrange(key: string, end: '+', start: '-', count: 'COUNT', most: number): Promise<unknown>;
  disconnect(): void;
  on(event: 'error', listener: (error: Error) => void): unknown;
}

/** The chain as this process sees it. */
export type RedisTopology =
  /** One Redis for all. */
  | RedisLike
  /** Writes go to `master`, reads to `near`, a replica of it, direct or through others. */
  | { master: RedisLike; near: RedisLike }
  /** Reads go to `regions[region]`; when that one fails, to `global`, which must be upstream of it. */
  | { master: RedisLike; global: RedisLike; regions: Record<string, RedisLike>; region: string };

/** Where the data of a namespace must stay. */
export interface Residency {
  /** Processes of any other region are refused: what they read would leave it. */
  region: string;
  /** A Redis of that region which is no part of the chain, whose replicas are everywhere. */
  redis: RedisLike;
}
