import { once } from 'node:events';
import { setImmediate } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { expect, test } from 'vitest';
import { withDeadline } from '../src/deadline.ts';

test('an answer that came while the process stood still is in time', async () => {
  const echo = new Worker(
    `const { parentPort } = require('node:worker_threads');
     parentPort.on('message', (text) => parentPort.postMessage(text));`,
    { eval: true },
  );
  try {
    await once(echo, 'online');
    // what comes next in the event loop are its timers, and then what has been received
    await setImmediate();
    const answer = once(echo, 'message').then(([text]) => text);
    const waiting = withDeadline(answer, 50, () => new Error('late'));
    echo.postMessage('here');
    const until = performance.now() + 200;
    while (performance.now() < until);
    await expect(waiting).resolves.toBe('here');
  } finally {
    await echo.terminate();
  }
});

test('an answer that does not come is late', async () => {
  await expect(withDeadline(new Promise(() => {}), 20, () => new Error('late'))).rejects.toThrow(
    'late',
  );
});
