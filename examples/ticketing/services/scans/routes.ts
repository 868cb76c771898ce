import type { FastifyInstance } from 'fastify';
import { api } from '../../api.ts';
import type { AccessTokens } from '../auth/access-token.ts';
import { bind } from '../route.ts';
import type { Scans } from './scans.ts';

export type ScanDeps = { scans: Scans; tokens: AccessTokens };

export function scanRoutes(app: FastifyInstance, { scans, tokens }: ScanDeps): void {
  bind(app, tokens, api.scan, ({ body, user }) => scans.scan(body, user.id));

  bind(app, tokens, api.syncScans, ({ body, user }) => scans.sync(body, user.id));

  bind(app, tokens, api.doorList, ({ params }) => scans.doorList(params.slug));
}
