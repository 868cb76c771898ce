export { EdgeCache, type EdgeCacheOptions, type EdgeMark } from './edge-cache.ts';
export { edgeHook, etagOf, isNotModified, type Response, respond } from './respond.ts';
export { VarnishPurgeError, varnishPurge } from './varnish.ts';
export type { VendorName } from './vendors.ts';
