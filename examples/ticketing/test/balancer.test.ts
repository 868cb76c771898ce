import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { connect } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { Balancer } from '../launcher/balancer.ts';
import { freePort } from '../launcher/ports.ts';

const stops: (() => unknown)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

async function instance(name: string): Promise<{ server: Server; port: number }> {
  const server = createServer((_request, response) => response.end(name));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  stops.push(
    () => server.closeAllConnections(),
    () => server.close(),
  );
  return { server, port: (server.address() as AddressInfo).port };
}

async function balance(targets: readonly number[]) {
  const port = await freePort();
  const balancer = await Balancer.listen(port, targets);
  stops.push(() => balancer.stop());
  const ask = async () => {
    const answer = await fetch(`http://127.0.0.1:${port}`, { headers: { connection: 'close' } });
    return answer.text();
  };
  return { port, balancer, ask };
}

describe('the balancer', () => {
  it('gives connections to the instances in turn', async () => {
    const [a, b] = [await instance('a'), await instance('b')];
    const { ask } = await balance([a.port, b.port]);
    const said = [await ask(), await ask(), await ask(), await ask()];
    expect(said).toEqual(['a', 'b', 'a', 'b']);
  });

  it('passes over an instance that nobody listens for', async () => {
    const a = await instance('a');
    const { ask } = await balance([await freePort(), a.port]);
    expect([await ask(), await ask(), await ask()]).toEqual(['a', 'a', 'a']);
  });

  it('closes a connection that no instance takes', async () => {
    const { ask } = await balance([await freePort()]);
    await expect(ask()).rejects.toThrow('fetch failed');
  });

  it('cuts the client when its instance dies, so that it asks another one', async () => {
    const a = await instance('a');
    const sockets: Socket[] = [];
    a.server.on('connection', (socket) => sockets.push(socket));
    const { port } = await balance([a.port]);
    const client = connect(port, '127.0.0.1');
    await expect.poll(() => sockets.length).toBe(1);
    sockets[0]?.resetAndDestroy();
    await once(client, 'close');
  });

  it('stops with connections open, and is gone', async () => {
    const a = await instance('a');
    const { port, balancer, ask } = await balance([a.port]);
    const client = connect(port, '127.0.0.1').on('error', () => {});
    await once(client, 'connect');
    const closed = once(client, 'close');
    await balancer.stop();
    await closed;
    await expect(ask()).rejects.toThrow('fetch failed');
  });
});
