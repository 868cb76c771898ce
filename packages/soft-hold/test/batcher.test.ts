import { expect, test } from 'vitest';
import { Batcher, type BatchReply } from '../src/batcher.ts';
import type { BoardRequest } from '../src/board.ts';

function recorder() {
  const batches: BoardRequest[][] = [];
  const send = async (requests: BoardRequest[]): Promise<BatchReply> => {
    batches.push(requests);
    const results = requests.map((request) => [...request]);
    return { epoch: 1, seq: 1, now: 1, more: false, results };
  };
  return { batches, send };
}

test('requests of one turn travel together, each with its own answer', async () => {
  const { batches, send } = recorder();
  const batcher = new Batcher(send, 64);
  const answers = await Promise.all(['a', 'b', 'c'].map((text) => batcher.request([text])));
  expect(batches).toEqual([[['a'], ['b'], ['c']]]);
  expect(answers.map(({ result }) => result)).toEqual([['a'], ['b'], ['c']]);
  await batcher.request(['d']);
  expect(batches).toHaveLength(2);
});

test('a batch is never longer than its limit', async () => {
  const { batches, send } = recorder();
  const batcher = new Batcher(send, 4);
  await Promise.all(Array.from({ length: 10 }, (_, i) => batcher.request([String(i)])));
  expect(batches.map((batch) => batch.length)).toEqual([4, 4, 2]);
  expect(batches.flat(2)).toEqual([...'0123456789']);
});

test('an aborted request is not sent, the others are', async () => {
  const { batches, send } = recorder();
  const batcher = new Batcher(send, 64);
  const abort = new AbortController();
  const aborted = batcher.request(['a'], abort.signal);
  const kept = batcher.request(['b'], new AbortController().signal);
  abort.abort(new Error('gone'));
  await expect(aborted).rejects.toThrow('gone');
  await expect(batcher.request(['c'], AbortSignal.abort(new Error('before')))).rejects.toThrow(
    'before',
  );
  expect((await kept).result).toEqual(['b']);
  expect(batches).toEqual([[['b']]]);
});

test('a failed call fails every request in it, and only those', async () => {
  let calls = 0;
  const { send } = recorder();
  const batcher = new Batcher((requests) => {
    if (++calls === 1) return Promise.reject(new Error('down'));
    return send(requests);
  }, 2);
  const outcomes = await Promise.allSettled(['a', 'b', 'c'].map((text) => batcher.request([text])));
  expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'fulfilled']);
});

test('closing rejects what was not sent', async () => {
  const { batches, send } = recorder();
  const batcher = new Batcher(send, 64);
  const waiting = batcher.request(['a']);
  batcher.close(new Error('closed'));
  await expect(waiting).rejects.toThrow('closed');
  expect(batches).toEqual([]);
});
