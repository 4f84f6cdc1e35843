// Bundles: PROTOCOL.md section 10.

import * as limits from './limits.mjs';
import { checkMagic } from './magic.mjs';
import { Reader, Writer } from './octets.mjs';
import { Refused, tooLarge } from './refused.mjs';

const MARKER = Buffer.from('f5545365', 'hex');
const END = 7;
const MAX_DAMAGED = 1000;

const TABLE = new Uint32Array(256).map((_, n) => {
  let c = n;
  for (let k = 0; k < 8; k++) c = c & 1 ? (c >>> 1) ^ 0x82f63b78 : c >>> 1;
  return c;
});

export function crc32c(octets) {
  let c = 0xffffffff;
  for (const b of octets) c = (c >>> 8) ^ TABLE[(c ^ b) & 255];
  return (c ^ 0xffffffff) >>> 0;
}

export function writeBundle(entries) {
  const w = new Writer().raw('TSB\x01');
  const end = { kind: END, data: new Writer().uvarint(entries.length).done() };
  for (const { kind, data } of [...entries, end]) {
    const body = new Writer().u8(kind).bytes(data).done();
    w.raw(MARKER, body).u32be(crc32c(body));
  }
  return w.done();
}

// readBundle gives {entries, damaged, cut}: entries {kind, data} without the end, the number of damaged places, and
// whether the bundle lacks something.
export function readBundle(octets) {
  if (octets.length > limits.BUNDLE) throw tooLarge(`bundle of ${octets.length} octets`);
  checkMagic(new Reader(octets, 'bundle'), 'TSB');
  const found = { entries: [], damaged: 0, cut: true };
  let at = 4;
  while (at < octets.length && found.damaged < MAX_DAMAGED) {
    const entry = entryAt(octets, at);
    if (!entry) {
      found.damaged++;
      at = nextMarker(octets, at + 1);
      continue;
    }
    at = entry.end;
    if (entry.kind === END) found.cut = !endAgrees(entry, found.entries.length);
    else {
      found.entries.push({ kind: entry.kind, data: entry.data });
      found.cut = true; // the end is the last entry
    }
    if (found.entries.length > limits.BUNDLE_ENTRIES) throw tooLarge('bundle with too many entries');
  }
  return found;
}

function nextMarker(octets, from) {
  const at = octets.indexOf(MARKER, from);
  return at < 0 ? octets.length : at;
}

function entryAt(octets, at) {
  if (!octets.subarray(at, at + 4).equals(MARKER)) return undefined;
  const r = new Reader(octets.subarray(at + 4), 'entry');
  try {
    const kind = r.u8();
    const data = r.bytes(limits.ENTRY_DATA);
    const body = r.octets.subarray(0, r.at);
    return r.u32be() === crc32c(body) ? { kind, data, end: at + 4 + r.at } : undefined;
  } catch (error) {
    if (error instanceof Refused) return undefined;
    throw error;
  }
}

function endAgrees(entry, count) {
  try {
    const r = new Reader(entry.data, 'end of a bundle');
    const said = r.uvarint();
    r.end();
    return said === BigInt(count);
  } catch {
    return false;
  }
}
