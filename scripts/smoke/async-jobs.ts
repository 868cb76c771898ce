import { defineJob, handle, JobQueue, memoryTransport, Worker } from '@evenkeel/async-jobs';

// a Standard Schema by hand: the packages ask for no schema library
const schema = {
  '~standard': {
    version: 1 as const,
    vendor: 'smoke',
    validate: (value: unknown) => ({ value: value as number }),
  },
};

async function main(): Promise<void> {
  const job = defineJob({ name: 'double', schema });
  const queue = new JobQueue({ transport: memoryTransport() });
  await queue.ensureTopics([job]);
  let answer: (n: number) => void = () => {};
  const answered = new Promise<number>((resolve) => {
    answer = resolve;
  });
  const worker = new Worker(queue, { handlers: [handle(job, async (n) => answer(Number(n) * 2))] });
  await worker.run();
  await queue.enqueue(job, 21);
  if ((await answered) !== 42) throw new Error('wrong answer');
  await worker.drain();
  await queue.close();
}

void main();
