import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';
import { AddressInUseError } from './backend-error.ts';

// Below the range from which systems take ports for outgoing connections: a server that restarts on its
// port must find it free.
const FIRST = 15_000;
const END = 32_000;
const ATTEMPTS = 5;

const taken = new Set<number>();

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
      .once('error', () => resolve(false))
      .listen({ port, host: '127.0.0.1', exclusive: true }, () =>
        server.close(() => resolve(true)),
      );
  });
}

/** A port of 127.0.0.1 on which nobody listens now and which this process did not hand out before. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(FIRST, END);
    if (taken.has(port)) continue;
    taken.add(port);
    if (await isFree(port)) return port;
  }
}

/**
 * Starts something on the wanted port, or on a free one. Another run may take a free port before we bind it:
 * then the next one is tried.
 */
export async function onPort<T>(
  wanted: number | undefined,
  start: (port: number) => Promise<T>,
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await start(wanted ?? (await freePort()));
    } catch (error) {
      const retry = error instanceof AddressInUseError && wanted === undefined;
      if (!retry || attempt === ATTEMPTS) throw error;
    }
  }
}
