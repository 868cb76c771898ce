import { CircuitBreaker } from '@evenkeel/circuit-breaker';

async function main(): Promise<void> {
  const breaker = new CircuitBreaker({ name: 'smoke' });
  if ((await breaker.execute(async () => 42)) !== 42) throw new Error('wrong answer');
  if (breaker.state !== 'closed') throw new Error(`wrong state: ${breaker.state}`);
}

void main();
