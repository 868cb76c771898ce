import { OwnConnection, type PgPoolSource } from '../checks/own-connection.ts';
import { errorText } from '../redact.ts';
import type { LagMeter } from './lag-meter.ts';
import type { PgPoolLike } from './pg-like.ts';
import {
  type EjectionRules,
  type Look,
  observeReplica,
  type ReplicaState,
} from './replica-state.ts';
import { type ServerState, toState, WRITTEN_STATE } from './transaction.ts';

/** One more connection beside a pool: through a busy pool one would see the queue and not the server. */
export class Watch {
  readonly #connection: OwnConnection;

  constructor(field: string, pool: PgPoolLike) {
    this.#connection = new OwnConnection(field, pool as PgPoolSource);
  }

  async look(signal: AbortSignal): Promise<ServerState> {
    const rows = await this.#connection.query<Parameters<typeof toState>[0]>(
      WRITTEN_STATE,
      [],
      signal,
    );
    return toState(rows[0] as Parameters<typeof toState>[0]);
  }

  close(): Promise<void> {
    return this.#connection.close();
  }
}

/** A replica with its pool and whether it is asked. */
export class Replica {
  readonly name: string;
  readonly pool: PgPoolLike;
  readonly #watch: Watch;
  readonly #rules: EjectionRules;
  readonly #onChange: (replica: Replica) => void;
  // Until the first look it is trusted: whoever must not read old data has a token.
  #state: ReplicaState = { kind: 'serving', lagMs: undefined };

  constructor(
    name: string,
    pool: PgPoolLike,
    rules: EjectionRules,
    onChange: (replica: Replica) => void,
  ) {
    this.name = name;
    this.pool = pool;
    this.#watch = new Watch(name, pool);
    this.#rules = rules;
    this.#onChange = onChange;
  }

  get state(): ReplicaState {
    return this.#state;
  }

  /** Looks once; what keeps it from looking is a reason to eject it. Never rejects. */
  async watch(meter: LagMeter, clock: () => number, signal: AbortSignal): Promise<void> {
    try {
      const state = await this.#watch.look(signal);
      this.observe(
        state.isStandby
          ? { lagMs: meter.lagMs(state, clock()) }
          : { trouble: 'it is a primary, not a replica' },
      );
    } catch (error) {
      this.observe({ trouble: errorText(signal.aborted ? signal.reason : error) });
    }
  }

  observe(look: Look): void {
    const before = this.#state.kind;
    this.#state = observeReplica(this.#state, look, this.#rules);
    if (this.#state.kind !== before) this.#onChange(this);
  }

  close(): Promise<void> {
    return this.#watch.close();
  }
}
