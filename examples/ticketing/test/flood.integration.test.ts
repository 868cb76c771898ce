/** Whoever calls too often: told when to come back, over HTTP and over the WebSocket, and in nobody else's way. */
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { paths } from '../addresses.ts';
import type { Problem, ServerMessage } from '../contract.ts';
import { slug, TestShop } from './test-shop.ts';

let shop: TestShop;
beforeAll(async () => {
  shop = await TestShop.start({ REQUESTS_PER_ADDRESS: '5', TRUST_PROXY: '1' });
});
afterAll(() => shop?.stop());

/** As nginx passes it on. */
const callFrom = (address: string, path: string = paths.events) =>
  fetch(shop.url + path, { headers: { 'x-forwarded-for': address } });

/** Calls until one is refused. */
async function flood(address: string): Promise<Response> {
  for (let calls = 0; calls < 1_000; calls += 1) {
    const answer = await callFrom(address);
    await answer.clone().arrayBuffer();
    if (answer.status !== 200) return answer;
  }
  throw new Error('A thousand calls were let through');
}

describe('an address that calls too often', () => {
  it('is told 429 and when to come back; then it may', async () => {
    const refused = await flood('192.0.2.1');
    expect(refused.status).toBe(429);
    const { code, retryAfterMs = 0 } = (await refused.json()) as Problem;
    expect(code).toBe('too_many_attempts');
    expect(retryAfterMs).toBeGreaterThan(0);
    const seconds = Number(refused.headers.get('retry-after'));
    expect(seconds * 1_000).toBeGreaterThanOrEqual(retryAfterMs);
    expect(seconds).toBeLessThanOrEqual(2);
    await sleep(seconds * 1_000);
    expect((await callFrom('192.0.2.1')).status).toBe(200);
  });

  it('still gets pages and probes, and is in nobody else’s way', async () => {
    expect((await flood('192.0.2.2')).status).toBe(429);
    for (const path of ['/', '/ready']) {
      expect((await callFrom('192.0.2.2', path)).status).toBe(200);
    }
    expect((await callFrom('192.0.2.3')).status).toBe(200);
  });

  it('cannot pretend to be another one: what it writes before our proxy’s word does not count', async () => {
    expect((await flood('192.0.2.4')).status).toBe(429);
    expect((await callFrom('203.0.113.7, 192.0.2.4')).status).toBe(429);
  });
});

async function open(): Promise<{ socket: WebSocket; closed: Promise<number>; said: string[] }> {
  const socket = new WebSocket(shop.url.replace('http', 'ws') + paths.socket);
  const said: string[] = [];
  socket.on('message', (data) => said.push(String(data)));
  socket.on('error', () => {});
  const closed = once(socket, 'close').then(([code]) => Number(code));
  await once(socket, 'open');
  return { socket, closed, said };
}
const watch = JSON.stringify({ type: 'watch-event', event: slug });
const types = (said: string[]) => said.map((text) => (JSON.parse(text) as ServerMessage).type);

describe('a WebSocket', () => {
  it('that floods is closed with 1008; another one sees nothing of it', async () => {
    const [loud, quiet] = await Promise.all([open(), open()]);
    for (let sent = 0; sent < 500; sent += 1) loud.socket.send(watch);
    expect(await loud.closed).toBe(1008);
    quiet.socket.send(watch);
    await expect.poll(() => types(quiet.said)).toContain('availability');
    quiet.socket.close();
    // and it may come back, to behave
    const again = await open();
    again.socket.send(watch);
    await expect.poll(() => types(again.said)).toContain('availability');
    again.socket.close();
  });

  it('that sends a novel is closed with 1009, before it is read', async () => {
    const { socket, closed, said } = await open();
    socket.send(JSON.stringify({ type: 'watch-event', event: 'x'.repeat(64 * 1024) }));
    expect(await closed).toBe(1009);
    expect(said).toEqual([]);
  });

  it('that sends what nobody understands is told so, and goes on', async () => {
    const { socket, said } = await open();
    for (const text of ['{', '[]', '{"type":"rob"}', '{"type":"watch-event","event":7}'])
      socket.send(text);
    await expect.poll(() => types(said)).toEqual(['problem', 'problem', 'problem', 'problem']);
    for (const text of said) expect(text).not.toMatch(/\bat \/|node_modules|Error:/);
    socket.send(watch);
    await expect.poll(() => types(said)).toContain('availability');
    socket.close();
  });
});
