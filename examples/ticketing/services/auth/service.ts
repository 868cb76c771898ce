/** auth: accounts, sessions, tokens. After it has answered, nobody asks a store who somebody is. */
import { randomUUID } from 'node:crypto';
import { demoAccounts, paths } from '../../addresses.ts';
import { derivedSecret } from '../derived-secret.ts';
import { insist } from '../insist.ts';
import type { OpenService } from '../service.ts';
import { LoginAttempts } from './attempts.ts';
import { Passwords } from './passwords.ts';
import { Regions } from './regions.ts';
import { authRoutes } from './routes.ts';
import { Sessions } from './sessions.ts';
import { addUser, findUser } from './users.ts';

export const openAuth: OpenService<'auth'> = async ({ config, host }) => {
  const { database, people, sessionRedis: redis, namespace, tokens } = host;
  const region = config.REGION;
  const regions = new Regions({
    own: region,
    all: config.REGIONS,
    urls: { eu: config.EU_URL, us: config.US_URL, au: config.AU_URL },
    database,
    secret: derivedSecret(config.ACCESS_TOKEN_SECRET, 'homes'),
  });
  const passwords = new Passwords({
    costLog2: config.PASSWORD_COST_LOG2,
    passes: config.PASSWORD_PASSES,
  });
  await insist(async () => {
    for (const account of config.DEMO_PASSWORD ? demoAccounts : []) {
      if ((await regions.homeOf(account.email)) !== region) continue;
      if (await findUser(people, account.email)) continue;
      const passwordHash = await passwords.hash(config.DEMO_PASSWORD ?? '');
      await regions.claim(account.email, region);
      await addUser(people, { ...account, region, passwordHash });
    }
  });
  const sessions = new Sessions({ redis, namespace, region, ttlMs: config.REFRESH_TTL_MS });
  const attempts = new LoginAttempts({ redis, namespace, perAddress: config.LOGINS_PER_ADDRESS });
  return {
    // what a log-in does, for an account that nobody has
    async warmUp(call) {
      await call(paths.refresh, { body: {} });
      const id = randomUUID();
      const email = `${id}@warm-up.invalid`;
      await attempts.clear(email);
      await regions.homeOf(email);
      await findUser(people, email);
      await tokens.issue({ id, role: 'buyer', region });
      await sessions.start({ id, email, name: '', role: 'buyer', region });
      await sessions.endAll(id);
    },
    routes: (app) =>
      authRoutes(app, {
        database,
        people,
        regions,
        passwords,
        tokens,
        sessions,
        attempts,
        pulse: host.sessionPulse,
        cookies: { secure: config.SECURE_COOKIES, ttlMs: config.REFRESH_TTL_MS },
      }),
  };
};
