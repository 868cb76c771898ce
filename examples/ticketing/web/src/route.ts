import { signal } from '@preact/signals';
import { featuredEvent } from '../../addresses.ts';

/** The event that this page is about. */
export const slug = /^\/events\/([a-z0-9-]+)/.exec(location.pathname)?.[1] ?? featuredEvent;

/**
 * What the address says after the `#`, so that reload, bookmark and the back button work:
 * nothing = the seat map, `#hold/<id>` = paying for held seats, `#order/<id>` = an order.
 */
export type Route = { at: 'seats' } | { at: 'hold'; id: string } | { at: 'order'; id: string };

function parseRoute(hash: string): Route {
  const match = /^#(hold|order)\/([0-9a-f-]{36})$/.exec(hash);
  return match ? { at: match[1] as 'hold' | 'order', id: match[2] as string } : { at: 'seats' };
}

export const route = signal<Route>(parseRoute(location.hash));
// back, forward and an edited address; pushState itself tells nobody
addEventListener('popstate', () => {
  route.value = parseRoute(location.hash);
});

/** `replace` leaves no entry behind: the back button must not lead to a form that was sent. */
export function go(to: Route, { replace = false } = {}): void {
  const hash = to.at === 'seats' ? '' : `#${to.at}/${to.id}`;
  const address = `${location.pathname}${location.search}${hash}`;
  if (replace) history.replaceState(null, '', address);
  else history.pushState(null, '', address);
  route.value = to;
  scrollTo({ top: 0 });
}
