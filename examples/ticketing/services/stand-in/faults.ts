/** How badly a stand-in behaves, changed while it runs: `PUT /faults { "latencyMs": 30000 }`. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';

export class StandInError extends Error {
  override readonly name = 'StandInError';
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

export const faultsSchema = z.object({
  latencyMs: z.number().int().min(0).max(600_000),
  /** share of requests answered 500; half of those have done their work before */
  errorRate: z.number().min(0).max(1),
  /** connections are cut without an answer */
  isDown: z.boolean(),
});
export type FaultSettings = z.infer<typeof faultsSchema>;

/** Misbehaves as it is told; `settings` may have more switches than these three. */
export class Faults<Settings extends FaultSettings> {
  readonly settings: Settings;
  readonly #random: () => number;

  constructor(settings: Settings, random: () => number = Math.random) {
    this.settings = settings;
    this.#random = random;
  }

  /** Takes the time it takes, then works or fails; worst is a failure that has done the work. */
  async around<T>(work: () => T): Promise<T> {
    // the work goes on when the caller hangs up, as a real one's does
    await sleep(this.settings.latencyMs);
    const fails = this.#random() < this.settings.errorRate;
    if (fails && this.#random() < 0.5) throw new StandInError(500, 'Internal error');
    const result = work();
    if (fails) throw new StandInError(500, 'Internal error');
    return result;
  }

  /** `PUT /faults`, `/ready`, answers to errors, and no answer while it is down. */
  routes(app: FastifyInstance, schema: z.ZodType<object>): void {
    app.addHook('onRequest', async (request) => {
      if (this.settings.isDown && request.url !== '/faults') request.raw.socket.destroy();
    });
    app.setErrorHandler((error, _request, reply) => {
      const { status = 500, statusCode = status } = error as {
        status?: number;
        statusCode?: number;
      };
      const code = error instanceof z.ZodError ? 400 : statusCode;
      return reply.code(code).send({ error: (error as Error).message });
    });
    app.get('/ready', async () => ({ status: 'pass' }));
    app.put('/faults', async (request) => Object.assign(this.settings, schema.parse(request.body)));
  }
}
