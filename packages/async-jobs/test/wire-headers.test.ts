import fc from 'fast-check';
import { expect, it } from 'vitest';
import { fromWire, toWire } from '../src/wire-headers.ts';

it('gives back the headers that were sent, whatever is in them', () => {
  const text = fc.string({ minLength: 1 });
  const headers = fc.record(
    { 'job-id': text, 'job-name': text, 'job-attempts': text, traceparent: text },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(headers, (sent) => {
      const wire = Object.entries(toWire(sent as Record<string, string>));
      const read = fromWire(
        Object.fromEntries(wire.map(([name, value]) => [name, Buffer.from(value)])),
      );
      expect(read).toEqual(sent);
    }),
  );
});

it('sends id and name of a job in one header', () => {
  expect(toWire({ 'job-id': 'i', 'job-name': 'pay card', traceparent: 't' })).toEqual({
    job: 'i pay card',
    traceparent: 't',
  });
});

it('reads id and name from two headers as other producers send them, and repeated ones once', () => {
  const wire = { 'job-id': Buffer.from('i'), 'job-name': [Buffer.from('n'), Buffer.from('m')] };
  expect(fromWire(wire)).toEqual({ 'job-id': 'i', 'job-name': 'n' });
  expect(fromWire({ job: Buffer.from('nospace') })).toEqual({ job: 'nospace' });
});

it('leaves out headers without a value', () => {
  const wire = { a: null, b: undefined, c: [null, Buffer.from('second')], d: Buffer.from('') };
  expect(fromWire(wire)).toEqual({ d: '' });
});
