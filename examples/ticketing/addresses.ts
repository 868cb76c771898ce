/** Where things are, for the pages and the services alike: routes, the event on sale, the demo account. */
export const paths = {
  users: '/api/users',
  session: '/api/session',
  sessions: '/api/sessions',
  refresh: '/api/session/refresh',
  events: '/api/events',
  event: (slug: string) => `/api/events/${slug}`,
  availability: (slug: string) => `/api/events/${slug}/availability`,
  waitingRoom: (slug: string) => `/api/events/${slug}/waiting-room`,
  waitingTicket: (slug: string) => `/api/events/${slug}/waiting-room/tickets`,
  waitingPass: (slug: string) => `/api/events/${slug}/waiting-room/passes`,
  holds: '/api/holds',
  hold: (holdId: string) => `/api/holds/${holdId}`,
  extendHold: (holdId: string) => `/api/holds/${holdId}/extension`,
  orders: '/api/orders',
  order: (orderId: string) => `/api/orders/${orderId}`,
  cancelOrder: (orderId: string) => `/api/orders/${orderId}/cancellation`,
  scans: '/api/scans',
  scanSync: '/api/scans/offline',
  doorList: (slug: string) => `/api/events/${slug}/door-list`,
  pspWebhook: '/api/webhooks/psp',
  organiser: {
    events: '/api/organiser/events',
    event: (slug: string) => `/api/organiser/events/${slug}`,
    price: (slug: string, sku: string) => `/api/organiser/events/${slug}/categories/${sku}/price`,
    capacity: (slug: string, sku: string) =>
      `/api/organiser/events/${slug}/categories/${sku}/capacity`,
    sale: (slug: string) => `/api/organiser/events/${slug}/sale`,
    stuck: '/api/organiser/stuck-orders',
    retry: (orderId: string) => `/api/organiser/orders/${orderId}/retry`,
    refund: (orderId: string) => `/api/organiser/orders/${orderId}/refund`,
    audit: '/api/organiser/audit-log',
  },
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

/** Everybody of the demo, with that password: who buys, who sells, who stands at the door. */
export const demoAccounts = [
  { email: demoAccount.email, name: demoAccount.name, role: 'buyer' },
  { email: 'organiser@evenkeel.example', name: 'Olga Organiser', role: 'organiser' },
  { email: 'door@evenkeel.example', name: 'Dora Door', role: 'scanner' },
] as const;

/** Cards that the stand-in for a payment provider knows: one is good for everything, one for nothing. */
export const testCards = { good: 'card_ok', declined: 'card_declined' } as const;
