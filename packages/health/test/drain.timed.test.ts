import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect as connectHttp2, createServer as createHttp2Server } from 'node:http2';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, connect } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import { describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { GracefulShutdown, type ShutdownReport } from '../src/index.ts';
import { startLoad } from './load.ts';
import { delayingProxy, Fixture, until } from './support.ts';

const portOf = (server: { address(): unknown }) => (server.address() as AddressInfo).port;

async function spareServer() {
  const server = createServer((request, response) => {
    request.resume();
    setTimeout(() => response.end('{}'), 20);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: portOf(server),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

type Finished = ShutdownReport & { steps: string[] };
const finishedOf = async (child: Fixture) => JSON.parse(await child.line('finished')) as Finished;

const base = {
  framework: 'node',
  paymentMs: 20,
  keepAliveTimeoutMs: 5_000,
  shutdown: { drainDelayMs: 2_000 },
};

describe('a SIGTERM under keep-alive load', () => {
  test.each([
    { framework: 'node', delayMs: 0 },
    { framework: 'node', delayMs: 10 },
    { framework: 'fastify', delayMs: 10 },
  ])('loses no payment: $framework, $delayMs ms away', { timeout: 60_000 }, async (way) => {
    await using child = new Fixture('drain-server.ts', { ...base, framework: way.framework });
    const port = Number(await child.line('listening'));
    await using proxy = await delayingProxy(port, way.delayMs / 2);
    await using spare = await spareServer();
    const load = startLoad({
      port: way.delayMs === 0 ? port : proxy.port,
      readyPort: port,
      sparePort: spare.port,
      clients: 30,
      pollMs: 100,
    });
    await until(() => load.result.answered > 300, 20_000);
    const before = load.result.answered;
    child.kill('SIGTERM');
    const code = await child.exited;
    const { answered, lost } = await load.stop();
    const finished = await finishedOf(child);

    expect(Object.fromEntries(lost)).toEqual({});
    expect(answered).toBeGreaterThan(before);
    expect(code).toBe(0);
    expect(finished).toMatchObject({ reason: 'SIGTERM', cut: [], failed: [], exitCode: 0 });
    expect(finished.steps.join()).toBe('jobs,consumers,http,caches,db,telemetry');
  });

  test('closes 20 of 20 WebSockets with 1001 and lets none hang', { timeout: 20_000 }, async () => {
    await using child = new Fixture('drain-server.ts', {
      ...base,
      shutdown: { drainDelayMs: 0, webSocketJitterMs: 300 },
    });
    const port = Number(await child.line('listening'));
    const sockets = Array.from(
      { length: 20 },
      () => new WebSocket(`ws://127.0.0.1:${port}/progress`),
    );
    await Promise.all(sockets.map((socket) => once(socket, 'open')));
    const codes = Promise.all(
      sockets.map((socket) => once(socket, 'close').then(([code]) => code as number)),
    );
    child.kill('SIGTERM');
    expect(await codes).toEqual(new Array(20).fill(1001));
    expect(await child.exited).toBe(0);
  });
});

describe('signals and exceptions', () => {
  test.each(['SIGTERM', 'SIGINT'] as const)(
    'a %s during the drain ends it now, with exit code 1 and the list of what was cut',
    async (second) => {
      await using child = new Fixture('drain-server.ts', {
        ...base,
        paymentMs: 10_000,
        shutdown: { drainDelayMs: 0 },
      });
      const port = Number(await child.line('listening'));
      const payment = fetch(`http://127.0.0.1:${port}/pay?card=4242`, { method: 'POST' });
      const lost = payment.then(
        () => 'answered',
        () => 'lost',
      );
      await wait(300);
      child.kill('SIGTERM');
      await child.line('draining');
      const startedAt = performance.now();
      child.kill(second);
      expect(await child.exited).toBe(1);
      expect(performance.now() - startedAt).toBeLessThan(1_000);
      expect(await lost).toBe('lost');
      expect((await finishedOf(child)).cut).toContainEqual({ phase: 'http', what: 'POST /pay' });
      expect(child.errors.join('\n')).toContain('cut in http: POST /pay');
    },
  );

  test('a step that never ends is cut at its cap and named, and the phases after it still run', async () => {
    await using child = new Fixture('drain-server.ts', {
      ...base,
      hangsInDb: true,
      shutdown: { drainDelayMs: 0, capsMs: { db: 100 } },
    });
    await child.line('listening');
    child.kill('SIGTERM');
    expect(await child.exited).toBe(1);
    const { cut, steps } = await finishedOf(child);
    expect(cut).toEqual([{ phase: 'db', what: 'poolEnd' }]);
    expect(steps.at(-1)).toBe('telemetry');
  });

  test('an uncaught exception drains, answers what is in flight, exits 1 and keeps its secret', async () => {
    await using child = new Fixture('drain-server.ts', {
      ...base,
      paymentMs: 400,
      shutdown: { drainDelayMs: 0, lingerMs: 100 },
    });
    const port = Number(await child.line('listening'));
    const payment = fetch(`http://127.0.0.1:${port}/pay`, { method: 'POST' });
    await wait(100);
    const thrower = fetch(`http://127.0.0.1:${port}/throw`);
    expect((await payment).status).toBe(200);
    expect((await thrower).status).toBe(200);
    expect(await child.exited).toBe(1);
    const errors = child.errors.join('\n');
    expect(errors).toContain('uncaughtException: boom, password=***');
    expect(errors).toMatch(/^ {4}at .*drain-server/m);
    expect(errors).not.toContain('hunter2');
  });

  test('an exception during the drain is noted and does not stop it', async () => {
    await using child = new Fixture('drain-server.ts', {
      ...base,
      paymentMs: 300,
      shutdown: { drainDelayMs: 500, lingerMs: 100 },
    });
    const port = Number(await child.line('listening'));
    child.kill('SIGTERM');
    await child.line('draining');
    expect((await fetch(`http://127.0.0.1:${port}/throw`)).status).toBe(200);
    expect(await child.exited).toBe(1);
    const { reason, cut, failed } = await finishedOf(child);
    expect(reason).toBe('SIGTERM');
    expect(cut).toEqual([]);
    expect(failed).toMatchObject([{ phase: 'process', what: 'uncaughtException' }]);
  });

  test('the policy "exit" ends the process at once', async () => {
    await using child = new Fixture('drain-server.ts', {
      ...base,
      paymentMs: 5_000,
      shutdown: { uncaughtException: 'exit' },
    });
    const port = Number(await child.line('listening'));
    await expect(fetch(`http://127.0.0.1:${port}/throw`)).rejects.toThrow('fetch failed');
    expect(await child.exited).toBe(1);
  });
});

describe('probes and sockets while draining', () => {
  test('readiness fails from the first moment, liveness stays, requests are answered with Connection: close', async () => {
    await using child = new Fixture('drain-server.ts', {
      ...base,
      shutdown: { drainDelayMs: 1_000, lingerMs: 100 },
    });
    const origin = `http://127.0.0.1:${Number(await child.line('listening'))}`;
    expect((await fetch(`${origin}/ready`)).status).toBe(200);
    child.kill('SIGTERM');
    await child.line('draining');
    const ready = await fetch(`${origin}/ready`);
    expect([ready.status, await ready.json()]).toEqual([
      503,
      { status: 'fail', notes: ['draining'] },
    ]);
    expect((await fetch(`${origin}/live`)).status).toBe(200);
    const payment = await fetch(`${origin}/pay`, { method: 'POST' });
    expect([payment.status, payment.headers.get('connection')]).toEqual([200, 'close']);
    expect(await child.exited).toBe(0);
  });

  test('a socket that never spoke does not hold the drain up', async () => {
    const server = createServer((_, response) => response.end());
    const shutdown = new GracefulShutdown({ servers: [server], drainDelayMs: 0 });
    await new Promise<void>((resolve) => server.listen(0, resolve));
    const silent = connect(portOf(server));
    silent.on('error', () => undefined);
    await once(silent, 'connect');
    await wait(50);
    const { durationMs, exitCode } = await shutdown.run();
    expect(exitCode).toBe(0);
    expect(durationMs).toBeLessThan(2_500);
    silent.destroy();
  });

  test('a TLS socket that shook hands and never spoke does not hold it up either', async () => {
    const pskCallback = () => ({ psk: Buffer.from('00'.repeat(32), 'hex'), identity: 'test' });
    const psk = { ciphers: 'PSK', maxVersion: 'TLSv1.2' } as const;
    const server = createTlsServer({ ...psk, pskCallback: () => pskCallback().psk });
    const shutdown = new GracefulShutdown({ servers: [server], drainDelayMs: 0 });
    await new Promise<void>((resolve) => server.listen(0, resolve));
    const silent = connectTls({
      ...psk,
      port: portOf(server),
      pskCallback,
      checkServerIdentity: () => undefined,
    });
    silent.on('error', () => undefined);
    await once(silent, 'secureConnect');
    const { durationMs, exitCode } = await shutdown.run();
    expect(exitCode).toBe(0);
    expect(durationMs).toBeLessThan(2_500);
    silent.destroy();
  });

  test('a request over TLS that takes longer than that is answered', async () => {
    const key = Buffer.from('00'.repeat(32), 'hex');
    const psk = { ciphers: 'PSK', maxVersion: 'TLSv1.2' } as const;
    const server = createTlsServer({ ...psk, pskCallback: () => key }, (_, response) => {
      setTimeout(() => response.end('paid'), 1_500);
    });
    const shutdown = new GracefulShutdown({ servers: [server], drainDelayMs: 0, lingerMs: 0 });
    await new Promise<void>((resolve) => server.listen(0, resolve));
    const socket = connectTls({
      ...psk,
      port: portOf(server),
      pskCallback: () => ({ psk: key, identity: 'test' }),
      checkServerIdentity: () => undefined,
    });
    socket.write('POST /pay HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n');
    let answer = '';
    socket.setEncoding('utf8').on('data', (chunk) => {
      answer += chunk;
    });
    await wait(100);
    const report = await shutdown.run();
    expect(report).toMatchObject({ exitCode: 0, cut: [] });
    expect(answer).toMatch(/^HTTP\/1\.1 200 OK[\s\S]*connection: close[\s\S]*paid/i);
  });

  test('a server that was closed before still has its requests waited for', async () => {
    const server = createServer((_, response) => void setTimeout(() => response.end('ok'), 300));
    const shutdown = new GracefulShutdown({ servers: [server], drainDelayMs: 0, lingerMs: 0 });
    await new Promise<void>((resolve) => server.listen(0, resolve));
    const response = fetch(`http://127.0.0.1:${portOf(server)}/`);
    await wait(100);
    server.close();
    const { cut, durationMs } = await shutdown.run();
    expect(await (await response).text()).toBe('ok');
    expect([cut, durationMs > 100]).toEqual([[], true]);
  });

  test('an answer that has begun to stream is finished, however slow the rest', async () => {
    const server = createServer((_, response) => {
      response.write('a');
      setTimeout(() => response.end('b'), 600);
    });
    const shutdown = new GracefulShutdown({ servers: [server], drainDelayMs: 0, lingerMs: 100 });
    await new Promise<void>((resolve) => server.listen(0, resolve));
    const response = await fetch(`http://127.0.0.1:${portOf(server)}/`);
    const report = shutdown.run();
    expect(await response.text()).toBe('ab');
    const { cut, durationMs } = await report;
    expect(cut).toEqual([]);
    expect(durationMs).toBeLessThan(2_500);
  });

  test('HTTP/2 clients get a GOAWAY, their open streams are answered, the session ends', async () => {
    const server = createHttp2Server(
      (_, response) => void setTimeout(() => response.end('ok'), 1_500),
    );
    const shutdown = new GracefulShutdown({ servers: [server], drainDelayMs: 0 });
    await new Promise<void>((resolve) => server.listen(0, resolve));
    const client = connectHttp2(`http://127.0.0.1:${portOf(server)}`);
    const goaway = once(client, 'goaway').then(([code]) => code as number);
    const idle = connectHttp2(`http://127.0.0.1:${portOf(server)}`);
    await once(idle, 'connect');
    const stream = client.request({ ':path': '/pay' });
    await wait(100);
    const report = shutdown.run();
    let body = '';
    stream.setEncoding('utf8').on('data', (chunk) => {
      body += chunk;
    });
    await once(stream, 'end');
    expect(body).toBe('ok');
    expect(await goaway).toBe(0);
    expect(await report).toMatchObject({ exitCode: 0, cut: [] });
    expect(idle.destroyed || idle.closed).toBe(true);
  });

  test('a hanging HTTP/2 stream is cut at the cap and named', async () => {
    const server = createHttp2Server(() => undefined);
    const shutdown = new GracefulShutdown({
      servers: [server],
      drainDelayMs: 0,
      capsMs: { http: 300 },
      webSocketJitterMs: 0,
      log: () => undefined,
    });
    await new Promise<void>((resolve) => server.listen(0, resolve));
    const client = connectHttp2(`http://127.0.0.1:${portOf(server)}`);
    client.on('error', () => undefined);
    client.request({ ':path': '/pay?card=1' }).on('error', () => undefined);
    await wait(100);
    expect((await shutdown.run()).cut).toEqual([{ phase: 'http', what: 'GET /pay' }]);
  });
});
