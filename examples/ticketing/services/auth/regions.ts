/**
 * Home regions. A person's name, address, password hash and sessions are stored in their home region
 * and nowhere else; whoever knocks elsewhere is passed on to it, and nothing of the call is kept.
 *
 *   log-in at eu -> homes (keyed hash of the address -> us) -> the same call at us -> answer, cookie
 */
import { createHmac } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Pool } from 'pg';
import { type Problem, problemSchema, type Region } from '../../contract.ts';
import { ProblemError } from '../problem.ts';

export type RegionsOptions = {
  /** where this process lives */
  own: Region;
  /** all that the shop has, the own one included */
  all: readonly Region[];
  /** front doors of the others */
  urls: Partial<Record<Region, string | undefined>>;
  /** the sale's database, which every region reaches */
  database: Pick<Pool, 'query'>;
  /** the same in every region */
  secret: string;
};

const timeoutMs = 10_000;

export class Regions {
  readonly own: Region;
  readonly #options: RegionsOptions;

  constructor(options: RegionsOptions) {
    this.own = options.own;
    this.#options = options;
  }

  /** The region asked for, if the shop has it. @throws ProblemError `invalid_input` */
  chosen(region: Region = this.own): Region {
    if (this.#options.all.includes(region)) return region;
    const fields = { region: `must be one of ${this.#options.all.join(', ')}` };
    throw new ProblemError('invalid_input', 'Please check: region.', { fields });
  }

  /**
   * Claims an address for a region. Again for the same one is fine: a registration that was cut off
   * between here and its home may be repeated. @throws ProblemError `email_taken`
   */
  async claim(email: string, region: Region): Promise<void> {
    const { database } = this.#options;
    const { rowCount } = await database.query(
      'insert into homes (address_key, region) values ($1, $2) on conflict do nothing',
      [this.#key(email), region],
    );
    if (rowCount === 1) return;
    // by a statement of its own: the one that waited for another process's insert does not see its row
    const { rows } = await database.query<{ region: Region }>(
      'select region from homes where address_key = $1',
      [this.#key(email)],
    );
    if (rows[0]?.region === region) return;
    throw new ProblemError('email_taken', 'This address has an account already.');
  }

  /** Where the account of an address lives; the own region when nobody knows. */
  async homeOf(email: string): Promise<Region> {
    if (this.#options.all.length === 1) return this.own;
    const { rows } = await this.#options.database.query<{ region: Region }>(
      'select region from homes where address_key = $1',
      [this.#key(email)],
    );
    return rows[0]?.region ?? this.own;
  }

  /**
   * The same call at its home, answer and cookie included.
   * @throws ProblemError what home said, or `unavailable` when it cannot be reached
   */
  async passOn<T>(region: Region, request: FastifyRequest, reply: FastifyReply): Promise<T> {
    const url = this.#options.urls[region];
    const { authorization, cookie } = request.headers;
    const response =
      url &&
      (await fetch(url + request.url, {
        method: request.method,
        headers: {
          'x-forwarded-for': request.ip,
          ...(request.rawBody === undefined ? {} : { 'content-type': 'application/json' }),
          ...(authorization ? { authorization } : {}),
          ...(cookie ? { cookie } : {}),
        },
        ...(request.rawBody === undefined ? {} : { body: request.rawBody }),
        signal: AbortSignal.timeout(timeoutMs),
      }).catch((error) => {
        request.log.warn({ err: error, region }, 'a region cannot be reached');
      }));
    if (!response) throw away(region);
    for (const setCookie of response.headers.getSetCookie()) reply.header('set-cookie', setCookie);
    const text = await response.text();
    if (response.ok) return (text === '' ? undefined : JSON.parse(text)) as T;
    throw refusal(text, region);
  }

  #key(email: string): string {
    return createHmac('sha256', this.#options.secret).update(email.toLowerCase()).digest('hex');
  }
}

function away(region: Region): ProblemError {
  const message = `Your account lives in region ${region}, which cannot be reached at the moment.`;
  return new ProblemError('unavailable', message, { retryAfterMs: 5_000 });
}

function refusal(text: string, region: Region): ProblemError {
  let problem: Problem | undefined;
  try {
    problem = problemSchema.parse(JSON.parse(text));
  } catch {
    // a proxy's own page, say
    return away(region);
  }
  return new ProblemError(problem.code, problem.message, problem);
}
