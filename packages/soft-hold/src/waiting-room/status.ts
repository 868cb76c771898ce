/**
 * What a browser needs of a waiting room: plain functions over the published status, no Node module.
 */

/**
 * The one document everybody polls. It is the same for all, so a CDN can serve it: each browser works
 * out its own position.
 */
export type WaitingRoomStatus = {
  room: string;
  phase: 'lobby' | 'open';
  /** SHA-256 of the seed in hex: published before the draw, so that the seed cannot be chosen after it. */
  commitment: string;
  /** From the opening on: whoever has it can work out and check every place. */
  seed: string | null;
  /** Time in ms. */
  opensAt: number;
  /** Places below this are admitted: fetch a pass. */
  admittedBelow: number;
  /** How many are ahead of everybody below each bound: `[bound, people]`, bounds ascending. */
  steps: [bound: number, people: number][];
  /** People who are waiting behind `admittedBelow`. */
  waiting: number;
  /** Passes that may be used now. */
  active: number;
  /** People a second, as admitted lately; 0 when nobody was. */
  pacePerSecond: number;
  /** Time in ms. */
  updatedAt: number;
};

/** Where one place stands. `position` 0: admitted. */
export type Standing = { position: number; waitSeconds: number | null };

/**
 * The place of an account in the draw: [0, 1), the lower the sooner. HMAC-SHA256 of room and account
 * under the seed, its first 48 bits as a fraction. Runs in browsers and in Node.
 */
export async function drawnPlace(seed: string, room: string, account: string): Promise<number> {
  const text = new TextEncoder();
  const { subtle } = globalThis.crypto;
  const algorithm = { name: 'HMAC', hash: 'SHA-256' };
  const key = await subtle.importKey('raw', text.encode(seed), algorithm, false, ['sign']);
  const mac = new Uint8Array(await subtle.sign('HMAC', key, text.encode(`${room}\n${account}`)));
  return fraction(mac);
}

/** The first 48 bits as a fraction of 1. */
export function fraction(mac: Uint8Array): number {
  let value = 0;
  for (const byte of mac.subarray(0, 6)) value = value * 256 + byte;
  return value / 2 ** 48;
}

/** How many are ahead of a place, and about how long that takes. O(steps). */
export function standingOf(status: WaitingRoomStatus, place: number): Standing {
  if (status.phase === 'open' && place < status.admittedBelow)
    return { position: 0, waitSeconds: 0 };
  const ahead = Math.max(
    0,
    peopleBelow(status.steps, place) - peopleBelow(status.steps, status.admittedBelow),
  );
  const position = Math.floor(ahead) + 1;
  const { pacePerSecond } = status;
  return { position, waitSeconds: pacePerSecond > 0 ? position / pacePerSecond : null };
}

/** People below a place: counted up to the bound before it, in proportion from there. */
export function peopleBelow(steps: WaitingRoomStatus['steps'], place: number): number {
  let [from, people] = [0, 0];
  for (const [bound, upTo] of steps) {
    if (place < bound) return people + ((upTo - people) * (place - from)) / (bound - from);
    [from, people] = [bound, upTo];
  }
  return people;
}

/** The place below which there are as many people: the inverse of `peopleBelow`. */
export function placeBelow(steps: WaitingRoomStatus['steps'], wanted: number): number {
  let [from, people] = [0, 0];
  for (const [bound, upTo] of steps) {
    if (wanted < upTo) return from + ((wanted - people) * (bound - from)) / (upTo - people);
    [from, people] = [bound, upTo];
  }
  return from;
}
