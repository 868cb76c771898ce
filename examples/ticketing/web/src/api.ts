import type { Problem } from '../../contract.ts';
import { learnServerTime } from './clock.ts';

/** The server answered, and said no: `problem` says why in words for people. */
export class ApiError extends Error {
  readonly status: number;
  readonly problem: Problem;

  constructor(status: number, problem: Problem) {
    super(problem.message);
    this.status = status;
    this.problem = problem;
  }
}

/** No answer arrived: the network or the server is away. */
class UnreachableError extends Error {}

export type Method = 'GET' | 'POST' | 'PUT' | 'DELETE';
export type CallOptions = { body?: unknown; accessToken?: string | undefined; attempts?: number };

const TIMEOUT_MS = 10_000;

/**
 * Calls one route of the contract. Every call of these pages may be repeated safely (holds and orders
 * carry their own id), so a call without an answer is tried again, after 0.4 s, 0.8 s...
 */
export async function call<T>(method: Method, path: string, options: CallOptions = {}): Promise<T> {
  const { attempts = 3 } = options;
  for (let attempt = 1; ; attempt++) {
    try {
      return await callOnce<T>(method, path, options);
    } catch (error) {
      const worthAnother =
        error instanceof UnreachableError || (error instanceof ApiError && error.status === 503);
      if (!worthAnother || attempt >= attempts) throw error;
      const backOffMs = 400 * 2 ** (attempt - 1) * (0.5 + Math.random());
      await new Promise((resolve) => setTimeout(resolve, backOffMs));
    }
  }
}

async function callOnce<T>(method: Method, path: string, options: CallOptions): Promise<T> {
  const headers: Record<string, string> = {};
  if (options.body !== undefined) headers['content-type'] = 'application/json';
  if (options.accessToken) headers.authorization = `Bearer ${options.accessToken}`;
  const sentAt = Date.now();
  let response: Response;
  let answer: unknown;
  try {
    response = await fetch(path, {
      method,
      headers,
      body: options.body === undefined ? null : JSON.stringify(options.body),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    const text = await response.text();
    answer = isJson(response) ? JSON.parse(text) : undefined;
  } catch (cause) {
    throw new UnreachableError('We could not reach the ticket office.', { cause });
  }
  if (!response.ok) throw new ApiError(response.status, toProblem(answer));
  const { serverNow } = (answer ?? {}) as { serverNow?: string };
  if (serverNow) learnServerTime(serverNow, sentAt);
  return answer as T;
}

function isJson(response: Response): boolean {
  return response.headers.get('content-type')?.includes('json') ?? false;
}

function toProblem(answer: unknown): Problem {
  if (typeof answer === 'object' && answer !== null && 'code' in answer) return answer as Problem;
  return {
    code: 'unavailable',
    message: 'The ticket office is busy. Please try again in a moment.',
  };
}
