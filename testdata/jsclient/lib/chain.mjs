// The two hash chains of an origin, salts and record ids: PROTOCOL.md section 4.

import { hmac, mark8, sha256 } from './keys.mjs';
import { Writer } from './octets.mjs';

const u64be = (n) => new Writer().u64be(n).done();
const u32be = (n) => new Writer().u32be(n).done();

export function genesis(origin) {
  return {
    o: sha256('thonsync/1/genesis\0', Buffer.of(0), origin),
    p: sha256('thonsync/1/genesis\0', Buffer.of(1), origin),
  };
}

export function nextOpen(before, origin, seq, header, operational) {
  return sha256('thonsync/1/open\0', before, origin, u64be(seq), u32be(header.length), header, operational);
}

export const commitment = (salt, personal) => hmac(salt, 'thonsync/1/commit\0', personal);
export const nextClosed = (before, c) => sha256('thonsync/1/closed\0', before, c);
export const saltOf = (secret, origin, seq) => hmac(secret, 'thonsync/1/salt\0', origin, u64be(seq)).subarray(0, 16);

export function recordId(stamp, o) {
  const time = u64be(BigInt.asUintN(48, stamp)).subarray(2);
  return mark8(Buffer.concat([time, sha256('thonsync/1/record\0', o).subarray(0, 10)]));
}
