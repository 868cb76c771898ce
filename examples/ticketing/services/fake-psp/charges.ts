/**
 * The books of a payment provider that exists only here: what was authorised, captured, voided and
 * refunded, one charge an idempotency key. Tests count in them.
 */
import { randomUUID } from 'node:crypto';
import { testCards } from '../../addresses.ts';
import { StandInError } from '../stand-in/faults.ts';

type ChargeState = 'authorised' | 'captured' | 'voided' | 'refunded' | 'declined';
export type Charge = {
  id: string;
  /** the caller's own name for it, here the order */
  reference: string;
  idempotencyKey: string;
  amountCents: number;
  currency: string;
  state: ChargeState;
  createdAt: string;
};
export type ChargeRequest = {
  reference: string;
  amountCents: number;
  currency: string;
  card: string;
};
export type Move = 'capture' | 'void' | 'refund';

/** A charge moves only along these; asking again for what it is already is answered, not refused. */
const moves: Record<Move, { from: ChargeState; to: ChargeState }> = {
  capture: { from: 'authorised', to: 'captured' },
  void: { from: 'authorised', to: 'voided' },
  refund: { from: 'captured', to: 'refunded' },
};

export class Charges {
  readonly #byKey = new Map<string, { fingerprint: string; charge: Charge }>();
  readonly #byId = new Map<string, Charge>();
  readonly #onChange: (charge: Charge) => void;
  #requests = 0;
  #replays = 0;

  /** `onChange` hears of every charge that was made or moved. */
  constructor(onChange: (charge: Charge) => void = () => {}) {
    this.#onChange = onChange;
  }

  /** One charge a key, however often it is asked for; the same key for another charge is refused. */
  create(idempotencyKey: string, request: ChargeRequest): Charge {
    this.#requests += 1;
    const fingerprint = JSON.stringify([
      request.reference,
      request.amountCents,
      request.currency,
      request.card,
    ]);
    const known = this.#byKey.get(idempotencyKey);
    if (known) {
      if (known.fingerprint !== fingerprint) {
        throw new StandInError(422, 'This Idempotency-Key was used for another charge');
      }
      this.#replays += 1;
      return known.charge;
    }
    const { card, ...rest } = request;
    const charge: Charge = {
      id: `ch_${randomUUID()}`,
      idempotencyKey,
      ...rest,
      state: card === testCards.declined ? 'declined' : 'authorised',
      createdAt: new Date().toISOString(),
    };
    this.#byKey.set(idempotencyKey, { fingerprint, charge });
    this.#byId.set(charge.id, charge);
    this.#onChange(charge);
    return charge;
  }

  move(id: string, move: Move): Charge {
    const charge = this.#byId.get(id);
    if (!charge) throw new StandInError(404, `There is no charge ${id}`);
    const { from, to } = moves[move];
    if (charge.state === to) this.#replays += 1;
    else if (charge.state === from) {
      charge.state = to;
      this.#onChange(charge);
    } else throw new StandInError(409, `A ${charge.state} charge cannot ${move}`);
    return charge;
  }

  list(): Charge[] {
    return [...this.#byId.values()];
  }

  stats() {
    const count = { authorised: 0, captured: 0, voided: 0, refunded: 0, declined: 0 };
    let capturedCents = 0;
    for (const { state, amountCents } of this.#byId.values()) {
      count[state] += 1;
      if (state === 'captured') capturedCents += amountCents;
    }
    const { size: charges } = this.#byId;
    return { ...count, charges, capturedCents, requests: this.#requests, replays: this.#replays };
  }
}
