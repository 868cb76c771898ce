/** What the people of a part of the crowd hear, counted: who was told what, when the first and the last one was, and what twice. */
import { textFrame } from '../services/gateway/text-frame.ts';
import { readMessage } from './crowd-message.ts';
import { type CrowdReport, nobody, type Told, tally } from './crowd-report.ts';
import { FrameReader } from './web-socket-frames.ts';

export class Hearing {
  readonly #report: CrowdReport;
  readonly #lastStatus: Float64Array;
  readonly #lastChange: Float64Array;
  readonly #heardOpen: Uint8Array;
  #message = readMessage('');

  constructor(users: number, report: CrowdReport) {
    this.#report = report;
    this.#lastStatus = new Float64Array(users);
    this.#lastChange = new Float64Array(users);
    this.#heardOpen = new Uint8Array(users);
  }

  /** `user` counts from 0. */
  hear(user: number, text: string): void {
    const report = this.#report;
    report.messages += 1;
    // most are the one before, for somebody else
    if (text !== this.#message.text) this.#message = readMessage(text);
    const message = this.#message;
    if (message.type === 'change') {
      const { seq } = message;
      if (seq <= (this.#lastChange[user] as number)) report.toldTwice += 1;
      this.#lastChange[user] = seq;
      report.changes[seq] ??= { count: 0, firstAt: 0, lastAt: 0 };
      count(report.changes[seq]);
    } else if (message.type === 'waiting-room') {
      const { updatedAt, isOpen } = message;
      if (updatedAt <= (this.#lastStatus[user] as number)) report.toldTwice += 1;
      this.#lastStatus[user] = updatedAt;
      if (this.#heardOpen[user] === 1 || !isOpen) return;
      this.#heardOpen[user] = 1;
      count(report.opening);
    } else if (message.type === 'authorized') report.authorized += 1;
    else if (message.type === 'problem') tally(report.refusals, text);
  }
}

function count(told: Told): void {
  told.count += 1;
  told.lastAt = Date.now();
  told.firstAt ||= told.lastAt;
}

/** Hears what will be heard, as often as it takes to be compiled: no compiler shall work beside those who are told first. */
export function rehearse(): void {
  const hearing = new Hearing(1, nobody());
  const reader = new FrameReader(
    (text) => hearing.hear(0, text),
    () => {},
  );
  for (let seq = 1; seq <= 20; seq += 1) {
    for (const text of [
      `{"type":"waiting-room","status":{"phase":"lobby","updatedAt":${seq}}}`,
      `{"type":"waiting-room","status":{"phase":"open","updatedAt":${seq}}}`,
      `{"type":"change","seq":${seq}}`,
    ]) {
      const frame = textFrame(Buffer.from(text));
      for (let time = 0; time < 1_000; time += 1) reader.read(frame, 0, frame.length);
    }
  }
}
