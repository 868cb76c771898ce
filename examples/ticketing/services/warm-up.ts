/**
 * Code is compiled as it is used: a process that has just started is slow, and the slower the more come at once. So before
 * it says that it is ready it uses its own code, by calls of its own API that change nothing, and by visits, for a while.
 */
import { setTimeout as sleep } from 'node:timers/promises';

export type OwnCall = (path: string, post?: { body: object }) => Promise<void>;
/** The process as its own caller. */
export type Self = { url: string; accessToken: string | undefined };
/** Goes once over what will be used most; nobody sees anything of it. `call` is one of `self`. */
export type WarmUp = (call: OwnCall, self: Self) => Promise<unknown>;

/** of each pass at a time: connections are opened as well */
const lanes = 4;
/** of a pass that waits for an answer */
export const patienceMs = 2_000;

/** Resolves after `forMs` with how many passes were made. What fails is for the health checks to say. */
export async function warmUp(options: {
  self: Self;
  passes: readonly WarmUp[];
  forMs: number;
}): Promise<number> {
  const { self, passes, forMs } = options;
  const { url, accessToken } = self;
  const until = performance.now() + forMs;
  const headers = {
    'content-type': 'application/json',
    ...(accessToken ? { authorization: `Bearer ${accessToken}` } : {}),
  };
  const call: OwnCall = async (path, post) => {
    const signal = AbortSignal.timeout(patienceMs);
    const more = post ? { method: 'POST', body: JSON.stringify(post.body) } : {};
    const response = await fetch(url + path, { headers, signal, ...more });
    await response.arrayBuffer();
  };
  let done = 0;
  const lane = async (pass: WarmUp) => {
    while (performance.now() < until) {
      await pass(call, self).then(
        () => (done += 1),
        () => sleep(100),
      );
    }
  };
  await Promise.all(passes.flatMap((pass) => Array.from({ length: lanes }, () => lane(pass))));
  return done;
}
