/** `npm run buy -- --url URL`: buys two tickets of a shop that runs, through its public API. */
import { parseArgs } from 'node:util';
import { featuredEvent } from './addresses.ts';
import { receipt, sellFirstTicket } from './launcher/first-ticket.ts';

const help = `npm run buy [-- options]

Buys two neighbouring seats of a shop that runs, and checks the tickets' signatures.

  --url URL      the shop (default http://127.0.0.1:8080)
  --event SLUG   what to buy for (default ${featuredEvent})
  --help         this text
`;

try {
  const { values } = parseArgs({
    options: {
      url: { type: 'string', default: 'http://127.0.0.1:8080' },
      event: { type: 'string', default: featuredEvent },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) console.log(help);
  else console.log(receipt(await sellFirstTicket(values.url, values.event)));
} catch (error) {
  const { message, cause } = error as Error;
  console.error(cause instanceof Error ? `${message}: ${cause.message}` : message);
  process.exitCode = 1;
}
