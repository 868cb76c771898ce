/**
 * A part of the crowd, in a process of its own: raw sockets that speak as much WebSocket as is needed, so
 * that the driver takes little of the machine that it measures. Counts, and tells its parent each second.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { paths } from '../addresses.ts';
import type { ClientMessage } from '../contract.ts';
import { AccessTokens } from '../services/auth/access-token.ts';
import { Hearing, rehearse } from './crowd-hearing.ts';
import { type CrowdOrder, nobody, tally } from './crowd-report.ts';
import { giveWay } from './priority.ts';
import { clientFrame, FrameReader, pongFrame } from './web-socket-frames.ts';

const firstLocalPort = 20_000;
const reportEveryMs = 1_000;
/** connections that are being opened at a time */
const opening = 64;

const report = nobody();
const sockets: Socket[] = [];
let isEnding = false;
/** one for all: a chunk is dealt with before the next one is read */
const buffer = Buffer.allocUnsafe(64 * 1024);

let people: Promise<People> | undefined;
process.on('message', (message: CrowdOrder | 'come' | 'end') => {
  if (message === 'end') return end();
  if (message !== 'come') {
    people = ready(message);
    setInterval(() => process.send?.(report), reportEveryMs).unref();
  } else {
    void giveWay(process.pid);
    void people?.then(join);
  }
});
process.once('disconnect', end);

type People = { order: CrowdOrder; tokens: string[] };

/** Everybody has logged in before: what a token costs is no part of coming in, nor is what it takes to learn to hear. */
async function ready(order: CrowdOrder): Promise<People> {
  const issuer = new AccessTokens({ secret: order.secret, ttlMs: 3_600_000 });
  const tokens: string[] = [];
  while (tokens.length < order.users && !isEnding) {
    const user = { id: randomUUID(), role: 'buyer', region: 'eu' } as const;
    tokens.push((await issuer.issue(user)).accessToken);
  }
  rehearse();
  report.isReady = true;
  return { order, tokens };
}

async function join({ order, tokens }: People): Promise<void> {
  const hearing = new Hearing(order.users, report);
  const begin = performance.now();
  let next = 0;
  const lane = async () => {
    for (let user = next++; user < order.users && !isEnding; user = next++) {
      const dueMs = begin + (user / order.perSecond) * 1_000 - performance.now();
      if (dueMs > 0) await sleep(dueMs);
      const refusal = await open(order, user, tokens[user] as string, (text) =>
        hearing.hear(user, text),
      );
      if (refusal === undefined) report.connected += 1;
      else tally(report.failures, refusal);
    }
  };
  await Promise.all(Array.from({ length: opening }, lane));
  tokens.length = 0;
  report.isIn = true;
}

/**
 * Undefined once the upgrade was answered, or why it was not. The local port is named, or the kernel searches for a free one each
 * time, which is slower than all the rest; it does so where a server of this machine has the named one.
 */
function open(
  order: CrowdOrder,
  user: number,
  token: string,
  listen: (text: string) => void,
  localPort = firstLocalPort + user,
): Promise<string | undefined> {
  return new Promise((resolve) => {
    let isOpen = false;
    const reader = new FrameReader(listen, (payload) => {
      report.pings += 1;
      socket.write(pongFrame(payload));
    });
    const socket = connect({
      host: '127.0.0.1',
      port: order.port,
      localAddress: order.localAddress,
      localPort,
      onread: {
        buffer,
        callback: (count) => {
          if (isOpen) reader.read(buffer, 0, count);
          else {
            const answer = buffer.toString('latin1', 0, count);
            const headEnd = answer.indexOf('\r\n\r\n');
            isOpen = answer.startsWith('HTTP/1.1 101') && headEnd > 0;
            if (!isOpen) {
              socket.destroy();
              resolve(`answered ${answer.slice(0, 60).split('\r\n')[0]}`);
            } else {
              socket.write(watching(order.event, token));
              reader.read(buffer, Buffer.byteLength(answer.slice(0, headEnd + 4), 'latin1'), count);
              resolve(undefined);
            }
          }
          return true;
        },
      },
    });
    socket.setNoDelay(true);
    socket.on('connect', () => {
      const key = randomBytes(16).toString('base64');
      socket.write(
        `GET ${paths.socket} HTTP/1.1\r\nHost: 127.0.0.1:${order.port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: ${key}\r\nSec-WebSocket-Version: 13\r\n\r\n`,
      );
    });
    socket.on('error', ({ code }: NodeJS.ErrnoException) => {
      const isTaken = code === 'EADDRINUSE' && localPort !== 0;
      resolve(isTaken ? open(order, user, token, listen, 0) : (code ?? 'failed'));
    });
    socket.on('close', () => {
      if (isOpen && !isEnding) report.lost += 1;
      resolve('closed');
    });
    sockets.push(socket);
  });
}

/** What somebody says who comes: who he is, and that he watches the room and the seats. */
function watching(event: string, accessToken: string): Buffer {
  const messages: ClientMessage[] = [
    { type: 'authorize', accessToken },
    { type: 'watch-waiting-room', event },
    { type: 'watch-event', event },
  ];
  return Buffer.concat(messages.map((message) => clientFrame(JSON.stringify(message))));
}

function end(): void {
  if (isEnding) return;
  isEnding = true;
  // a reset leaves no port waiting for a minute
  for (const socket of sockets) socket.resetAndDestroy();
  setTimeout(() => process.exit(0), 500);
}
