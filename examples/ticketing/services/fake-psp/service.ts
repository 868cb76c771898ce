import type { OpenService } from '../service.ts';
import { fakePsp } from './fake-psp.ts';

export const openFakePsp: OpenService<'fake-psp'> = ({ config }) => {
  const { PSP_WEBHOOK_URL: url, PSP_WEBHOOK_SECRET: secret } = config;
  return {
    ownServer: {
      app: fakePsp({
        latencyMs: config.PSP_LATENCY_MS,
        errorRate: config.PSP_ERROR_RATE,
        ...(url && secret ? { webhooks: { url, secret } } : {}),
      }),
      port: config.FAKE_PSP_PORT,
    },
  };
};
