import { Health } from '@evenkeel/health';

async function main(): Promise<void> {
  const health = new Health({ service: 'smoke' });
  health.check('self', async () => 'ok');
  const { status } = await health.readiness();
  if (status !== 'pass') throw new Error(`not ready: ${status}`);
  await health.close();
}

void main();
