import { describe, expect, it } from 'vitest';
import { Hearing } from '../load/crowd-hearing.ts';
import { nobody } from '../load/crowd-report.ts';

const change = (seq: number) => `{"type":"change","seq":${seq}}`;
const room = (phase: string, updatedAt: number) =>
  `{"type":"waiting-room","status":{"phase":"${phase}","updatedAt":${updatedAt}}}`;

const hearing = () => {
  const report = nobody();
  return { report, people: new Hearing(3, report) };
};

describe('what a crowd hears', () => {
  it('counts for each change who was told, and when the first and the last one was', () => {
    const { report, people } = hearing();
    const before = Date.now();
    for (const user of [0, 1, 2]) people.hear(user, change(7));
    people.hear(1, change(8));
    expect(report).toMatchObject({
      ...{ messages: 4, toldTwice: 0 },
      changes: { 7: { count: 3 }, 8: { count: 1 } },
    });
    const { firstAt, lastAt } = report.changes[7] as { firstAt: number; lastAt: number };
    expect(firstAt).toBeGreaterThanOrEqual(before);
    expect(lastAt).toBeGreaterThanOrEqual(firstAt);
  });

  it('counts an opening once for each, and not before it is one', () => {
    const { report, people } = hearing();
    people.hear(0, room('lobby', 1));
    expect(report.opening.count).toBe(0);
    for (const user of [0, 1]) people.hear(user, room('open', 2));
    people.hear(0, room('open', 3));
    expect(report).toMatchObject({ opening: { count: 2 }, toldTwice: 0 });
  });

  it('finds the same again, and an older one after it, for whoever heard it', () => {
    const { report, people } = hearing();
    for (const text of [change(2), change(2), change(1)]) people.hear(0, text);
    expect(report.toldTwice).toBe(2);
    for (const text of [room('lobby', 5), room('lobby', 5), room('open', 4)]) people.hear(1, text);
    expect(report.toldTwice).toBe(4);
    people.hear(2, change(1));
    people.hear(2, room('open', 4));
    expect(report.toldTwice).toBe(4);
  });

  it('counts who was let in, and what was refused by what was said', () => {
    const { report, people } = hearing();
    people.hear(0, '{"type":"authorized"}');
    const refusal = '{"type":"problem","problem":{"code":"unauthorized"}}';
    for (const user of [1, 2]) people.hear(user, refusal);
    people.hear(0, '{"type":"order"}');
    expect(report).toMatchObject({ authorized: 1, refusals: { [refusal]: 2 }, messages: 4 });
  });
});
