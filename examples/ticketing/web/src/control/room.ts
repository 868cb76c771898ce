import { batch, signal } from '@preact/signals';
import type {
  ChaosCard,
  ControlEvent,
  ControlMessage,
  ControlRequest,
  Sample,
  Switches,
} from '../../../launcher/control-messages.ts';

/** What the control room has told, all of it over one WebSocket. */
export const state = signal<'connecting' | 'live' | 'lost' | 'locked'>('connecting');
export const shop = signal('');
export const cards = signal<ChaosCard[]>([]);
export const active = signal<string[]>([]);
export const switches = signal<Switches>({ breaker: true, cache: true, visitors: false });
export const samples = signal<Sample[]>([]);
export const events = signal<ControlEvent[]>([]);
export const verdict = signal<Extract<ControlMessage, { type: 'verified' }> | null>(null);
export const verifying = signal(false);
export const problem = signal('');

const KEPT_SAMPLES = 180;
const KEPT_EVENTS = 60;
const AGAIN_MS = 1_500;
const WRONG_TOKEN = 1008;
let socket: WebSocket | null = null;

/** The token comes in the address behind the #, which no server sees, and goes from there into this tab. */
export function token(): string {
  const given = location.hash.slice(1);
  if (given) sessionStorage.setItem('evenkeel:control', given);
  return given || (sessionStorage.getItem('evenkeel:control') ?? '');
}

export function connect(): void {
  const secret = token();
  if (!secret) {
    state.value = 'locked';
    return;
  }
  const address = new URL('/control/ws', location.href);
  address.protocol = address.protocol.replace('http', 'ws');
  socket = new WebSocket(address);
  socket.onopen = () => socket?.send(JSON.stringify({ type: 'authorize', token: secret }));
  socket.onmessage = ({ data }) => receive(JSON.parse(data) as ControlMessage);
  socket.onclose = ({ code }) => {
    state.value = code === WRONG_TOKEN ? 'locked' : 'lost';
    if (code !== WRONG_TOKEN) setTimeout(connect, AGAIN_MS);
  };
}

export function send(request: ControlRequest): void {
  problem.value = '';
  if (request.type === 'verify') verifying.value = true;
  socket?.send(JSON.stringify(request));
}

function receive(message: ControlMessage): void {
  batch(() => {
    if (message.type === 'hello') {
      state.value = 'live';
      shop.value = message.shop;
      cards.value = message.chaos;
      active.value = message.active;
      switches.value = message.switches;
      samples.value = message.samples;
      events.value = message.events;
    } else if (message.type === 'sample') {
      samples.value = [...samples.value.slice(1 - KEPT_SAMPLES), message.sample];
      active.value = message.active;
    } else if (message.type === 'switches') switches.value = message.switches;
    else if (message.type === 'event') {
      events.value = [...events.value.slice(1 - KEPT_EVENTS), message.event];
    } else if (message.type === 'verified') {
      verdict.value = message;
      verifying.value = false;
    } else {
      problem.value = message.message;
      verifying.value = false;
    }
  });
}
