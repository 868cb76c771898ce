import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Health } from './health.ts';
import { httpHandler } from './http-handler.ts';

/**
 * Express middleware: `app.use(expressHealth(health))` serves `/live`, `/ready`, `/startup`, `/health` and
 * `/health/<group>`, `app.use('/internal', expressHealth(health))` serves them below a path. Put it before what logs,
 * parses or authenticates: a probe needs none of it. Anything else goes on to the next handler.
 */
export function expressHealth(
  health: Health,
): (request: IncomingMessage, response: ServerResponse, next: () => void) => void {
  const probes = httpHandler(health);
  return (request, response, next) => {
    if (!probes(request, response)) next();
  };
}
