/** The settings of a call, named. Times in ms. */
export type Rules = {
  ttl: number;
  grace: number;
  maxHold: number;
  commit: number;
  replay: number;
  /** 0 for none. */
  limit: number;
  /** Most holds that one call expires. */
  sweep: number;
  offer: number;
  /** Of the waiting list. */
  places: number;
};

/** @param settings as `packSettings` writes them */
export function readRules(settings: string): Rules {
  const [ttl, grace, maxHold, commit, replay, limit, sweep, offer, places] = JSON.parse(settings);
  return { ttl, grace, maxHold, commit, replay, limit, sweep, offer, places };
}
