import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { type NativeServer, startRedis } from '../../../../test/backends.ts';

const SLOTS = 16_384;

/** A Redis Cluster of three masters on 127.0.0.1. */
export async function startCluster(): Promise<{ nodes: NativeServer[] } & AsyncDisposable> {
  const args = ['--cluster-enabled', 'yes', '--cluster-node-timeout', '2000'];
  const nodes = await Promise.all([1, 2, 3].map(() => startRedis({ args })));
  const clients = nodes.map(({ url }) => new Redis(url));
  try {
    for (const [i, client] of clients.entries()) {
      const from = Math.floor((SLOTS * i) / 3);
      const to = Math.floor((SLOTS * (i + 1)) / 3) - 1;
      await client.call('CLUSTER', 'ADDSLOTSRANGE', from, to);
      await client.call('CLUSTER', 'SET-CONFIG-EPOCH', i + 1);
    }
    for (const { port } of nodes.slice(1)) {
      await clients[0]?.call('CLUSTER', 'MEET', '127.0.0.1', port);
    }
    for (const client of clients) {
      while (!String(await client.call('CLUSTER', 'INFO')).includes('cluster_state:ok')) {
        await sleep(50);
      }
    }
  } finally {
    for (const client of clients) client.disconnect();
  }
  return {
    nodes,
    [Symbol.asyncDispose]: async () => {
      await Promise.all(nodes.map((node) => node.stop()));
    },
  };
}
