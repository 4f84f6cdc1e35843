// Segments, as they are framed and signed: PROTOCOL.md section 6.

import * as limits from './limits.mjs';
import { originOf, sha256, sign, verify } from './keys.mjs';
import { checkMagic } from './magic.mjs';
import { Reader, Writer, same } from './octets.mjs';
import { Refused, malformed, tooLarge } from './refused.mjs';

export function parseSegment(octets) {
  if (octets.length > limits.SEGMENT) throw tooLarge(`segment of ${octets.length} octets`);
  const r = new Reader(octets, 'segment');
  checkMagic(r, 'TSG');
  const origin = r.fixed(16);
  const first = r.uvarint();
  if (first < 1n || first > limits.SEQ) throw malformed(`segment from change ${first}`);
  const count = r.upTo(limits.SEGMENT_CHANGES, 'changes');
  if (count === 0) throw malformed('segment of no change');
  const segment = {
    origin, first, count, last: first + BigInt(count) - 1n,
    before: { o: r.fixed(32), p: r.fixed(32) },
    after: { o: r.fixed(32), p: r.fixed(32) },
    signature: r.fixed(64),
    open: r.bytes(limits.SEGMENT),
  };
  readSealed(r, segment);
  r.end();
  return segment;
}

function readSealed(r, segment) {
  const form = r.u8();
  if (form > 1) throw malformed(`segment with seal form ${form}`);
  if (form === 1) segment.sealed = r.bytes(limits.SEGMENT);
  segment.sealedHash = form === 1 ? sha256(segment.sealed) : r.fixed(32);
}

// statement is what the origin signs; it has a fixed length.
export function statement(s) {
  const heads = [s.before.o, s.before.p, s.after.o, s.after.p];
  return new Writer()
    .raw('thonsync/1/statement\0', s.origin)
    .u64be(s.first)
    .u64be(s.last)
    .raw(...heads, sha256(s.open), s.sealedHash)
    .done();
}

export function verifySegment(segment, key) {
  if (!same(originOf(key), segment.origin)) throw new Refused('foreign-key', 'segment of another origin');
  if (!verify(key, statement(segment), segment.signature)) throw new Refused('bad-signature', 'segment');
}

// encodeSegment signs and frames; open and sealed are compressed and sealed already.
export function encodeSegment(parts, privateKey) {
  const s = { ...parts, sealedHash: sha256(parts.sealed) };
  s.last = s.first + BigInt(s.count) - 1n;
  return new Writer()
    .raw('TSG\x01', s.origin)
    .uvarint(s.first)
    .uvarint(s.count)
    .raw(s.before.o, s.before.p, s.after.o, s.after.p, sign(privateKey, statement(s)))
    .bytes(s.open)
    .u8(1)
    .bytes(s.sealed)
    .done();
}
