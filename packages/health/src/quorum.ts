import type { CheckRunner } from './check-runner.ts';

/** How one instance sees one shared dependency. */
export interface QuorumVote {
  readonly service: string;
  readonly check: string;
  /** Whether its last run was good; not damped, so that nobody is believed to be well who no longer is. */
  readonly isWell: boolean;
}

/**
 * What the *other* instances saw, each counted once by its latest vote. A `well` vote counts only if it was cast after
 * this instance's trouble began: when the dependency dies, whoever notices first must not be outvoted by the past.
 */
export interface QuorumCount {
  readonly well: number;
  readonly unwell: number;
}

/**
 * Where the instances of a service tell one another how their shared dependencies look from where they stand.
 * It may fail or hang: then nothing is known of the others, and readiness stays up. See `redisQuorum`.
 */
export interface Quorum {
  vote(vote: QuorumVote): Promise<QuorumCount>;
}

/** A view that takes longer is no view. */
const VOTE_MS = 500;

/**
 * Votes after every run of a shared check and remembers whether this instance is alone with its trouble: most of the
 * fleet, this instance included, is well. That is never true of half of the fleet at once, so a vote cannot empty a
 * service. One vote of a check at a time; a vote that failed, hangs or is outdated makes nobody alone.
 */
export class QuorumWatch {
  readonly #service: string;
  readonly #quorum: Quorum;
  readonly #onChange: (runner: CheckRunner) => void;
  readonly #alone = new Set<CheckRunner>();
  readonly #voting = new Set<CheckRunner>();

  constructor(service: string, quorum: Quorum, onChange: (runner: CheckRunner) => void) {
    this.#service = service;
    this.#quorum = quorum;
    this.#onChange = onChange;
  }

  isAlone(runner: CheckRunner): boolean {
    return this.#alone.has(runner);
  }

  /** Casts a vote in the background; a probe never waits for it. */
  vote(runner: CheckRunner): void {
    const isWell = runner.isLastGood;
    if (isWell) this.#alone.delete(runner);
    // A client that queues while it is offline must not be given one vote after another.
    if (this.#voting.has(runner)) return;
    this.#voting.add(runner);
    let isOverdue = false;
    const budget = setTimeout(() => {
      isOverdue = true;
      this.#settle(runner, false);
    }, VOTE_MS);
    budget.unref();
    const done = (isAlone: boolean) => {
      clearTimeout(budget);
      this.#voting.delete(runner);
      this.#settle(runner, isAlone && !isOverdue && !runner.isLastGood);
    };
    const vote = { service: this.#service, check: runner.plan.name, isWell };
    new Promise<QuorumCount>((resolve) => resolve(this.#quorum.vote(vote))).then(
      ({ well, unwell }) => done(!isWell && well > unwell + 1),
      () => done(false),
    );
  }

  #settle(runner: CheckRunner, isAlone: boolean): void {
    if (isAlone === this.#alone.has(runner)) return;
    if (isAlone) this.#alone.add(runner);
    else this.#alone.delete(runner);
    this.#onChange(runner);
  }
}
