import { once } from 'node:events';
import { Agent, createServer, type IncomingMessage, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { NativeServer } from '../../../test/backends.ts';
import { EdgeCache, respond, VarnishPurgeError, varnishPurge } from '../src/edge/index.ts';
import type { TieredCache } from '../src/index.ts';
import { Chain } from './support/chain.ts';
import { followed, Rig, sleep, until } from './support/rig.ts';
import { startVarnish } from './support/varnish.ts';

const HOP_MS = 75;
let rig: Rig;
let chain: Chain;
let origin: Server;
let varnish: NativeServer;
let edge: EdgeCache;
/** Where prices are changed, and the region whose pages the edge fetches. */
let central: TieredCache;
let regional: TieredCache;
let cents = 4_900;
let originRequests = 0;

beforeAll(async () => {
  rig = new Rig();
  chain = await Chain.start(HOP_MS);
  central = await rig.following(chain.master.url);
  const [master, near] = [chain.master, chain.regional].map((server) => rig.client(server.url));
  regional = await followed(rig.cache({ master: master as never, near: near as never }));
  origin = createServer((incoming, response) => {
    originRequests++;
    void page(incoming).then((body) => {
      const kept = { tags: ['price:1'], ttlMs: 60_000 };
      if (incoming.url === '/cookie') response.setHeader('Set-Cookie', 'session=1');
      const isPublic = incoming.url === '/public';
      if (incoming.url === '/unmarked') respond(edge, incoming, response, { body });
      else respond(edge, incoming, response, { body, ...kept, public: isPublic });
    });
  });
  origin.listen(0, '127.0.0.1');
  await once(origin, 'listening');
  varnish = await startVarnish((origin.address() as AddressInfo).port);
  const purge = varnishPurge([varnish.url]);
  edge = new EdgeCache({ vendor: 'varnish', purge, regionLagMs: 500 });
});
afterAll(async () => {
  await edge?.close();
  await varnish?.stop();
  origin?.close();
  origin?.closeAllConnections();
  await rig?.[Symbol.asyncDispose]();
  await chain?.[Symbol.asyncDispose]();
});

async function page({ headers, url }: IncomingMessage): Promise<string> {
  const price = await regional.get('price:1', () => ({ cents }), { tags: ['price:1'] });
  return JSON.stringify({ ...price, url, user: headers.authorization ?? 'nobody' });
}

const agent = new Agent({ keepAlive: true, maxSockets: 200 });

async function ask(path: string, headers: Record<string, string> = {}) {
  const asked = request(`${varnish.url}${path}`, { headers, agent }).end();
  const [response] = (await once(asked, 'response')) as [IncomingMessage];
  let body = '';
  for await (const chunk of response) body += chunk;
  return { status: response.statusCode, headers: response.headers, body };
}

test('under the load of 200 clients a fifth of the requests at most reach the origin', async () => {
  originRequests = 0;
  const client = async () => {
    for (let i = 0; i < 10; i++) {
      const { status } = await ask(`/event/${i}`);
      expect(status).toBe(200);
    }
  };
  await Promise.all(Array.from({ length: 200 }, client));
  console.log(`edge: 2,000 requests of 200 clients, ${originRequests} reached the origin`);
  expect(originRequests).toBeLessThanOrEqual(400);
});

test('a change of price is seen through edge and lagging region within 2.5 s, and stays', async () => {
  for (const to of [5_900, 6_900, 7_900]) {
    await ask('/price');
    expect(JSON.parse((await ask('/price')).body).cents).toBe(cents);
    cents = to;
    const start = performance.now();
    await central.invalidateTags(['price:1']);
    await edge.purge(['price:1']);
    // the edge may have the old page again by now: its region heard of nothing yet
    await ask('/price');
    await until(async () => JSON.parse((await ask('/price')).body).cents === to, 2_500);
    console.log(`edge: new price after ${Math.round(performance.now() - start)} ms`);
    await sleep(700);
    expect(JSON.parse((await ask('/price')).body).cents).toBe(to);
  }
});

test('nothing with Authorization or Set-Cookie is stored, unless it is marked public', async () => {
  for (const path of ['/cookie', '/unmarked']) {
    originRequests = 0;
    for (let i = 0; i < 3; i++) await ask(path);
    expect(originRequests).toBe(3);
  }
  const mine = await ask('/mine', { authorization: 'Bearer alice' });
  expect(JSON.parse(mine.body).user).toBe('Bearer alice');
  expect(mine.headers['cache-control']).toBe('private, no-cache');
  expect(JSON.parse((await ask('/mine')).body).user).toBe('nobody');
  expect(JSON.parse((await ask('/mine', { authorization: 'Bearer bob' })).body).user).toBe(
    'Bearer bob',
  );
  originRequests = 0;
  for (let i = 0; i < 3; i++) await ask('/public');
  expect(originRequests).toBe(1);
});

test('a client that has the page gets 304; tags and instructions stay at the edge', async () => {
  const first = await ask('/tagged');
  expect(first.headers.etag).toMatch(/^"[\w-]{27}"$/);
  expect(first.headers['surrogate-key']).toBeUndefined();
  expect(first.headers['surrogate-control']).toBeUndefined();
  const again = await ask('/tagged', { 'if-none-match': first.headers.etag ?? '' });
  expect(again).toMatchObject({ status: 304, body: '' });
  const otherwise = await ask('/tagged', { 'if-none-match': '"other"' });
  expect(otherwise.status).toBe(200);
});

test('a purge is for those of the list only, and must name something', async () => {
  const put = (method: string, headers: Record<string, string>) =>
    fetch(varnish.url, { method, headers }).then(({ status }) => status);
  expect(await put('PURGE', {})).toBe(400);
  expect(await put('PURGE', { 'X-Purge-Pattern': 'a" || obj.status != 0' })).toBe(400);
  expect(await put('PURGE', { 'X-Purge-Pattern': 'a' })).toBe(200);
  const gone = varnishPurge([`http://127.0.0.1:${(origin.address() as AddressInfo).port}/`]);
  await expect(varnishPurge(['http://127.0.0.1:1'])(['a'])).rejects.toThrow();
  expect(VarnishPurgeError.name).toBe('VarnishPurgeError');
  await gone(['a']); // an origin that answers 200 took it, as far as one can know
});
