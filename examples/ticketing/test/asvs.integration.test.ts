/**
 * The shop against the chapters of OWASP ASVS 4.0.3, level 1, that apply to it; a file a chapter. Not
 * applicable: V6 (no keys of users), V10 (malicious code: reviews), V12 (no files are taken).
 */
import { afterAll, beforeAll } from 'vitest';
import { authentication } from './asvs/v2-authentication.ts';
import { sessions } from './asvs/v3-sessions.ts';
import { accessControl } from './asvs/v4-access-control.ts';
import { validation } from './asvs/v5-v13-validation-and-api.ts';
import { errorsAndLogs } from './asvs/v7-errors-and-logs.ts';
import { dataProtection } from './asvs/v8-v9-data-and-communication.ts';
import { businessLogic } from './asvs/v11-business-logic.ts';
import { configuration } from './asvs/v14-configuration.ts';
import { TestShop } from './test-shop.ts';

let shop: TestShop;
beforeAll(async () => {
  shop = await TestShop.start({ PSP_LATENCY_MS: '20', SECURE_COOKIES: 'true' });
});
afterAll(() => shop?.stop());

const target = () => shop;
for (const chapter of [
  authentication,
  sessions,
  accessControl,
  validation,
  errorsAndLogs,
  dataProtection,
  businessLogic,
  configuration,
]) {
  chapter(target);
}
