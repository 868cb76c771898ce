import { randomBytes } from 'node:crypto';

/** A new id for a Kafka cluster. Its first letter is none that a command line takes for an option. */
export function clusterId(): string {
  const bytes = randomBytes(16);
  bytes.writeUInt8(bytes.readUInt8() & 0x7f);
  return bytes.toString('base64url');
}
