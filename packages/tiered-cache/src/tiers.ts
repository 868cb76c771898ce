import type { Settings } from './settings.ts';
import { Tier, type TierName } from './tier.ts';
import type { Clients } from './topology.ts';

/** The Redis that this process talks to, each bounded in time; shared by all partitions. */
export class Tiers {
  /** The one that is followed. */
  readonly clients: Clients;
  readonly near: Tier;
  readonly global: Tier | undefined;
  readonly master: Tier;

  constructor(
    clients: Clients,
    settings: Settings,
    onChange: (tier: Tier, cause?: unknown) => void,
  ) {
    const { nearTimeoutMs, masterTimeoutMs, guard } = settings;
    const tier = (name: TierName, timeoutMs: number) => {
      const client = clients[name];
      return client && new Tier({ name, client, timeoutMs, guard, onChange });
    };
    this.clients = clients;
    this.near = tier('near', nearTimeoutMs) as Tier;
    this.global = tier('global', masterTimeoutMs);
    this.master = tier('master', masterTimeoutMs) as Tier;
  }

  close(): void {
    for (const tier of [this.near, this.global, this.master]) tier?.close();
  }
}
