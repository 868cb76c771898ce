import { useEffect, useState } from 'preact/hooks';

let offsetMs = 0;
let bestRoundTripMs = Number.POSITIVE_INFINITY;

/**
 * Learns the server's time from an answer: countdowns follow it, so a wrong clock on this machine
 * neither steals nor gives a second. The answer with the shortest round trip wins, as in NTP.
 */
export function learnServerTime(serverNow: string, sentAt: number): void {
  const receivedAt = Date.now();
  const roundTripMs = receivedAt - sentAt;
  if (roundTripMs > bestRoundTripMs) return;
  bestRoundTripMs = roundTripMs;
  offsetMs = Date.parse(serverNow) - (sentAt + roundTripMs / 2);
}

/** Milliseconds from now (by the server's clock) until an ISO time; never negative. */
export function msUntil(isoTime: string): number {
  return Math.max(0, Date.parse(isoTime) - (Date.now() + offsetMs));
}

/** The time left until `isoTime`, drawn anew four times a second. */
export function useMsUntil(isoTime: string): number {
  const [left, setLeft] = useState(() => msUntil(isoTime));
  useEffect(() => {
    setLeft(msUntil(isoTime));
    const timer = setInterval(() => setLeft(msUntil(isoTime)), 250);
    return () => clearInterval(timer);
  }, [isoTime]);
  return left;
}
