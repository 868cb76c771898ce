import type { OpenService } from '../service.ts';
import { fakePsp } from './fake-psp.ts';

export const openFakePsp: OpenService<'fake-psp'> = ({ config }) => ({
  ownServer: {
    app: fakePsp({ latencyMs: config.PSP_LATENCY_MS, errorRate: config.PSP_ERROR_RATE }),
    port: config.FAKE_PSP_PORT,
  },
});
