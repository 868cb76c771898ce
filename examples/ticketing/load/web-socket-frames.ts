/** The part of RFC 6455 that a load driver needs: unfragmented text, ping, pong. */

const mask = [0x37, 0xfa, 0x21, 0x3d] as const;

/** What a client sends is masked; a fixed mask is as good as any to a server. */
export function clientFrame(text: string): Buffer {
  return masked(0x81, Buffer.from(text));
}

export function pongFrame(payload: Buffer): Buffer {
  return masked(0x8a, payload);
}

function masked(first: number, payload: Buffer): Buffer {
  const { length } = payload;
  if (length > 65_535) throw new RangeError(`Expected at most 65,535 bytes, got ${length}`);
  const head = length < 126 ? [first, 0x80 | length] : [first, 0xfe, length >> 8, length & 0xff];
  const frame = Buffer.alloc(head.length + 4 + length);
  frame.set(head);
  frame.set(mask, head.length);
  for (let at = 0; at < length; at += 1) {
    frame[head.length + 4 + at] = (payload[at] as number) ^ (mask[at & 3] as number);
  }
  return frame;
}

/** The frame of text that was read last: what is told to a crowd is the same bytes for all, and decoded once. */
let latest = { frame: Buffer.from([0x81, 0]), text: '' };

/** Cuts what a server sends into frames, across any borders of chunks. */
export class FrameReader {
  readonly #onText: (text: string) => void;
  readonly #onPing: (payload: Buffer) => void;
  /** of a frame that has not come whole; most sockets never have one */
  #rest: Buffer | undefined;

  constructor(onText: (text: string) => void, onPing: (payload: Buffer) => void) {
    this.#onText = onText;
    this.#onPing = onPing;
  }

  /** The bytes are the caller's again afterwards. */
  read(chunk: Buffer, from: number, until: number): void {
    const { length } = latest.frame;
    if (
      length === until - from &&
      !this.#rest &&
      chunk.compare(latest.frame, 0, length, from, until) === 0
    ) {
      this.#onText(latest.text);
      return;
    }
    let bytes = chunk.subarray(from, until);
    if (this.#rest) bytes = Buffer.concat([this.#rest, bytes]);
    this.#rest = undefined;
    for (let at = 0; at < bytes.length; ) {
      const size = frameSize(bytes, at);
      if (size === undefined || at + size.whole > bytes.length) {
        this.#rest = Buffer.from(bytes.subarray(at));
        return;
      }
      const payload = bytes.subarray(at + size.head, at + size.whole);
      const kind = (bytes[at] as number) & 0x0f;
      if (kind === 0x1) {
        latest = {
          frame: Buffer.from(bytes.subarray(at, at + size.whole)),
          text: payload.toString(),
        };
        this.#onText(latest.text);
      } else if (kind === 0x9) this.#onPing(payload);
      at += size.whole;
    }
  }
}

/** undefined until the head is there. */
function frameSize(bytes: Buffer, at: number): { head: number; whole: number } | undefined {
  if (at + 2 > bytes.length) return undefined;
  const short = (bytes[at + 1] as number) & 0x7f;
  if (short < 126) return { head: 2, whole: 2 + short };
  const head = short === 126 ? 4 : 10;
  if (at + head > bytes.length) return undefined;
  const length = short === 126 ? bytes.readUInt16BE(at + 2) : Number(bytes.readBigUInt64BE(at + 2));
  return { head, whole: head + length };
}
