/** The mail provider's API, each call through the circuit breaker and with a deadline. */
import type { CircuitBreaker } from '@evenkeel/circuit-breaker';
import { inSpan, traceContext } from '../tracing.ts';
import type { Message } from './mail.ts';

/** The provider understood and refused: asking again changes nothing. */
export class MailRefused extends Error {
  override readonly name = 'MailRefused';
}

export class MailProvider {
  readonly #url: string;
  readonly #breaker: CircuitBreaker;

  constructor(options: { url: string; breaker: CircuitBreaker }) {
    this.#url = options.url.replace(/\/$/, '');
    this.#breaker = options.breaker;
  }

  /** The same key is the same mail, so this may be repeated for ever. @throws MailRefused */
  async send(
    message: Message,
    { idempotencyKey, signal }: { idempotencyKey: string; signal: AbortSignal },
  ): Promise<void> {
    const status = await this.#breaker.execute(
      inSpan('POST /messages', async (call: { signal: AbortSignal }) => {
        const response = await fetch(`${this.#url}/messages`, {
          method: 'POST',
          headers: {
            'content-type': 'application/json',
            'idempotency-key': idempotencyKey,
            ...traceContext(),
          },
          body: JSON.stringify(message),
          signal: call.signal,
        });
        await response.arrayBuffer();
        if (response.status >= 500)
          throw new Error(`The mail provider answered ${response.status}`);
        return response.status;
      }),
      { signal },
    );
    if (status >= 400) throw new MailRefused(`The mail provider answered ${status}`);
  }
}
