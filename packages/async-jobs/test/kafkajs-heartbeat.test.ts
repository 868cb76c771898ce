import { expect, it } from 'vitest';
import { KafkajsHeartbeat } from '../src/kafkajs-heartbeat.ts';
import { ManualClock } from './manual-clock.ts';

/** A heartbeat function like the one of a batch: answered, or refused with this type of error. */
function setup() {
  const clock = new ManualClock();
  let sent = 0;
  let refusal: string | null = null;
  let rebalances = 0;
  const heartbeat = new KafkajsHeartbeat(clock, 600, () => {
    rebalances++;
  });
  const send = async (): Promise<void> => {
    sent++;
    if (refusal) throw Object.assign(new Error(refusal), { type: refusal });
    heartbeat.answered();
  };
  return {
    clock,
    heartbeat,
    send,
    refuse: (type: string | null) => {
      refusal = type;
    },
    figures: () => ({ sent, rebalances }),
  };
}

it('sends a heartbeat as soon as one is due, and none before a batch brought the means', async () => {
  const { clock, heartbeat, send, figures } = setup();
  heartbeat.answered();
  await clock.advance(601);
  expect(figures()).toEqual({ sent: 0, rebalances: 0 });
  heartbeat.answered(); // kafkajs sent one
  heartbeat.use(send);
  await clock.advance(600);
  expect(figures().sent).toBe(0);
  await clock.advance(1);
  expect(figures().sent).toBe(1);
  await clock.advance(601);
  expect(figures()).toEqual({ sent: 2, rebalances: 0 });
  heartbeat.stop();
  await clock.advance(5_000);
  expect(figures().sent).toBe(2);
});

it('tells of a rebalance, and leaves every other error to kafkajs', async () => {
  const { clock, heartbeat, send, refuse, figures } = setup();
  heartbeat.use(send);
  for (const type of ['UNKNOWN_MEMBER_ID', 'REBALANCE_IN_PROGRESS']) {
    refuse(type);
    heartbeat.answered();
    await clock.advance(601);
  }
  expect(figures()).toEqual({ sent: 2, rebalances: 1 });
});
