import { describe, expect, it } from 'vitest';
import { kafkajsTransport } from '../src/index.ts';

/** A transport whose admin clients answer a question for offsets as told, one after the other. */
function newTransport(...answers: (Error | object[])[]) {
  let admins = 0;
  const admin = () => {
    admins += 1;
    const fetchTopicOffsets = async () => {
      const answer = answers.shift();
      if (answer instanceof Error) throw answer;
      return answer;
    };
    return { connect: async () => {}, disconnect: async () => {}, fetchTopicOffsets };
  };
  const kafka = { admin, consumer: () => {}, producer: () => {} };
  return { transport: kafkajsTransport(kafka as never), admins: () => admins };
}

describe('asking by kafkajs', () => {
  const stumble = new TypeError("Cannot destructure property 'partitions' of 'low.pop(...)'");
  const known = [{ partition: 0, high: '3', low: '0' }];

  it('asks another client when one stumbles over a topic that it has forgotten', async () => {
    const { transport, admins } = newTransport(stumble, known);
    expect(await transport.offsets('t')).toEqual([{ partition: 0, first: 0, next: 3 }]);
    expect(admins()).toBe(2);
    await transport.close();
  });

  it('asks twice and no more, and only then', async () => {
    const lost = newTransport(stumble, stumble, known);
    await expect(lost.transport.offsets('t')).rejects.toBe(stumble);
    const refused = new Error('Invalid topic');
    const { transport, admins } = newTransport(refused, known);
    await expect(transport.offsets('t')).rejects.toBe(refused);
    expect(admins()).toBe(1);
  });
});
