/**
 * The scanner's service worker: opens the page where there is no network. With network the network is
 * asked for the page, so that a new version is seen at once; assets never change under their names.
 * What the API says is no business of its: door.ts knows what to do without an answer.
 */
const ANSWER_WITHIN_MS = 4_000;

/** The part of the type that TypeScript has only where there is no document. */
type FetchEvent = Event & { request: Request; respondWith(response: Promise<Response>): void };

addEventListener('fetch', (event) => {
  const { request, respondWith } = event as FetchEvent;
  const answer = respondWith.bind(event);
  if (request.mode === 'navigate') answer(pageFromNetwork(request));
  else if (new URL(request.url).pathname.startsWith('/assets/')) answer(kept(request));
});

/** A shop that answers with an error, or not soon, is as far away as one that cannot be reached. */
async function pageFromNetwork(request: Request): Promise<Response> {
  try {
    const response = await fetch(request, { signal: AbortSignal.timeout(ANSWER_WITHIN_MS) });
    if (response.ok) return response;
  } catch {}
  return kept(request);
}

async function kept(request: Request): Promise<Response> {
  return (await caches.match(request, { ignoreSearch: true })) ?? fetch(request);
}
