/**
 * The probability that a call finds all `servers` busy and has to wait, at `load` erlangs (arrivals per second x
 * seconds of service). 1 when the load is not below the number of servers: then the queue grows for ever.
 * Computed by the recursion of Erlang B, which neither overflows nor loses precision. O(servers).
 * @see A. K. Erlang, 1917; R. B. Cooper, Introduction to Queueing Theory, 3.4
 */
export function erlangC(servers: number, load: number): number {
  if (load <= 0) return 0;
  if (load >= servers) return 1;
  let blocked = 1;
  for (let n = 1; n <= servers; n++) blocked = (load * blocked) / (n + load * blocked);
  return blocked / (1 - (load / servers) * (1 - blocked));
}

/**
 * The wait, in ms, that all but `1 - percentile` of the calls stay below in an M/M/c queue; Infinity when overloaded.
 * Real queries vary less than exponentially, so this errs on the safe side.
 */
export function waitMs(
  servers: number,
  load: number,
  serviceMs: number,
  percentile: number,
): number {
  if (load >= servers) return Number.POSITIVE_INFINITY;
  const waiting = erlangC(servers, load);
  const tail = 1 - percentile;
  return waiting <= tail ? 0 : (serviceMs / (servers - load)) * Math.log(waiting / tail);
}

/** The fewest connections whose p99 wait stays below `targetMs`. */
export function serversFor(load: number, serviceMs: number, targetMs: number): number {
  let servers = Math.floor(load) + 1;
  while (waitMs(servers, load, serviceMs, 0.99) > targetMs) servers++;
  return servers;
}
