import { deserialize, serialize } from 'node:v8';
import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { deepFreeze } from './deep-freeze.ts';
import { CacheValueError } from './errors.ts';

/** How values become text or bytes and back. What `encode` gives, `decode` gets, in any process. */
export interface Codec {
  /** 1 to 32 letters, digits or dashes; values of another codec are a miss. */
  readonly name: string;
  /** May throw; then the value is handed out and not cached. */
  encode(value: unknown): string | Uint8Array;
  /** May throw; then the entry is a miss and the event `undecodable`. */
  decode(data: string | Uint8Array): unknown;
}

/** Values at least this large are deflated, when that makes them smaller. */
export interface Compression {
  /** Of the encoded value, bytes. Default: 2,048. */
  minBytes?: number;
  /** 1 (fast) to 9 (small); it blocks the event loop meanwhile. Default: 1. */
  level?: number;
}

/** How the text after the header is to be read: text, bytes in base64, either deflated first, or `undefined`. */
export type Encoding = 't' | 'b' | 'z' | 'y' | 'u';

/** A value as Redis keeps it, and as everybody gets it who reads that. */
export interface Encoded {
  readonly payload: string;
  readonly encoding: Encoding;
  readonly value: unknown;
}

const json: Codec = {
  name: 'json',
  encode: (value) => {
    const text: string | undefined = JSON.stringify(value);
    if (text === undefined) throw new TypeError(`JSON has no ${typeof value}`);
    return text;
  },
  decode: (data) => JSON.parse(data as string),
};

/** What structured clone carries: dates, maps, sets, bytes, BigInt, cycles. */
const v8: Codec = {
  name: 'v8',
  encode: (value) => serialize(value),
  decode: (data) => deserialize(data as Uint8Array),
};

export const codecs = { json, v8 } as const;

/** The way of values to the text in Redis and back: the codec, then compression. */
export class Payloads {
  /** What a reader must have in common with the writer: codec and version of the values. */
  readonly shape: string;
  readonly #codec: Codec;
  readonly #minBytes: number;
  readonly #level: number;
  readonly #maxBytes: number;

  constructor(codec: Codec, version: string, compression: Required<Compression>, maxBytes: number) {
    this.shape = version === '' ? codec.name : `${codec.name}:${version}`;
    this.#codec = codec;
    this.#minBytes = compression.minBytes;
    this.#level = compression.level;
    this.#maxBytes = maxBytes;
  }

  /**
   * Takes the value through the codec and back, so that the process that loaded it sees what the
   * others see, and shares no object with the loader. O(size).
   *
   * @throws CacheValueError when the codec cannot carry it
   */
  encode(namespace: string, key: string, value: unknown): Encoded {
    if (value === undefined) return { payload: '', encoding: 'u', value };
    let data: string | Uint8Array;
    let seen: unknown;
    try {
      data = this.#codec.encode(value);
      if (typeof data !== 'string' && !(data instanceof Uint8Array)) {
        throw new TypeError(`Expected \`encode\` to give text or bytes, got ${typeof data}`);
      }
      seen = deepFreeze(this.#codec.decode(data));
    } catch (cause) {
      const rule = `cannot be written as ${this.#codec.name}`;
      throw new CacheValueError(namespace, key, rule, { cause });
    }
    return { ...this.#pack(data), value: seen };
  }

  #pack(data: string | Uint8Array): Omit<Encoded, 'value'> {
    const isText = typeof data === 'string';
    if (data.length >= this.#minBytes) {
      const deflated = deflateRawSync(data, { level: this.#level });
      const payload = deflated.toString('base64');
      if (payload.length < data.length) return { payload, encoding: isText ? 'z' : 'y' };
    }
    if (isText) return { payload: data, encoding: 't' };
    return { payload: Buffer.from(data).toString('base64'), encoding: 'b' };
  }

  /** @throws when it is not what `encode` made */
  decode(payload: string, encoding: Encoding): unknown {
    switch (encoding) {
      case 'u':
        return undefined;
      case 't':
        return deepFreeze(this.#codec.decode(payload));
      case 'b':
        return deepFreeze(this.#codec.decode(Buffer.from(payload, 'base64')));
      default: {
        // what is inflated is bounded: a broken or foreign entry must not fill the memory
        const limit = { maxOutputLength: this.#maxBytes };
        const data = inflateRawSync(Buffer.from(payload, 'base64'), limit);
        return deepFreeze(this.#codec.decode(encoding === 'z' ? data.toString() : data));
      }
    }
  }
}
