// Key notices: PROTOCOL.md section 12.

import { newestKey, readLine } from './centre.mjs';
import * as limits from './limits.mjs';
import { verify } from './keys.mjs';
import { checkMagic } from './magic.mjs';
import { Reader, same } from './octets.mjs';
import { Refused } from './refused.mjs';

export function parseNotice(octets) {
  const r = new Reader(octets, 'key notice');
  checkMagic(r, 'TSK');
  const notice = { sign: r.fixed(32), exchange: r.fixed(32), serial: r.uvarint(), line: readLine(r) };
  notice.centre = newestKey(notice.line);
  const made = r.at;
  notice.sealMade = r.time();
  notice.seal = r.fixed(32);
  notice.sealStatement = octets.subarray(made, r.at);
  notice.sealSignature = r.fixed(64);
  notice.credentials = [];
  const count = r.upTo(8, 'credentials');
  for (let i = 0; i < count; i++) notice.credentials.push(r.bytes(limits.TOKEN).toString('latin1'));
  const signed = octets.subarray(0, r.at);
  notice.signed = Buffer.concat([Buffer.from('thonsync/1/keys\0'), signed]);
  notice.signature = r.fixed(64);
  r.end();
  return notice;
}

export function verifyNotice(notice) {
  const seal = Buffer.concat([Buffer.from('thonsync/1/seal-key\0'), notice.sealStatement]);
  if (!verify(notice.centre, seal, notice.sealSignature)) throw new Refused('bad-signature', 'sealing key of the notice');
  if (!verify(notice.sign, notice.signed, notice.signature)) throw new Refused('bad-signature', 'key notice');
}

export const isCentres = (notice) => same(notice.sign, notice.centre);
