// Contacts of points: PROTOCOL.md section 8.

import * as limits from './limits.mjs';
import { originOf, verify } from './keys.mjs';
import { Reader, same } from './octets.mjs';
import { Refused } from './refused.mjs';

const DOMAIN = 'thonsync/1/contacts\0';

export function parseContacts(octets) {
  const r = new Reader(octets, 'contacts');
  const contacts = { issuer: r.fixed(16), issued: r.time(), list: [] };
  const count = r.upTo(limits.CONTACTS, 'contacts');
  for (let i = 0; i < count; i++) {
    contacts.list.push({ origin: r.fixed(16), at: r.time(), waiting: r.upTo(2 ** 31 - 1, 'waiting changes') });
  }
  contacts.signed = Buffer.concat([Buffer.from(DOMAIN), octets.subarray(0, r.at)]);
  contacts.signature = r.fixed(64);
  r.end();
  return contacts;
}

export function verifyContacts(contacts, key) {
  if (!same(originOf(key), contacts.issuer)) throw new Refused('foreign-key', 'contacts of another issuer');
  if (!verify(key, contacts.signed, contacts.signature)) throw new Refused('bad-signature', 'contacts');
}
