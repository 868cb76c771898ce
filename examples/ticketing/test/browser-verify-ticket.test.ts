import { describe, expect, it } from 'vitest';
import {
  generateTicketKeys,
  publishedKey,
  signTicket,
  ticketPrivateKey,
  ticketPublicKey,
} from '../services/tickets/ticket-code.ts';
import { verifyTicket } from '../web/src/verify-ticket.ts';

const keys = generateTicketKeys();
const key = publishedKey(ticketPublicKey(keys.publicKey));
const claims = { ticket: 't-1', order: 'o-1', event: 'first-night', seat: 'C-12' };
const code = signTicket(claims, ticketPrivateKey(keys.privateKey));

describe('verifyTicket, as the page does it', () => {
  it('accepts what the service signed, and reads its claims', async () => {
    expect(await verifyTicket(code, key)).toEqual({ result: 'genuine', claims });
  });

  it('refuses a ticket whose seat was changed', async () => {
    const better = Buffer.from(JSON.stringify({ ...claims, seat: 'A-1' })).toString('base64url');
    const [prefix, , signature] = code.split('.');
    expect(await verifyTicket(`${prefix}.${better}.${signature}`, key)).toEqual({
      result: 'forged',
    });
  });

  it('refuses a ticket signed by another key', async () => {
    const other = signTicket(claims, ticketPrivateKey(generateTicketKeys().privateKey));
    expect(await verifyTicket(other, key)).toEqual({ result: 'forged' });
  });

  it.each(['', 'EK1', 'EK1..', `${code}.x`, code.replace('EK1', 'EK2'), 'EK1.%%%.%%%'])(
    'refuses %j',
    async (text) => {
      expect(await verifyTicket(text, key)).toEqual({ result: 'forged' });
    },
  );

  it('says so when the key cannot be used here', async () => {
    const strange = { ...key, publicKeyJwk: { kty: 'OKP', crv: 'Ed448', x: 'AAAA' } };
    expect(await verifyTicket(code, strange)).toEqual({ result: 'unsupported' });
  });
});
