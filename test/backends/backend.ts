import type { NativeServer } from './native-server.ts';

export type BackendName = 'redis' | 'postgres' | 'kafka';

/** A server that answers, wherever it came from. */
export interface Backend {
  /** `Redis`, `Valkey`, `PostgreSQL`, `Kafka` */
  name: string;
  version: string;
  /** For clients; of Kafka `host:port`, several separated by commas. */
  url: string;
  /** How it was found: `from REDIS_URL`, `container redis:8-alpine`, `native`. */
  how: string;
  /** The process, when it is one of our own. */
  server?: NativeServer;
  /** Stops what we started; does nothing the second time. */
  stop(): Promise<void>;
}
