import { describe, expect, it } from 'vitest';
import { type ServerMessage, waitingRoomSchema } from '../contract.ts';
import { readMessage } from '../load/crowd-message.ts';

const read = (message: ServerMessage) => readMessage(JSON.stringify(message));

describe('what the crowd takes from a message', () => {
  it.each(['lobby', 'open'])('of the room: how new it is, and whether it is open (%s)', (phase) => {
    const status = waitingRoomSchema.parse({
      ...{ room: 'hall', phase, commitment: 'c', seed: null, opensAt: 1_000, admittedBelow: 0.25 },
      ...{ steps: [[1, 2]], waiting: 3, active: 4, pacePerSecond: 5, updatedAt: 123_456.5 },
    });
    expect(read({ type: 'waiting-room', event: 'hall', status })).toMatchObject({
      ...{ type: 'waiting-room', updatedAt: 123_456.5, isOpen: phase === 'open' },
    });
  });

  it('of a change: its number', () => {
    const seats = { 'A-1': 'held' } as const;
    const counts = [{ sku: 'seq', total: 9, free: 8, held: 1, sold: 0 }];
    expect(read({ type: 'change', event: 'hall', seq: 42, counts, seats })).toMatchObject({
      ...{ type: 'change', seq: 42 },
    });
  });

  it('of anything else: what it is, or that it is nothing that is counted', () => {
    const problem = { code: 'not_found', message: 'There is no such event.' } as const;
    expect(read({ type: 'authorized' }).type).toBe('authorized');
    expect(read({ type: 'problem', problem }).type).toBe('problem');
    for (const text of ['', '{', '{"type":"availability","availability":{}}']) {
      expect(readMessage(text)).toEqual({ text, type: 'other' });
    }
  });
});
