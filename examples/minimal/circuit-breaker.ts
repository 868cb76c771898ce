// A provider that hangs is noticed while its calls are in flight; meanwhile buyers see the last good answer.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { CircuitBreaker, staleCache } from '@evenkeel/circuit-breaker';

let hangs = false;
const provider = createServer((_request, response) => {
  if (!hangs) response.end('EUR 49');
}).listen(0);
const url = `http://127.0.0.1:${(provider.address() as AddressInfo).port}`;

const prices = new CircuitBreaker({
  name: 'prices',
  slow: { afterMs: 500 },
  timeoutMs: 2_000, // the first call of a process loads its HTTP client, which is slow where much else starts
  consecutive: 5,
});
prices.on('open', ({ reason }) => console.log(`the circuit opens: ${reason}`));
const fallback = staleCache<string>({ maxStaleMs: 60_000 });
const price = () =>
  prices.outcome(async ({ signal }) => (await fetch(url, { signal })).text(), {
    key: 'GA',
    fallback,
  });

console.log((await price()).source, (await price()).value);
hangs = true;
console.log(
  (await Promise.all(Array.from({ length: 8 }, price))).map(({ source }) => source).join(' '),
);
const { value, source } = await price();
console.log(`${source} ${value}, retry in ${Math.ceil(prices.snapshot().retryAfterMs ?? 0)} ms`);

await prices.close();
provider.closeAllConnections();
provider.close();
