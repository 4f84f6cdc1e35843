// Feed pages and checkpoints: PROTOCOL.md section 9.

import * as limits from './limits.mjs';
import { openBlock } from './block.mjs';
import { parseSuccession } from './centre.mjs';
import { parseHeader } from './header.mjs';
import { sha256, verify } from './keys.mjs';
import { Reader } from './octets.mjs';
import { Refused, malformed, tooLarge } from './refused.mjs';
import { parseRuling, verifyRuling } from './ruling.mjs';
import { decodeTable } from './table_decode.mjs';
import * as value from './value.mjs';

export function parsePage(octets) {
  const outer = new Reader(octets, 'page');
  const signature = outer.fixed(64);
  const body = outer.fixed(outer.left());
  if (body.length > limits.PAGE_BODY) throw tooLarge(`page body of ${body.length} octets`);
  const r = new Reader(body, 'page');
  const page = { feed: r.bytes(limits.FEED), epoch: r.fixed(16), from: r.uvarint(), to: r.uvarint() };
  if (page.to <= page.from) throw malformed('page without entries');
  if (page.to - page.from > BigInt(limits.PAGE_ENTRIES)) throw tooLarge('page with too many entries');
  page.count = Number(page.to - page.from);
  page.prev = r.fixed(32);
  page.content = r.bytes(limits.PAGE_BODY);
  r.end();
  return { ...page, signature, body, hash: sha256('thonsync/1/page-hash\0', body) };
}

export function verifyPage(page, centre) {
  const signed = Buffer.concat([Buffer.from('thonsync/1/page\0'), sha256(page.body)]);
  if (!verify(centre, signed, page.signature)) throw new Refused('bad-signature', 'page');
}

// readPage opens the content of a verified page: entries {ruling}, {succession} or {origin, seq, o, record, header,
// operational}.
export function readPage(page, centre) {
  const block = openBlock(page.content);
  const frames = decodeTable(block, page.count);
  const headers = decodeTable(block, page.count);
  const operationals = decodeTable(block, page.count);
  block.cursor.end();
  return frames.map((frame, i) => readEntry(frame, headers[i], operationals[i], centre));
}

function readEntry(frame, header, operational, centre) {
  const ruling = take(frame, 5, value.BYTES);
  const succession = take(frame, 6, value.BYTES);
  if (succession) return { succession: parseSuccession(succession), octets: succession };
  if (!ruling) return readChangeEntry(frame, header, operational);
  const parsed = parseRuling(ruling);
  verifyRuling(parsed, centre);
  return { ruling: parsed, octets: ruling };
}

function readChangeEntry(frame, header, operational) {
  const entry = {
    origin: take(frame, 1, value.UUID),
    seq: take(frame, 2, value.INT),
    o: take(frame, 3, value.BYTES),
    record: take(frame, 4, value.UUID),
    header,
    operational,
  };
  if (!entry.origin || entry.seq === undefined || !entry.record || entry.o?.length !== 16) {
    throw malformed('feed: an entry that is neither change nor ruling');
  }
  parseHeader(header);
  return entry;
}

function take(row, num, type) {
  const field = value.fieldOf(row, num);
  if (field && field.type !== type) throw malformed(`feed: frame field ${num} of type ${field.type}`);
  return field?.value;
}

export function readCheckpoint(r) {
  return { feed: r.bytes(limits.FEED), epoch: r.fixed(16), position: r.uvarint(), page: r.fixed(32) };
}

export function writeCheckpoint(w, c) {
  return w.bytes(c.feed).raw(c.epoch).uvarint(c.position).raw(c.page);
}
