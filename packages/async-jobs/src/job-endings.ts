import type { JobQueue } from './async-jobs.ts';
import type { JobFacts } from './attempt.ts';
import type { ConsumerOptions } from './consumer-options.ts';
import { delayed } from './delay-line.ts';
import { JobAbortedError } from './errors.ts';
import { type Dead, type Outcome, tellCancelled, tellDead } from './job-run.ts';
import { toDeadLetter } from './record.ts';
import type { Delivery, RunEnvironment } from './run-environment.ts';
import type { QueueTopics } from './topics.ts';
import type { OutgoingRecord } from './transport.ts';

const SEND_MS = 10_000;
const ON_DEAD_TRIES = 5;

/**
 * What follows from the end of a job: its flow's next step, a record on a retry topic, a dead
 * letter. Each is repeated until it is done, for an offset is complete only after that.
 */
export class JobEndings {
  readonly #jobs: JobQueue;
  readonly #topics: QueueTopics;
  readonly #options: ConsumerOptions;
  readonly #env: RunEnvironment;

  constructor(jobs: JobQueue, topics: QueueTopics, options: ConsumerOptions, env: RunEnvironment) {
    this.#jobs = jobs;
    this.#topics = topics;
    this.#options = options;
    this.#env = env;
  }

  /** Does it. True when the record's offset is complete. */
  async follow(outcome: Outcome, delivery: Delivery): Promise<boolean> {
    switch (outcome.kind) {
      case 'handed-back':
        return false;
      case 'done': {
        const { facts, result } = outcome;
        if (facts.flow && !(await this.#settle(facts, { result }, delivery))) return false;
        this.#options.completed(delivery.record);
        return true;
      }
      case 'cancelled': {
        const { facts } = outcome;
        const error = new JobAbortedError(facts.name, 'cancelled');
        if (facts.flow && !(await this.#settle(facts, { error }, delivery))) return false;
        tellCancelled(this.#env, facts);
        this.#options.left(facts, 'cancelled');
        return true;
      }
      case 'later': {
        const { waitMs, attempts, facts } = outcome;
        const { record, key, partition } = delivery;
        const again = {
          topic: partition.topic,
          key,
          value: record.value ?? '',
          headers: record.headers,
        };
        const waiting = delayed(this.#topics, again, waitMs, this.#jobs.clock.now(), attempts);
        const acked = await this.#send(waiting, delivery);
        if (acked) this.#options.left(facts, 'later');
        return acked;
      }
      case 'dead':
        return this.#bury(outcome, delivery);
    }
  }

  async #bury(outcome: Dead, delivery: Delivery): Promise<boolean> {
    const { reason, error, attempts, facts } = outcome;
    await this.#compensate(outcome);
    if (facts?.flow && !(await this.#settle(facts, { error }, delivery))) return false;
    const letter = toDeadLetter(this.#topics.deadLetters, delivery.record, {
      reason,
      error,
      attempts,
      topic: delivery.partition.topic,
      partition: delivery.partition.id,
      group: this.#options.group,
      atMs: this.#jobs.clock.now(),
    });
    if (!(await this.#send(letter, delivery))) return false;
    if (facts) tellDead(this.#env, facts, attempts, error);
    this.#options.dead(outcome);
    return true;
  }

  async #compensate({ compensate }: Dead): Promise<void> {
    for (let tries = 1; compensate && tries <= ON_DEAD_TRIES; tries++) {
      try {
        await compensate();
        return;
      } catch (error) {
        this.#options.error(error);
        await this.#jobs.pause(tries, this.#env.stopping);
      }
    }
  }

  async #settle(
    facts: JobFacts,
    end: { result: unknown } | { error: unknown },
    { partition }: Delivery,
  ): Promise<boolean> {
    const { stopping } = this.#env;
    for (let tries = 1; ; tries++) {
      try {
        await this.#options.settled(facts, end);
        return true;
      } catch (error) {
        this.#options.error(error);
        await this.#jobs.pause(tries, stopping);
        if (stopping.aborted || !partition.owned) return false;
      }
    }
  }

  #send(record: OutgoingRecord, { partition }: Delivery): Promise<boolean> {
    const { stopping } = this.#env;
    return this.#jobs.sendUntilAcked(
      [record],
      SEND_MS,
      this.#options.error,
      () => stopping.aborted || !partition.owned,
      stopping,
    );
  }
}
