import { describe, expect, it } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { clientFrame, FrameReader, pongFrame } from '../load/web-socket-frames.ts';
import { textFrame } from '../services/gateway/text-frame.ts';

/** A ping is a text frame but for its kind. */
const ping = (text: string) => {
  const frame = Buffer.from(textFrame(Buffer.from(text)));
  frame[0] = 0x89;
  return frame;
};

describe('the frames of the crowd', () => {
  it('are read whole wherever the chunks end', () => {
    const texts = ['', 'a', 'x'.repeat(125), 'y'.repeat(126), 'ü'.repeat(3_000)];
    const bytes = Buffer.concat([
      ...texts.map((text) => textFrame(Buffer.from(text))),
      ping('beat'),
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

  it('are told apart where the same bytes are told to many, and others of the same length', () => {
    const heard: string[][] = [[], [], []];
    const readers = heard.map(
      (mine) =>
        new FrameReader(
          (text) => mine.push(text),
          () => {},
        ),
    );
    const tell = (texts: string[]) => {
      const bytes = Buffer.concat(texts.map((text) => textFrame(Buffer.from(text))));
      for (const reader of readers) reader.read(bytes, 0, bytes.length);
      // the caller's again: what was heard stays as it was
      bytes.fill(0);
    };
    for (const texts of [['seat A'], ['seat B'], ['seat B', 'seat A'], ['seat A'], [''], ['']]) {
      tell(texts);
    }
    for (const mine of heard) {
      expect(mine).toEqual(['seat A', 'seat B', 'seat B', 'seat A', 'seat A', '', '']);
    }
  });

  it('are not taken for the inside of another one that has the same bytes', () => {
    const inner = textFrame(Buffer.from('seat A'));
    const outer = textFrame(Buffer.concat([Buffer.from('<'), inner, Buffer.from('>')]));
    const heard: string[] = [];
    const reader = new FrameReader(
      (text) => heard.push(text),
      () => {},
    );
    reader.read(inner, 0, inner.length);
    for (const [from, until] of [
      [0, 3],
      [3, 3 + inner.length],
      [3 + inner.length, outer.length],
    ] as const) {
      reader.read(outer, from, until);
    }
    expect(heard).toEqual(['seat A', `<${inner}>`]);
  });

  it('that the gateway writes beneath a real server, between its own, are understood by a real client', async () => {
    const server = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: false });
    const texts = ['short', 'm'.repeat(126), 'l'.repeat(65_535), 'h'.repeat(65_536)];
    server.on('connection', (socket, request) => {
      for (const text of texts) {
        socket.send(`by ws: ${text}`);
        socket.ping();
        request.socket.write(textFrame(Buffer.from(text)));
      }
      socket.close();
    });
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as { port: number };
    const client = new WebSocket(`ws://127.0.0.1:${port}`);
    const heard: string[] = [];
    client.on('message', (data, isBinary) => heard.push(isBinary ? 'binary' : String(data)));
    await new Promise((resolve) => client.once('close', resolve));
    expect(heard).toEqual(texts.flatMap((text) => [`by ws: ${text}`, text]));
    server.close();
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
