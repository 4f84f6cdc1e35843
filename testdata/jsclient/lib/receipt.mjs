// Receipts: PROTOCOL.md section 8.

import * as limits from './limits.mjs';
import { originOf, verify } from './keys.mjs';
import { Reader, same } from './octets.mjs';
import { Refused, malformed } from './refused.mjs';

export const MARKS = [undefined, 'commune', 'received', 'safe'];
// An outcome that is not among these is a newer program's; it is shown by its number.
export const OUTCOMES = [undefined, 'accepted', 'quarantined', 'forked', 'erased', 'refused', 'held'];
const DOMAIN = 'thonsync/1/receipt\0';

export function parseReceipt(octets) {
  const r = new Reader(octets, 'receipt');
  const receipt = { issuer: r.fixed(16), issued: r.time(), mark: MARKS[r.u8()] };
  if (!receipt.mark) throw malformed('receipt with a mark that is none');
  Object.assign(receipt, { ruled: r.uvarint(), origin: r.fixed(16), first: r.uvarint(), last: r.uvarint() });
  checkRun(receipt);
  Object.assign(receipt, { o: r.fixed(32), p: r.fixed(32), exceptions: [] });
  const count = r.upTo(limits.EXCEPTIONS, 'exceptions');
  for (let i = 0; i < count; i++) receipt.exceptions.push(readException(r));
  receipt.signed = Buffer.concat([Buffer.from(DOMAIN), octets.subarray(0, r.at)]);
  receipt.signature = r.fixed(64);
  r.end();
  return receipt;
}

function readException(r) {
  const [first, last, outcome] = [r.uvarint(), r.uvarint(), r.u8()];
  return { first, last, outcome: OUTCOMES[outcome] ?? `outcome-${outcome}`, reason: r.bytes(limits.REASON) };
}

function checkRun({ first, last }) {
  if (first < 1n || last < first) throw malformed(`receipt over ${first} to ${last}`);
}

export function verifyReceipt(receipt, key) {
  if (!same(originOf(key), receipt.issuer)) throw new Refused('foreign-key', 'receipt of another issuer');
  if (!verify(key, receipt.signed, receipt.signature)) throw new Refused('bad-signature', 'receipt');
}

// covers tells whether a receipt speaks for change seq: all but those that could not be read (section 8).
export function covers(receipt, seq) {
  if (seq < receipt.first || seq > receipt.last) return false;
  return !receipt.exceptions.some((e) => seq >= e.first && seq <= e.last && e.reason.toString() === 'unreadable');
}

export function outcomeOf(receipt, seq) {
  const exception = receipt.exceptions.find((e) => seq >= e.first && seq <= e.last);
  return exception ? exception.outcome : 'accepted';
}
