/** auth: accounts, sessions, tokens. After it has answered, nobody asks a store who somebody is. */
import { demoAccounts } from '../../addresses.ts';
import type { OpenService } from '../service.ts';
import { LoginAttempts } from './attempts.ts';
import { Passwords } from './passwords.ts';
import { authRoutes } from './routes.ts';
import { Sessions } from './sessions.ts';
import { addUser, findUser } from './users.ts';

export const openAuth: OpenService<'auth'> = async ({ config, host }) => {
  const { database, redis, namespace } = host;
  const passwords = new Passwords({
    costLog2: config.PASSWORD_COST_LOG2,
    passes: config.PASSWORD_PASSES,
  });
  for (const account of config.DEMO_PASSWORD ? demoAccounts : []) {
    if (await findUser(database, account.email)) continue;
    const passwordHash = await passwords.hash(config.DEMO_PASSWORD ?? '');
    await addUser(database, { ...account, region: 'eu', passwordHash });
  }
  return {
    routes: (app) =>
      authRoutes(app, {
        database,
        passwords,
        tokens: host.tokens,
        sessions: new Sessions({ redis, namespace, ttlMs: config.REFRESH_TTL_MS }),
        attempts: new LoginAttempts({
          redis,
          namespace,
          perAddress: config.LOGINS_PER_ADDRESS,
        }),
        cookies: { secure: config.SECURE_COOKIES, ttlMs: config.REFRESH_TTL_MS },
      }),
  };
};
