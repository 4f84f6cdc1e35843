// The line of the centre's keys: PROTOCOL.md section 12.

import { originOf, sha256, verify } from './keys.mjs';
import * as limits from './limits.mjs';
import { Reader, same } from './octets.mjs';
import { Refused, malformed } from './refused.mjs';

const DOMAIN = Buffer.from('thonsync/1/succession\0');
const [FOUNDING, OLD_KEY, RECOVERY] = [0, 1, 2];

export function parseSuccession(octets) {
  const r = new Reader(octets, 'succession');
  const s = { number: r.uvarint(), issued: r.time(), by: r.u8() };
  if (s.by > RECOVERY) throw malformed(`succession by authority ${s.by}`);
  if (s.by !== FOUNDING) s.old = r.fixed(32);
  s.next = r.fixed(32);
  s.recovery = r.fixed(32);
  if (s.by === RECOVERY) s.recoveryKey = r.fixed(32);
  const signed = Buffer.concat([DOMAIN, octets.subarray(0, r.at)]);
  const signature = s.by === FOUNDING ? undefined : r.fixed(64);
  const nextSignature = r.fixed(64);
  r.end();
  if ((s.by === FOUNDING) !== (s.number === 0n)) throw malformed('exactly the first succession founds');
  const authority = s.by === RECOVERY ? s.recoveryKey : s.old;
  if (authority && !verify(authority, signed, signature)) throw new Refused('bad-signature', 'authority of a succession');
  if (!verify(s.next, signed, nextSignature)) throw new Refused('bad-signature', 'new key of a succession');
  return { ...s, octets };
}

// readLine reads a line in the middle of something: successions in order, each in its right.
export function readLine(r) {
  const line = [];
  const count = r.upTo(limits.SUCCESSIONS, 'successions');
  for (let i = 0; i < count; i++) {
    const s = parseSuccession(r.bytes(limits.SUCCESSION));
    admit(line, s);
    line.push(s);
  }
  if (line.length === 0) throw malformed('a centre without a key');
  return line;
}

function admit(line, s) {
  if (s.number !== BigInt(line.length)) throw malformed(`succession ${s.number} in place ${line.length}`);
  if (s.number === 0n) return;
  const last = line[line.length - 1];
  if (!same(s.old, last.next)) throw new Refused('foreign-key', 'successor of another key');
  const announced = !last.recovery.every((octet) => octet === 0);
  if (s.by === RECOVERY && !(announced && same(sha256(s.recoveryKey), last.recovery))) {
    throw new Refused('foreign-key', 'recovery key that was never announced');
  }
  if (s.issued <= last.issued) throw malformed('succession not later than the one before');
}

export const newestKey = (line) => line[line.length - 1].next;
export const centreId = (line) => originOf(line[0].next);

// follow gives the line to go on with: ours or theirs.
export function follow(ours, theirs) {
  for (let i = 0; i < Math.min(ours.length, theirs.length); i++) {
    if (same(ours[i].octets, theirs[i].octets)) continue;
    if (i === 0) throw new Refused('foreign-key', 'another centre');
    if (ours[i].by === OLD_KEY && theirs[i].by === RECOVERY) return theirs;
    if (ours[i].by === RECOVERY && theirs[i].by === OLD_KEY) throw new Refused('foreign-key', 'overruled by the recovery key');
    throw new Refused('fork', 'two successors of one key');
  }
  return theirs.length > ours.length ? theirs : ours;
}

// signedBy gives the number of the newest of the centre's keys for which check, given that key, does not refuse.
export function signedBy(line, check) {
  for (let n = line.length - 1; ; n--) {
    try {
      check(line[n].next);
      return n;
    } catch (refused) {
      if (!(refused instanceof Refused) || n === 0) throw refused;
    }
  }
}
