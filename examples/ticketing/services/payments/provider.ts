/** The payment provider's API, each call through the circuit breaker and with a deadline. */
import type { CircuitBreaker } from '@evenkeel/circuit-breaker';
import { inSpan, traceContext } from '../tracing.ts';

export type Authorisation = { outcome: 'authorised' | 'declined'; chargeId: string };
type Charge = { id: string; state: 'authorised' | 'captured' | 'voided' | 'refunded' | 'declined' };

/** The provider understood and refused: asking again changes nothing. */
export class ProviderRefusal extends Error {
  override readonly name = 'ProviderRefusal';
  readonly status: number;
  constructor(status: number, text: string) {
    super(`The payment provider answered ${status}: ${text.slice(0, 200)}`);
    this.status = status;
  }
}

export class PaymentProvider {
  readonly #url: string;
  readonly #breaker: CircuitBreaker;

  constructor(options: { url: string; breaker: CircuitBreaker }) {
    this.#url = options.url.replace(/\/$/, '');
    this.#breaker = options.breaker;
  }

  /** Reserves the money. The same key gets the same charge, so this may be repeated for ever. */
  async authorise(
    charge: { reference: string; amountCents: number; currency: string; card: string },
    { idempotencyKey, signal }: { idempotencyKey: string; signal: AbortSignal },
  ): Promise<Authorisation> {
    const { id, state } = await this.#call('/charges', signal, charge, {
      'idempotency-key': idempotencyKey,
    });
    return { outcome: state === 'declined' ? 'declined' : 'authorised', chargeId: id };
  }

  async capture(chargeId: string, signal: AbortSignal): Promise<void> {
    await this.#call(`/charges/${chargeId}/capture`, signal);
  }

  /** Gives the money back, whether it was only reserved or taken already. */
  async giveBack(chargeId: string, signal: AbortSignal): Promise<'voided' | 'refunded'> {
    try {
      await this.#call(`/charges/${chargeId}/void`, signal);
      return 'voided';
    } catch (error) {
      if (!(error instanceof ProviderRefusal && error.status === 409)) throw error;
      await this.#call(`/charges/${chargeId}/refund`, signal);
      return 'refunded';
    }
  }

  /** A declined card and a refusal are answers: only silence and 5xx speak against the provider. */
  async #call(
    path: string,
    signal: AbortSignal,
    body?: object,
    headers: Record<string, string> = {},
  ): Promise<Charge> {
    const answer = await this.#breaker.execute(
      inSpan(`POST ${path.replace(/ch_[\w-]+/, ':id')}`, async (call: { signal: AbortSignal }) => {
        const response = await fetch(this.#url + path, {
          method: 'POST',
          headers: {
            ...headers,
            ...traceContext(),
            ...(body ? { 'content-type': 'application/json' } : {}),
          },
          ...(body ? { body: JSON.stringify(body) } : {}),
          signal: call.signal,
        });
        const text = await response.text();
        if (response.status >= 500) throw new Error(`The payment provider failed: ${text}`);
        return { status: response.status, text };
      }),
      { signal },
    );
    if (answer.status >= 400 && answer.status !== 402) {
      throw new ProviderRefusal(answer.status, answer.text);
    }
    return JSON.parse(answer.text) as Charge;
  }
}
