import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  generateTicketKeys,
  importPublishedKey,
  publishedKey,
  signTicket,
  ticketPrivateKey,
  ticketPublicKey,
  verifyTicket,
} from '../services/tickets/ticket-code.ts';

const keys = generateTicketKeys();
const privateKey = ticketPrivateKey(keys.privateKey);
const publicKey = ticketPublicKey(keys.publicKey);
const claims = { ticket: 't-1', order: 'o-1', event: 'northern-lights', seat: 'C-12' };

describe('a ticket code', () => {
  it('is verified by the public key alone, in the form in which it is published', () => {
    const code = signTicket(claims, privateKey);
    expect(code).toMatch(/^EK1\.[\w-]+\.[\w-]{86}$/);
    expect(verifyTicket(code, importPublishedKey(publishedKey(publicKey)))).toEqual(claims);
  });

  it('is the same for the same claims, in whatever order they are given', () => {
    const { seat, event, order, ticket } = claims;
    const shuffled = { seat, event, order, ticket };
    expect(signTicket(shuffled, privateKey)).toBe(signTicket(claims, privateKey));
  });

  it('is refused after any one character was changed', () => {
    const code = signTicket(claims, privateKey);
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.';
    // the last character of a base64 text carries bits that decode to nothing
    const position = fc.integer({ min: 0, max: code.length - 2 });
    fc.assert(
      fc.property(position, fc.constantFrom(...alphabet), (at, character) => {
        fc.pre(code[at] !== character);
        const forged = code.slice(0, at) + character + code.slice(at + 1);
        expect(verifyTicket(forged, publicKey)).toBeUndefined();
      }),
    );
  });

  it('is refused when another key made it', () => {
    const other = ticketPrivateKey(generateTicketKeys().privateKey);
    expect(verifyTicket(signTicket(claims, other), publicKey)).toBeUndefined();
  });

  it.each(['', 'EK1', 'EK1..', 'EK1.e30', 'EK2.e30.e30', 'EK1.e30.e30.e30', '\u0000'])(
    'is refused when it is %j',
    (code) => {
      expect(verifyTicket(code, publicKey)).toBeUndefined();
    },
  );
});

describe('a ticket key from the environment', () => {
  it.each(['', 'nonsense', keys.publicKey])('is refused as a private key: %j', (text) => {
    expect(() => ticketPrivateKey(text)).toThrow('must be an Ed25519 private key');
  });
  it('is refused as a public key when it is something else', () => {
    expect(() => ticketPublicKey('bm9uc2Vuc2U=')).toThrow('must be an Ed25519 public key');
  });
});
