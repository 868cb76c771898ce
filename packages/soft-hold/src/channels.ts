import { channel } from 'node:diagnostics_channel';

/** What is published: `evenkeel:soft-hold:<name>`, with the pool's name in every message. */
export type ChannelName =
  | 'hold'
  | 'commit'
  | 'return'
  | 'change'
  | 'expired'
  | 'offered'
  | 'gap'
  | 'rebuilt'
  | 'fault';

const NAMES: readonly ChannelName[] = [
  ...(['hold', 'commit', 'return'] as const),
  ...(['change', 'expired', 'offered', 'gap', 'rebuilt', 'fault'] as const),
];
const channels = new Map(NAMES.map((name) => [name, channel(`evenkeel:soft-hold:${name}`)]));

/** Publishes if anybody listens; `message` is only made then. */
export function publish(name: ChannelName, message: () => object): void {
  const one = channels.get(name);
  if (one?.hasSubscribers) one.publish(message());
}
