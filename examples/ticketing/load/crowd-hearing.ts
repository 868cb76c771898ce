/** What the people of a part of the crowd hear, counted: who was told what, when the first and the last one was, and what twice. */
import { textFrame } from '../services/gateway/text-frame.ts';
import { readMessage } from './crowd-message.ts';
import { type CrowdReport, nobody, type Told, tally, toldNobody } from './crowd-report.ts';
import { FrameReader } from './web-socket-frames.ts';

export class Hearing {
  readonly #report: CrowdReport;
  readonly #lastStatus: Float64Array;
  readonly #lastChange: Float64Array;
  readonly #heardOpen: Uint8Array;
  #message = readMessage('');
  /** who heard of the change that is the message */
  #change = toldNobody();

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
    if (text !== this.#message.text) this.#read(text);
    const message = this.#message;
    if (message.type === 'change') {
      const { seq } = message;
      if (seq <= (this.#lastChange[user] as number)) report.toldTwice += 1;
      this.#lastChange[user] = seq;
      count(this.#change);
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

  #read(text: string): void {
    const message = readMessage(text);
    this.#message = message;
    if (message.type === 'change')
      this.#change = this.#report.changes[message.seq] ??= toldNobody();
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
  for (let round = 1; round <= 20; round += 1) {
    // as large as those that will come: for V8 they are of another kind than small ones
    const number = Date.now() + round;
    for (const text of [
      `{"type":"waiting-room","status":{"phase":"lobby","updatedAt":${number}}}`,
      `{"type":"waiting-room","status":{"phase":"open","updatedAt":${number}}}`,
      `{"type":"change","seq":${number}}`,
    ]) {
      const frame = textFrame(Buffer.from(text));
      for (let time = 0; time < 1_000; time += 1) reader.read(frame, 0, frame.length);
    }
  }
}
