/**
 * Processes that have just started compile their code as it is used: the first thousand answers measure the compiler. A shop
 * on its great day is warm, so the scenarios about latency begin with this, in a phase that no claim counts.
 */
import { paths } from '../addresses.ts';
import { logInOf } from './people.ts';
import type { Shopper } from './shopper.ts';
import type { Stage } from './stage.ts';

export const warmUpPhase = 'warm-up';
const slug = 'proof-warm';
const plan = { perSecond: 15, count: 180 };
const looks = 12;

/** Resolves with how many tickets that has sold. */
export async function warmUp(stage: Stage): Promise<number> {
  const { recorder, progress } = stage;
  recorder.enter(warmUpPhase);
  const seats = await stage.putOnSale(slug, plan.count);
  const opensAt = new Date(Date.now() + 86_400_000).toISOString();
  await stage.putOnSale(`${slug}-room`, 1, { hasWaitingRoom: true, opensAt });
  const shoppers = await stage.shoppers(plan.count);
  let sold = 0;
  const visit = async (index: number) => {
    const shopper = shoppers[index] as Shopper;
    const body = logInOf(shopper.id);
    for (let look = 0; look < looks; look += 1) {
      await shopper.join(`${slug}-room`);
      await shopper.ask({ kind: 'event page', path: paths.event(slug) });
      await shopper.ask({ kind: 'availability', path: paths.availability(slug) });
      await shopper.ask({ kind: 'log in', method: 'POST', path: paths.session, body });
    }
    const held = await shopper.hold(slug, seats[index] as string);
    if (held === undefined || typeof held === 'string') return;
    if ((await shopper.buy(held.id, 60_000)).end === 'paid') sold += 1;
  };
  await progress.step('warm', () => stage.arrive(plan.perSecond, plan.count, visit));
  return sold;
}
