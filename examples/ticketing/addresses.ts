/** Where things are, for the pages and the services alike: routes, the event on sale, the demo account. */
export const paths = {
  users: '/api/users',
  session: '/api/session',
  refresh: '/api/session/refresh',
  events: '/api/events',
  event: (slug: string) => `/api/events/${slug}`,
  availability: (slug: string) => `/api/events/${slug}/availability`,
  holds: '/api/holds',
  hold: (holdId: string) => `/api/holds/${holdId}`,
  orders: '/api/orders',
  order: (orderId: string) => `/api/orders/${orderId}`,
  ticketKey: '/api/ticket-key',
  socket: '/ws',
} as const;

/** The event that the pages open with. */
export const featuredEvent = 'northern-lights';

/** The account that the sign-in form offers; its password is the demo's only secret that is none. */
export const demoAccount = {
  email: 'demo@evenkeel.example',
  name: 'Robin Demo',
  password: 'a quiet evening',
} as const;

/** Cards that the stand-in for a payment provider knows: one is good for everything, one for nothing. */
export const testCards = { good: 'card_ok', declined: 'card_declined' } as const;
