// Rulings: PROTOCOL.md section 7.

import * as limits from './limits.mjs';
import { verify } from './keys.mjs';
import { Reader } from './octets.mjs';
import { Refused, malformed } from './refused.mjs';

export const KINDS = [undefined, 'hold', 'release', 'erase', 'authority', 'revoke'];
const DOMAIN = 'thonsync/1/ruling\0';

export function parseRuling(octets) {
  const r = new Reader(octets, 'ruling');
  const ruling = { number: r.uvarint(), issued: r.time(), kind: KINDS[r.u8()] };
  if (!ruling.kind) throw malformed('ruling of a kind that is none');
  ruling.target = { origin: r.fixed(16), seq: r.uvarint(), o: r.fixed(16) };
  ruling.record = r.fixed(16);
  const grant = r.u8();
  if (grant > 1) throw malformed(`ruling with grant ${grant}`);
  ruling.grant = grant === 1;
  ruling.unit = r.bytes(limits.UNIT);
  ruling.reason = r.bytes(limits.REASON);
  ruling.cut = [];
  const heads = r.upTo(limits.CUT, 'heads of a cut');
  for (let i = 0; i < heads; i++) ruling.cut.push({ seq: r.uvarint(), o: r.fixed(16) });
  if (heads > 0 && !ofDevice(ruling)) throw malformed(`a ruling to ${ruling.kind} with a cut`);
  ruling.signed = Buffer.concat([Buffer.from(DOMAIN), octets.subarray(0, r.at)]);
  ruling.signature = r.fixed(64);
  r.end();
  return ruling;
}

// ofDevice tells whether a ruling is about a device and not about one change of it.
export const ofDevice = ({ kind, target }) => kind === 'revoke' || (kind === 'release' && target.seq === 0n);

export function verifyRuling(ruling, centre) {
  if (!verify(centre, ruling.signed, ruling.signature)) throw new Refused('bad-signature', 'ruling');
}
