import { integer } from '../check.ts';
import { knownOptions } from '../known-options.ts';

/** A Varnish did not take a purge. */
export class VarnishPurgeError extends Error {
  override readonly name = 'VarnishPurgeError';
  readonly code = 'ERR_CACHE_VARNISH_PURGE';
  readonly url: string;
  readonly status: number;

  constructor(url: string, status: number) {
    super(`Varnish at ${url} answered a purge with ${status}`);
    this.url = url;
    this.status = status;
  }
}

/**
 * A `purge` for every Varnish of a list, with the VCL of this package (`vcl/evenkeel.vcl`).
 *
 * The function that comes back rejects with VarnishPurgeError, or with what `fetch` rejects with,
 * when one of them did not purge within `timeoutMs` (default 2,000).
 *
 * @throws TypeError or RangeError when an option is wrong
 */
export function varnishPurge(
  urls: readonly string[],
  options: { timeoutMs?: number } = {},
): (tags: readonly string[]) => Promise<void> {
  knownOptions(options, { timeoutMs: true });
  const timeoutMs = integer('timeoutMs', options.timeoutMs ?? 2_000, 1, 2_147_483_647);
  return async (tags) => {
    const pattern = `(^| )(${tags.map((tag) => tag.replaceAll('.', '[.]')).join('|')})( |$)`;
    // a ban's expression is split at blanks
    const headers = { 'X-Purge-Pattern': pattern.replaceAll(' ', '[[:space:]]') };
    const ask = async (url: string) => {
      const signal = AbortSignal.timeout(timeoutMs);
      const { ok, status } = await fetch(url, { method: 'PURGE', headers, signal });
      if (!ok) throw new VarnishPurgeError(url, status);
    };
    await Promise.all(urls.map(ask));
  };
}
