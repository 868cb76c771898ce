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
 */
export function varnishPurge(
  urls: readonly string[],
  { timeoutMs = 2_000 }: { timeoutMs?: number } = {},
): (tags: readonly string[]) => Promise<void> {
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
