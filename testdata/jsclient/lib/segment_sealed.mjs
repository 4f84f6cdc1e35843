// The sealed compartment of a segment: PROTOCOL.md section 6.

import * as limits from './limits.mjs';
import { closeBlock, openBlock } from './block.mjs';
import { commitment, nextClosed, saltOf } from './chain.mjs';
import { keyId, sha256 } from './keys.mjs';
import { Reader, Writer, same } from './octets.mjs';
import { Refused } from './refused.mjs';
import { aeadOpen, aeadSeal, decapsulate, encapsulate } from './seal.mjs';
import { decodeTable } from './table_decode.mjs';
import { encodeTable } from './table_encode.mjs';
import { encodeRow } from './value.mjs';

const INFO = 'thonsync/1/segment';
const unreadable = (what) => new Refused('unreadable', what);

const aadOf = (s) => sha256(INFO, s.origin, s.before.o, s.before.p, s.after.o, s.after.p);

// openSeal opens the seal with the pair of a sealing key and gives the plaintext.
export function openSeal(segment, pair) {
  const sealed = segment.sealed;
  if (sealed.length < 4 || !same(sealed.subarray(0, 4), keyId(pair.public))) {
    throw new Refused('old-key', 'sealed to a key that is not held');
  }
  if (sealed.length < 36) throw unreadable('seal cut short');
  const context = decapsulate(sealed.subarray(4, 36), pair.private, INFO);
  const plain = aeadOpen(context.key, context.nonce, aadOf(segment), sealed.subarray(36));
  if (!plain) throw unreadable('seal does not open');
  return plain;
}

// readPersonal takes the plaintext of a seal apart and checks it against the signed heads. It gives for each change
// {personal, row, salt, commitment, p}; salt is undefined where the commitment itself travelled.
export function readPersonal(segment, plain) {
  try {
    return checkPersonal(segment, plain);
  } catch (error) {
    if (error instanceof Refused) throw unreadable(error.message); // whatever is wrong inside a seal
    throw error;
  }
}

function checkPersonal(segment, plain) {
  const r = new Reader(plain, 'seal');
  const salts = readSalts(r, segment);
  const block = openBlock(r.fixed(r.left()));
  const rows = decodeTable(block, segment.count);
  block.cursor.end();
  let p = segment.before.p;
  const changes = rows.map((personal, i) => {
    if (salts[i].commitment) personal = []; // gone; nothing vouches for what stands in its place
    const row = encodeRow(personal);
    if (row.length > limits.ROW) throw unreadable('a personal row over its limit');
    const c = salts[i].commitment ?? commitment(salts[i].salt, row);
    p = nextClosed(p, c);
    return { personal, row, salt: salts[i].salt, commitment: c, p };
  });
  if (!same(p, segment.after.p)) throw unreadable('the closed chain does not end where it says');
  return changes;
}

function readSalts(r, segment) {
  const runs = r.upTo(segment.count, 'salt runs');
  const salts = [];
  for (let i = 0; i < runs; i++) {
    const count = r.upTo(segment.count - salts.length, 'changes of a salt run');
    if (count === 0) throw unreadable('a salt run of no change');
    readRun(r, segment, salts, count);
  }
  if (salts.length !== segment.count) throw unreadable('salt runs that cover too few');
  return salts;
}

function readRun(r, segment, salts, count) {
  const form = r.u8();
  if (form > 2) throw unreadable(`salt form ${form}`);
  const secret = form === 0 ? r.fixed(32) : undefined;
  for (let i = 0; i < count; i++) {
    if (form === 2) salts.push({ commitment: r.fixed(32) });
    else if (form === 1) salts.push({ salt: r.fixed(16) });
    else salts.push({ salt: saltOf(secret, segment.origin, segment.first + BigInt(salts.length)) });
  }
}

// plainOf writes the plaintext for changes whose salts all follow from one secret.
export function plainOf(secret, personals) {
  return new Writer()
    .uvarint(1)
    .uvarint(personals.length)
    .u8(0)
    .raw(secret, closeBlock([encodeTable(personals)]))
    .done();
}

export function makeSeal(segment, recipient, plain) {
  const { enc, context } = encapsulate(recipient, INFO);
  const ciphertext = aeadSeal(context.key, context.nonce, aadOf(segment), plain);
  return Buffer.concat([keyId(recipient), enc, ciphertext]);
}
