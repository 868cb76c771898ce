/**
 * A part of the crowd, in a process of its own: raw sockets that speak as much WebSocket as is needed, so
 * that the driver takes little of the machine that it measures. Counts, and tells its parent.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { setPriority } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { paths } from '../addresses.ts';
import type { ClientMessage } from '../contract.ts';
import { AccessTokens } from '../services/auth/access-token.ts';
import { clientFrame, FrameReader, pongFrame } from './web-socket-frames.ts';

export type CrowdOrder = {
  users: number;
  port: number;
  /** one for each worker, because an address has some 28,000 ports */
  localAddress: string;
  event: string;
  secret: string;
  /** connections that are being opened at a time */
  width: number;
  perSecond: number;
};
/** Times by `Date.now()`, the same clock in all processes of a machine. */
export type CrowdReport = {
  connected: number;
  failed: number;
  lost: number;
  /** who heard that the sale is open, when the first and the last did */
  toldOpen: number;
  firstOpenAt: number;
  lastOpenAt: number;
  /** the same message again, or an older one after it */
  toldTwice: number;
  messages: number;
  pings: number;
};

const firstLocalPort = 20_000;
// the shop comes first on a machine that both share
setPriority(10);

const report: CrowdReport = {
  connected: 0,
  failed: 0,
  lost: 0,
  toldOpen: 0,
  firstOpenAt: 0,
  lastOpenAt: 0,
  toldTwice: 0,
  messages: 0,
  pings: 0,
};
const sockets: Socket[] = [];
let isEnding = false;
/** one for all: a chunk is dealt with before the next one is read */
const buffer = Buffer.allocUnsafe(64 * 1024);

process.on('message', (message: CrowdOrder | 'report' | 'end') => {
  if (message === 'report') process.send?.(report);
  else if (message === 'end') end();
  else void join(message).then(() => process.send?.(report));
});
process.once('disconnect', end);

async function join(order: CrowdOrder): Promise<void> {
  const tokens = new AccessTokens({ secret: order.secret, ttlMs: 3_600_000 });
  const lastTold = new Float64Array(order.users);
  const heardOpen = new Uint8Array(order.users);
  const begin = performance.now();
  let next = 0;
  const lane = async () => {
    for (let user = next++; user < order.users && !isEnding; user = next++) {
      const dueMs = begin + (user / order.perSecond) * 1_000 - performance.now();
      if (dueMs > 0) await sleep(dueMs);
      const { accessToken } = await tokens.issue({ id: randomUUID(), role: 'buyer', region: 'eu' });
      const isIn = await open(order, user, accessToken, (text) => {
        report.messages += 1;
        const told = Number(/"updatedAt":([\d.]+)/.exec(text)?.[1] ?? 0);
        if (told <= (lastTold[user] as number)) report.toldTwice += 1;
        lastTold[user] = told;
        if (heardOpen[user] === 0 && text.includes('"phase":"open"')) {
          heardOpen[user] = 1;
          report.toldOpen += 1;
          report.lastOpenAt = Date.now();
          report.firstOpenAt ||= report.lastOpenAt;
        }
      });
      if (isIn) report.connected += 1;
      else report.failed += 1;
    }
  };
  await Promise.all(Array.from({ length: order.width }, lane));
}

/**
 * True once the upgrade was answered and the room is watched. The local port is named, or the kernel searches for a
 * free one each time, which is slower than all the rest; it does so where a server of this machine has the named one.
 */
function open(
  order: CrowdOrder,
  user: number,
  token: string,
  hear: (text: string) => void,
  localPort = firstLocalPort + user,
): Promise<boolean> {
  return new Promise((resolve) => {
    let isOpen = false;
    const reader = new FrameReader(hear, (payload) => {
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
            if (!isOpen) socket.destroy();
            else {
              const messages: ClientMessage[] = [
                { type: 'authorize', accessToken: token },
                { type: 'watch-waiting-room', event: order.event },
              ];
              socket.write(
                Buffer.concat(messages.map((message) => clientFrame(JSON.stringify(message)))),
              );
              reader.read(buffer, Buffer.byteLength(answer.slice(0, headEnd + 4), 'latin1'), count);
            }
            resolve(isOpen);
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
      if (code === 'EADDRINUSE' && localPort !== 0) resolve(open(order, user, token, hear, 0));
    });
    socket.on('close', () => {
      if (isOpen && !isEnding) report.lost += 1;
      resolve(false);
    });
    sockets.push(socket);
  });
}

function end(): void {
  if (isEnding) return;
  isEnding = true;
  // a reset leaves no port waiting for a minute
  for (const socket of sockets) socket.resetAndDestroy();
  setTimeout(() => process.exit(0), 500);
}
