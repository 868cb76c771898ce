/** What an edge takes as tags of a response, and as instructions for itself. */
export interface Vendor {
  /** Header that carries the tags. */
  readonly tagHeader: string;
  readonly separator: ' ' | ',';
  /** Longest tag, characters. */
  readonly maxTagLength: number;
  /** Most tags of a response. */
  readonly maxTags: number;
  /** Longest value of the header, bytes. */
  readonly maxHeaderBytes: number;
  /** Header that only the edge obeys; `undefined`: `s-maxage` of Cache-Control. */
  readonly controlHeader: 'Surrogate-Control' | 'CDN-Cache-Control' | undefined;
  /** Put before a tag when it is purged. */
  readonly purgePrefix: string;
  /** Most tags of one purge. */
  readonly purgeBatch: number;
}

/** @see https://www.fastly.com/documentation/guides/full-site-delivery/purging/working-with-surrogate-keys */
const fastly: Vendor = {
  tagHeader: 'Surrogate-Key',
  separator: ' ',
  maxTagLength: 1_024,
  maxTags: Number.POSITIVE_INFINITY,
  maxHeaderBytes: 16_384,
  controlHeader: 'Surrogate-Control',
  purgePrefix: '',
  purgeBatch: 256,
};

/** @see https://developers.cloudflare.com/cache/how-to/purge-cache/purge-by-tags */
const cloudflare: Vendor = {
  ...fastly,
  tagHeader: 'Cache-Tag',
  separator: ',',
  maxHeaderBytes: 16_000,
  controlHeader: 'CDN-Cache-Control',
  purgeBatch: 30,
};

/**
 * The name of the tag header is that of the distribution's CacheTagConfig.
 *
 * @see https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/invalidation-specifying-tags.html
 */
const cloudfront: Vendor = {
  tagHeader: 'Cache-Tag',
  separator: ',',
  maxTagLength: 256,
  maxTags: 50,
  maxHeaderBytes: 8_192,
  controlHeader: undefined,
  purgePrefix: '#',
  purgeBatch: 1_000,
};

/** @see https://techdocs.akamai.com/purge-cache/docs/purge-content-cache-tag */
const akamai: Vendor = {
  tagHeader: 'Edge-Cache-Tag',
  separator: ',',
  maxTagLength: 128,
  maxTags: 128,
  maxHeaderBytes: 8_192,
  controlHeader: 'CDN-Cache-Control',
  purgePrefix: '',
  purgeBatch: 500,
};

/** With the VCL of this package; `http_resp_hdr_len` is 8 KiB unless it was raised. */
const varnish: Vendor = {
  ...fastly,
  maxTagLength: 256,
  maxHeaderBytes: 8_000,
  purgeBatch: 50,
};

export const vendors = { fastly, cloudflare, cloudfront, akamai, varnish } as const;

export type VendorName = keyof typeof vendors;
