import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Health } from './health.ts';
import { knownOptions } from './known-options.ts';
import { requireText } from './options.ts';
import { answerProbe } from './probe-answer.ts';

/** Options of the handler for `node:http`. */
export interface HttpHandlerOptions {
  /** What stands before `/live`, `/ready`, `/startup` and `/health` in the path; default nothing. */
  readonly prefix?: string;
}

/**
 * Answers probes on a `node:http` server: `if (probes(request, response)) return;` at the top of its listener.
 * True when the request was a GET or HEAD of a probe's path and is being answered; false when it is not ours.
 * @throws TypeError when an option is unknown, RangeError when `prefix` does not begin with a slash or ends with one.
 */
export function httpHandler(
  health: Health,
  options: HttpHandlerOptions = {},
): (request: IncomingMessage, response: ServerResponse) => boolean {
  knownOptions(options, { prefix: true });
  const prefix = requireText(
    'prefix',
    options.prefix ?? '',
    /^(?:\/[\w.~-]+)*$/,
    'to be empty or to begin with a slash and not to end with one',
  );
  return (request, response) => {
    if (request.method !== 'GET' && request.method !== 'HEAD') return false;
    const path = pathOf(request.url ?? '', prefix);
    if (path === undefined) return false;
    const answer = answerProbe(health, path, request.headers.authorization);
    if (answer === undefined) return false;
    void answer.then(({ statusCode, headers, body }) => {
      response.writeHead(statusCode, headers);
      response.end(request.method === 'HEAD' ? undefined : body);
    });
    return true;
  };
}

function pathOf(url: string, prefix: string): string | undefined {
  if (!url.startsWith(prefix)) return undefined;
  const query = url.indexOf('?');
  return url.slice(prefix.length, query === -1 ? undefined : query);
}
