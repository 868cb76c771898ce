import { signal } from '@preact/signals';

/** This page, and everything that it is made of, is kept on this device. */
export const isKept = signal(Boolean(navigator.serviceWorker?.controller));

/**
 * Keeps the page for a door without network: what it has loaded is put where the service worker
 * (worker.ts) finds it, and what an older version was made of is thrown away. Where a browser has no
 * service workers (they want https, or this machine), the page works without network until it is closed.
 */
export async function keepPage(): Promise<void> {
  if (!navigator.serviceWorker || !navigator.onLine) return;
  await navigator.serviceWorker.register('/scanner-worker.js', { scope: '/scanner' });
  const assets = performance
    .getEntriesByType('resource')
    .map(({ name }) => name)
    .filter((name) => new URL(name).pathname.startsWith('/assets/'));
  const wanted = new Set([location.origin + location.pathname, ...assets]);
  const cache = await caches.open('evenkeel:scanner');
  await cache.addAll(wanted);
  for (const { url } of await cache.keys()) if (!wanted.has(url)) await cache.delete(url);
  await navigator.serviceWorker.ready;
  isKept.value = true;
}
