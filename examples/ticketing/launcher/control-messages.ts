/** What the control room and its page say to each other over their WebSocket. Types only: pages import it. */
import type { SwitchName } from '../services/switches.ts';
import type { ChaosName } from './chaos.ts';
import type { Proof } from './verify-sale.ts';

export type BreakerSample = {
  name: string;
  state: 'closed' | 'half-open' | 'open' | 'isolated' | 'disabled' | 'unknown';
  inFlight: number;
  rejectedPerSecond: number;
};
export type InstanceSample = {
  name: string;
  pid: number | null;
  state: 'ready' | 'not ready' | 'draining' | 'silent' | 'down';
  /** share of the last second in which its event loop was busy; null when it does not answer */
  loop: number | null;
};
/** One second of the shop. Rates are per second over that second. */
export type Sample = {
  /** ms */
  at: number;
  breakers: BreakerSample[];
  /** reads by what answered them */
  cache: { local: number; redis: number; origin: number; savedInAll: number };
  /** null: who could tell was silent or away */
  holds: { free: number; held: number; sold: number } | null;
  queue: {
    depth: number;
    running: number;
    donePerSecond: number;
    retriesInAll: number;
    deadInAll: number;
  } | null;
  http: {
    perSecond: number;
    refusedPerSecond: number;
    failedPerSecond: number;
    p50Ms: number | null;
    p99Ms: number | null;
  };
  instances: InstanceSample[];
};

export type ChaosCard = {
  name: ChaosName;
  title: string;
  package: string;
  caption: string;
  file: string;
};
/** On: as the shop is meant to run, and for `visitors`: that there are any. */
export type Switches = Record<SwitchName | 'visitors', boolean>;
export type ControlEvent = {
  at: number;
  text: string;
  file: string | null;
  kind: 'chaos' | 'over' | 'crash' | 'word';
};

export type ControlRequest =
  | { type: 'authorize'; token: string }
  | { type: 'chaos'; name: ChaosName; forMs?: number }
  | { type: 'heal' }
  | { type: 'verify' }
  | { type: 'switch'; name: keyof Switches; isOn: boolean };
export type ControlMessage =
  | {
      type: 'hello';
      shop: string;
      chaos: ChaosCard[];
      active: ChaosName[];
      switches: Switches;
      samples: Sample[];
      events: ControlEvent[];
    }
  | { type: 'sample'; sample: Sample; active: ChaosName[] }
  | { type: 'switches'; switches: Switches }
  | { type: 'event'; event: ControlEvent }
  | { type: 'verified'; at: number; holds: boolean; proofs: Proof[] }
  | { type: 'problem'; message: string };
