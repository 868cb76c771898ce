/**
 * The shop against the chapters of OWASP ASVS 4.0.3, level 1; a file a chapter. Items that have nothing to hold here:
 *
 * | item | why |
 * |---|---|
 * | 10.3.1 | nothing updates itself: a release is a container image |
 * | 10.3.3 | names belong to who deploys it; no page loads anything from another host |
 * | 12.1.1, 12.3, 12.4, 12.5 | no files are taken, kept or handed out but the built pages |
 */
import { afterAll, beforeAll } from 'vitest';
import { authentication } from './asvs/v2-authentication.ts';
import { sessions } from './asvs/v3-sessions.ts';
import { accessControl } from './asvs/v4-access-control.ts';
import { validation } from './asvs/v5-v13-validation-and-api.ts';
import { cryptographyAndCode } from './asvs/v6-v10-v12-cryptography-and-code.ts';
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
  cryptographyAndCode,
  errorsAndLogs,
  dataProtection,
  businessLogic,
  configuration,
]) {
  chapter(target);
}
