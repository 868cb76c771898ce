import type { NativeServer } from '../../../../test/backends.ts';
import { startRedis } from '../../../../test/backends.ts';
import { TcpProxy } from './tcp-proxy.ts';

/** master -> global -> regional: three Redis, and the two networks between them. */
export class Chain {
  readonly master: NativeServer;
  readonly global: NativeServer;
  readonly regional: NativeServer;
  readonly toGlobal: TcpProxy;
  readonly toRegional: TcpProxy;

  private constructor(servers: NativeServer[], networks: TcpProxy[]) {
    [this.master, this.global, this.regional] = servers as [
      NativeServer,
      NativeServer,
      NativeServer,
    ];
    [this.toGlobal, this.toRegional] = networks as [TcpProxy, TcpProxy];
  }

  static async start(hopMs: number): Promise<Chain> {
    const master = await startRedis();
    const toGlobal = await TcpProxy.start(master.port);
    const global = await startRedis({ replicaOf: toGlobal });
    const toRegional = await TcpProxy.start(global.port);
    const regional = await startRedis({ replicaOf: toRegional });
    toGlobal.delayMs = hopMs;
    toRegional.delayMs = hopMs;
    return new Chain([master, global, regional], [toGlobal, toRegional]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.toGlobal, this.toRegional].map((one) => one[Symbol.asyncDispose]()));
    await Promise.all([this.regional, this.global, this.master].map((server) => server.stop()));
  }
}
