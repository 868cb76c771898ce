/**
 * The control room's WebSockets: who has said the token is told of every second of the shop and may do
 * things to it. Seconds are taken only while somebody looks, and a page that comes later sees the last
 * three minutes.
 */
import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocket, WebSocketServer } from 'ws';
import { z } from 'zod';
import { switchNames } from '../services/switches.ts';
import { type Chaos, chaosNames, descriptions } from './chaos.ts';
import type { ControlEvent, ControlMessage, Sample, Switches } from './control-messages.ts';
import type { Crowd } from './crowd.ts';
import { Sampler } from './sampler.ts';
import type { Shop } from './shop.ts';
import type { Proof } from './verify-sale.ts';

const everyMs = 1_000;
const keptSamples = 180;
const keptEvents = 60;
const tokenWithinMs = 5_000;
const defaultForMs = 20_000;

const requestSchema = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('chaos'),
    name: z.enum(chaosNames as [(typeof chaosNames)[0]]),
    forMs: z.int().min(100).max(600_000).default(defaultForMs),
  }),
  z.object({ type: z.literal('heal') }),
  z.object({ type: z.literal('verify') }),
  z.object({
    type: z.literal('switch'),
    name: z.enum([...switchNames, 'visitors']),
    isOn: z.boolean(),
  }),
]);
const tokenSchema = z.object({ type: z.literal('authorize'), token: z.string().max(200) });

export type ControlSocketsOptions = {
  shop: Shop;
  chaos: Chaos;
  crowd: Crowd;
  verify: () => Promise<{ holds: boolean; proofs: Proof[] }>;
  isToken: (given: string) => boolean;
};

export class ControlSockets {
  readonly #options: ControlSocketsOptions;
  readonly #server = new WebSocketServer({ noServer: true, maxPayload: 4 * 1024 });
  readonly #audience = new Set<WebSocket>();
  readonly #sampler: Sampler;
  readonly #samples: Sample[] = [];
  readonly #events: ControlEvent[] = [];
  readonly #switches: Switches = { breaker: true, cache: true, visitors: false };
  readonly #pids = new Map<number, number>();
  #timer: NodeJS.Timeout | undefined;
  #sampling = false;

  constructor(options: ControlSocketsOptions) {
    this.#options = options;
    this.#sampler = new Sampler(options.shop);
  }

  /** Answers the upgrades of `server`. */
  open(server: Server): void {
    server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      const { origin, host } = request.headers;
      const isOurs = !origin || (URL.canParse(origin) && new URL(origin).host === host);
      if (request.url !== '/control/ws' || !isOurs) {
        socket.end('HTTP/1.1 403 Forbidden\r\nconnection: close\r\n\r\n');
        return;
      }
      this.#server.handleUpgrade(request, socket, head, (webSocket) => this.#greet(webSocket));
    });
  }

  /** A sentence for everybody who looks, now or later. */
  say(text: string, about: Partial<ControlEvent> = {}): void {
    const event: ControlEvent = { kind: 'word', file: null, ...about, at: Date.now(), text };
    this.#events.push(event);
    if (this.#events.length > keptEvents) this.#events.shift();
    this.#tell({ type: 'event', event });
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    for (const socket of this.#server.clients) socket.terminate();
    this.#server.close();
  }

  #greet(socket: WebSocket): void {
    const late = setTimeout(() => socket.close(1008, 'no token'), tokenWithinMs).unref();
    socket.on('error', () => {});
    socket.on('close', () => {
      clearTimeout(late);
      this.#audience.delete(socket);
      if (this.#audience.size > 0) return;
      clearInterval(this.#timer);
      this.#timer = undefined;
    });
    socket.on('message', (data) => {
      if (this.#audience.has(socket)) return void this.#obey(socket, readJson(String(data)));
      const { success, data: said } = tokenSchema.safeParse(readJson(String(data)));
      if (!success || !this.#options.isToken(said.token)) return socket.close(1008, 'wrong token');
      clearTimeout(late);
      this.#admit(socket);
    });
  }

  #admit(socket: WebSocket): void {
    const { shop, chaos } = this.#options;
    this.#audience.add(socket);
    send(socket, {
      type: 'hello',
      shop: shop.url,
      chaos: chaosNames.map((name) => ({ name, ...descriptions[name] })),
      active: chaos.active,
      switches: this.#switches,
      samples: this.#samples,
      events: this.#events,
    });
    this.#timer ??= setInterval(() => void this.#sample(), everyMs);
  }

  async #sample(): Promise<void> {
    if (this.#sampling) return;
    this.#sampling = true;
    try {
      const sample = await this.#sampler.sample();
      this.#samples.push(sample);
      if (this.#samples.length > keptSamples) this.#samples.shift();
      this.#noticeRestarts(sample);
      this.#tell({ type: 'sample', sample, active: this.#options.chaos.active });
    } finally {
      this.#sampling = false;
    }
  }

  #noticeRestarts({ instances }: Sample): void {
    for (const [index, { name, pid }] of instances.entries()) {
      const before = this.#pids.get(index);
      if (pid === null || before === pid) continue;
      this.#pids.set(index, pid);
      if (before === undefined) continue;
      const file = 'launcher/service-process.ts';
      this.say(`${name}: process ${before} is gone, ${pid} takes over.`, { kind: 'crash', file });
    }
  }

  async #obey(socket: WebSocket, said: unknown): Promise<void> {
    const { success, data: request } = requestSchema.safeParse(said);
    if (!success) return send(socket, { type: 'problem', message: 'That is no request of ours.' });
    const { shop, chaos, crowd, verify } = this.#options;
    try {
      if (request.type === 'chaos') {
        const { done, file } = await chaos.do(request.name, request.forMs);
        this.say(done, { kind: 'chaos', file });
      } else if (request.type === 'heal') await chaos.heal();
      else if (request.type === 'verify') {
        this.#tell({ type: 'verified', at: Date.now(), ...(await verify()) });
      } else {
        const { name, isOn } = request;
        if (name === 'visitors') crowd.visit(isOn);
        else for (const process of shop.processes) process.tell(name, isOn);
        this.#switches[name] = isOn;
        this.#tell({ type: 'switches', switches: this.#switches });
        this.say(`The switch "${name}" is ${isOn ? 'on' : 'off'}.`);
      }
    } catch (error) {
      send(socket, { type: 'problem', message: (error as Error).message });
    }
  }

  #tell(message: ControlMessage): void {
    for (const socket of this.#audience) send(socket, message);
  }
}

function send(socket: WebSocket, message: ControlMessage): void {
  if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message));
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
