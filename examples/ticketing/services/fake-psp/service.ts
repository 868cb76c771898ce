import { fastifyHealth, Health } from '@evenkeel/health';
import type { PspConfig } from '../config.ts';
import type { Service } from '../service.ts';
import { fakePsp } from './fake-psp.ts';

export async function startFakePsp(config: PspConfig): Promise<Service> {
  const app = fakePsp({ latencyMs: config.PSP_LATENCY_MS, errorRate: config.PSP_ERROR_RATE });
  const health = new Health({ service: 'fake-psp' });
  await app.register(fastifyHealth(health));
  return {
    name: 'fake-psp',
    health,
    server: app.server,
    listen: () => app.listen({ host: config.HOST, port: config.FAKE_PSP_PORT }),
    phases: {},
    lingerMs: config.LINGER_MS,
  };
}
