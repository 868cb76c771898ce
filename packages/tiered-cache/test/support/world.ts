import { type NativeServer, startRedis } from '../../../../test/backends.ts';
import { TcpProxy } from './tcp-proxy.ts';

export const REGIONS = ['us', 'uk', 'au'] as const;
export type Region = (typeof REGIONS)[number];

/**
 * master -> global -> us, uk, au: five Redis, and the network between them, whose every hop is a
 * proxy of its own.
 */
export class World {
  readonly master: NativeServer;
  readonly global: NativeServer;
  readonly regions: Record<Region, NativeServer>;
  readonly toGlobal: TcpProxy;
  readonly toRegion: Record<Region, TcpProxy>;

  private constructor(
    master: NativeServer,
    global: NativeServer,
    regions: Record<Region, NativeServer>,
    toGlobal: TcpProxy,
    toRegion: Record<Region, TcpProxy>,
  ) {
    this.master = master;
    this.global = global;
    this.regions = regions;
    this.toGlobal = toGlobal;
    this.toRegion = toRegion;
  }

  static async start(hopMs: number): Promise<World> {
    const master = await startRedis();
    const toGlobal = await TcpProxy.start(master.port);
    const global = await startRedis({ replicaOf: toGlobal });
    const toRegion = {} as Record<Region, TcpProxy>;
    const regions = {} as Record<Region, NativeServer>;
    for (const region of REGIONS) {
      toRegion[region] = await TcpProxy.start(global.port);
      regions[region] = await startRedis({ replicaOf: toRegion[region] });
    }
    for (const hop of [toGlobal, ...Object.values(toRegion)]) hop.delayMs = hopMs;
    return new World(master, global, regions, toGlobal, toRegion);
  }

  get servers(): Record<string, NativeServer> {
    return { master: this.master, global: this.global, ...this.regions };
  }

  get hops(): TcpProxy[] {
    return [this.toGlobal, ...Object.values(this.toRegion)];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.hops.map((hop) => hop[Symbol.asyncDispose]()));
    const replicas = [...Object.values(this.regions), this.global];
    for (const server of [...replicas, this.master]) await server.stop();
  }
}
