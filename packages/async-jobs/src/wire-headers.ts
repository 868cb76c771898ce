import type { KafkaMessage } from './kafkajs-client.ts';
import { JOB_ID, JOB_NAME } from './record.ts';
import type { IncomingRecord } from './transport.ts';

// kafkajs spends as much on two headers as on the rest of a small record
const BOTH = 'job';

/** Headers as they travel: `job: <id> <name>` for the two that every record of ours has. */
export function toWire(headers: Readonly<Record<string, string>>): Record<string, string> {
  const id = headers[JOB_ID];
  const name = headers[JOB_NAME];
  if (!id || !name || id.includes(' ')) return headers;
  const wire: Record<string, string> = { [BOTH]: `${id} ${name}` };
  for (const header in headers) {
    if (header !== JOB_ID && header !== JOB_NAME) wire[header] = headers[header] as string;
  }
  return wire;
}

/** Headers as they were sent; `job-id` and `job-name` may also come one by one, from other producers. */
export function fromWire(wire: KafkaMessage['headers']): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const name in wire) {
    const value = wire[name];
    const first = Array.isArray(value) ? value[0] : value;
    if (first === undefined || first === null) continue; // Kafka's header without a value
    const text = first.toString();
    const space = name === BOTH ? text.indexOf(' ') : -1;
    if (space === -1) headers[name] = text;
    else {
      headers[JOB_ID] = text.slice(0, space);
      headers[JOB_NAME] = text.slice(space + 1);
    }
  }
  return headers;
}

/** A record as kafkajs read it. */
export function toIncoming(message: KafkaMessage): IncomingRecord {
  return {
    offset: Number(message.offset),
    timestampMs: Number(message.timestamp),
    key: message.key === null ? null : message.key.toString(),
    value: message.value,
    headers: fromWire(message.headers),
  };
}
