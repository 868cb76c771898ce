import { createServer, type Server } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { FrontDoor } from '../load/front-door.ts';
import { arrivalTimes, arrive } from '../load/open-model.ts';
import { seeded, shuffle } from '../load/random.ts';
import { Recorder } from '../load/recorder.ts';
import { ask } from '../load/shopper.ts';

let server: Server | undefined;
afterEach(() => server?.close());

describe('the open model', () => {
  it('has the arrivals of its seed, at the rate of its plan', () => {
    const plan = () => arrivalTimes({ perSecond: 100, count: 5_000, random: seeded(7) });
    const times = plan();
    expect(times).toEqual(plan());
    expect(times).not.toEqual(arrivalTimes({ perSecond: 100, count: 5_000, random: seeded(8) }));
    const last = times.at(-1) as number;
    expect(last).toBeGreaterThan(47_000);
    expect(last).toBeLessThan(53_000);
    expect([...arrivalTimes({ perSecond: 4, count: 3 })]).toEqual([0, 250, 500]);
    expect(shuffle([1, 2, 3, 4, 5], seeded(1))).toEqual(shuffle([1, 2, 3, 4, 5], seeded(1)));
  });

  it('counts a stall of the server against everybody who came meanwhile', async () => {
    const stallMs = 600;
    let openAt = 0;
    server = createServer(async (_request, response) => {
      openAt ||= performance.now() + stallMs;
      await sleep(Math.max(0, openAt - performance.now()));
      response.end('{}');
    });
    await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const port = typeof address === 'object' && address ? address.port : 0;
    const recorder = new Recorder();
    recorder.enter('stall');
    const door = new FrontDoor(() => [`http://127.0.0.1:${port}`]);
    await arrive({ perSecond: 100, count: 60 }, (_index, intendedAt) =>
      ask(door, recorder, { kind: 'page', path: '/', intendedAt }),
    );
    await door.close();
    const { counts, p50Ms, maxMs } = recorder.total();
    expect(counts).toEqual({ ok: 60, refused: 0, later: 0, wrong: 0 });
    // a closed loop would have sent one request in that time, and called the median fast
    expect(p50Ms).toBeGreaterThan(200);
    expect(maxMs).toBeGreaterThan(500);
  });
});
