import { describe, expect, it } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { clientFrame, FrameReader, pongFrame } from '../load/web-socket-frames.ts';

const serverFrame = (kind: number, text: string) => {
  const payload = Buffer.from(text);
  const { length } = payload;
  const head = length < 126 ? [kind, length] : [kind, 126, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from(head), payload]);
};

describe('the frames of the crowd', () => {
  it('are read whole wherever the chunks end', () => {
    const texts = ['', 'a', 'x'.repeat(125), 'y'.repeat(126), 'ü'.repeat(3_000)];
    const bytes = Buffer.concat([
      ...texts.map((text) => serverFrame(0x81, text)),
      serverFrame(0x89, 'beat'),
    ]);
    for (const size of [1, 2, 3, 7, 64, 1_000, bytes.length]) {
      const heard: string[] = [];
      const pings: string[] = [];
      const reader = new FrameReader(
        (text) => heard.push(text),
        (payload) => pings.push(payload.toString()),
      );
      for (let at = 0; at < bytes.length; at += size) {
        reader.read(bytes, at, Math.min(bytes.length, at + size));
      }
      expect(heard).toEqual(texts);
      expect(pings).toEqual(['beat']);
    }
  });

  it('are understood by a real server', async () => {
    const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
    const heard: string[] = [];
    const done = new Promise<void>((resolve) => {
      server.on('connection', (socket) => {
        socket.on('message', (data) => heard.push(String(data)));
        socket.on('pong', (data) => {
          heard.push(`pong ${data}`);
          resolve();
        });
      });
    });
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as { port: number };
    const client = new WebSocket(`ws://127.0.0.1:${port}`);
    await new Promise((resolve) => client.once('open', resolve));
    const raw = (client as unknown as { _socket: { write(bytes: Buffer): void } })._socket;
    for (const text of ['short', 'l'.repeat(500)]) raw.write(clientFrame(text));
    raw.write(pongFrame(Buffer.from('beat')));
    await done;
    expect(heard).toEqual(['short', 'l'.repeat(500), 'pong beat']);
    client.terminate();
    server.close();
  });
});
