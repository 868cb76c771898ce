import { writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { CircuitBreaker, type CircuitBreakerOptions } from '@evenkeel/circuit-breaker';
import {
  circuitBreaker,
  handleAll,
  type IPolicy,
  SamplingBreaker,
  TimeoutStrategy,
  timeout,
  wrap,
} from 'cockatiel';
import * as Mollitia from 'mollitia';
import OpossumBreaker from 'opossum';
import { incidentPicture } from './incident-picture.ts';
import {
  type Dependency,
  type Policy,
  type Result,
  SICK_FROM,
  seeded,
  simulate,
  WELL_FROM,
} from './simulation.ts';

// The Thursday on which the payment provider turned slow: 20 calls a second of 200 ms each; for five minutes every
// call takes 30 s, without failing. Who notices, when, and how soon is everything well again afterwards?

const sick = (seconds: number): boolean => seconds >= SICK_FROM && seconds < WELL_FROM;
const healthy = { latencyMs: 200 };
const slow = { latencyMs: 30_000 };
const failing = { latencyMs: 50, fails: true };

const scenarios: [title: string, Dependency][] = [
  ['every call takes 30 s', (seconds) => (sick(seconds) ? slow : healthy)],
  [
    'two keys of three take 30 s',
    (seconds, call) => (sick(seconds) && call % 3 > 0 ? slow : healthy),
  ],
  [
    'a third fails at once, a third takes 30 s',
    (seconds, call) =>
      sick(seconds) ? ([failing, slow, healthy][call % 3] as typeof healthy) : healthy,
  ],
];

function opossum(name: string, options: Record<string, unknown>): Policy {
  return {
    name,
    protect: (upstream) => {
      const breaker = new OpossumBreaker(upstream, options);
      return { call: () => breaker.fire(), stop: () => breaker.shutdown() };
    },
  };
}

function cockatiel(name: string, timeoutMs?: number): Policy {
  return {
    name,
    protect: (upstream) => {
      const breaker = circuitBreaker(handleAll, {
        halfOpenAfter: 5_000,
        breaker: new SamplingBreaker({ threshold: 0.5, duration: 10_000 }),
      });
      const policy: IPolicy =
        timeoutMs === undefined
          ? breaker
          : wrap(breaker, timeout(timeoutMs, TimeoutStrategy.Aggressive));
      return { call: () => policy.execute(upstream) };
    },
  };
}

function mollitia(name: string): Policy {
  return {
    name,
    protect: (upstream) => {
      const breaker = new Mollitia.SlidingTimeBreaker({
        slidingWindowSize: 10_000,
        minimumNumberOfCalls: 20,
        failureRateThreshold: 50,
        slowCallDurationThreshold: 2_000,
        slowCallRateThreshold: 50,
        openStateDelay: 5_000,
        halfOpenStateMaxDelay: 10_000, // with its default, hung probes keep it half-open for ever
        permittedNumberOfCallsInHalfOpenState: 3,
      });
      const circuit = new Mollitia.Circuit({ func: upstream, options: { modules: [breaker] } });
      return { call: () => circuit.execute(), stop: () => breaker.dispose() };
    },
  };
}

function ours(name: string, options: Omit<CircuitBreakerOptions, 'name'>): Policy {
  return {
    name,
    protect: (upstream, clock) => {
      const breaker = new CircuitBreaker({ name, clock, random: seeded(), ...options });
      return { call: () => breaker.execute(upstream) };
    },
  };
}

const slowAfter2s = { slow: { afterMs: 2_000 } };
const soon = { open: { forMs: 2_500, factor: 1 } };
const policies: Policy[] = [
  opossum('opossum, timeout off', { timeout: false }),
  opossum('opossum, defaults', {}),
  cockatiel('cockatiel, sampling 50 % of 10 s'),
  cockatiel('cockatiel, sampling + timeout 10 s', 10_000),
  mollitia('mollitia, slow > 2 s, 50 % of 10 s'),
  ours('evenkeel, defaults', {}),
  ours('evenkeel, slow > 2 s', slowAfter2s),
  ours('evenkeel, slow > 2 s, open 2.5 s', { ...slowAfter2s, ...soon }),
  ours('evenkeel, slow > 2 s, open 2.5 s, rates only', {
    ...slowAfter2s,
    ...soon,
    consecutive: false,
  }),
];

const inPicture = [
  'opossum, defaults',
  'cockatiel, sampling + timeout 10 s',
  'mollitia, slow > 2 s, 50 % of 10 s',
  'evenkeel, slow > 2 s, open 2.5 s',
];

const versions = `Node ${process.versions.node}, ${availableParallelism()} cores; virtual time, one run`;
const drawn = new Map<string, Result>();
for (const [index, [title, dependency]] of scenarios.entries()) {
  console.log(`\n${title} (${versions}; errors of calls that arrived after recovery)\n`);
  console.log(
    '| policy | opens after | upstream calls of 6,000 | peak in flight | last error after recovery |',
  );
  console.log('|---|---|---|---|---|');
  for (const policy of policies) {
    const result = await simulate(policy, dependency);
    console.log(row(policy.name, result));
    if (index === 0 && inPicture.includes(policy.name)) drawn.set(policy.name, result);
  }
}
const picture = new URL('../docs/incident.svg', import.meta.url);
writeFileSync(picture, incidentPicture(drawn));
console.log(`\nDrawn in ${picture.pathname.split('/').slice(-4).join('/')}`);

function row(name: string, { opensAfter, upstreamCalls, peakInFlight, lastError }: Result): string {
  const opens = opensAfter === undefined ? 'never' : `${opensAfter.toFixed(1)} s`;
  const calls = upstreamCalls.toLocaleString('en');
  return `| ${name} | ${opens} | ${calls} | ${peakInFlight} | ${lastError.toFixed(1)} s |`;
}
