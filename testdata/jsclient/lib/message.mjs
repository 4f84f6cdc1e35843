// The body of a request or an answer, a list of parts: PROTOCOL.md section 13.
//
// A body is an object whose members are named by PARTS; a part that may occur often is an array.

import * as limits from './limits.mjs';
import { readCheckpoint, writeCheckpoint } from './page.mjs';
import { Reader, Writer } from './octets.mjs';
import { malformed, tooLarge } from './refused.mjs';

const readHead = (r) => ({ origin: r.fixed(16), seq: r.uvarint(), o: r.fixed(32), p: r.fixed(32) });
const writeHead = (w, h) => w.raw(h.origin).uvarint(h.seq).raw(h.o, h.p);
const all = (r) => r.fixed(r.left());
const writeRaw = (w, octets) => w.raw(octets);
const uuid = { read: (r) => r.fixed(16), write: writeRaw };
const octets = { read: all, write: writeRaw };

function readExtra(r) {
  const extra = { origin: r.fixed(16), credentials: [] };
  while (r.left() > 0) {
    if (extra.credentials.length === 8) throw tooLarge('extra: more than 8 credentials');
    extra.credentials.push(r.bytes(limits.TOKEN));
  }
  return extra;
}

function writeExtra(w, extra) {
  w.raw(extra.origin);
  for (const token of extra.credentials) w.bytes(token);
}

function readWelcome(r) {
  const welcome = { role: r.bytes(64), unit: r.bytes(limits.UNIT), team: r.fixed(16), members: [], credentials: [] };
  const members = r.upTo(1024, 'members');
  for (let i = 0; i < members; i++) welcome.members.push({ id: r.fixed(16), name: r.bytes(512) });
  const tokens = r.upTo(8, 'tokens');
  for (let i = 0; i < tokens; i++) welcome.credentials.push(r.bytes(limits.TOKEN));
  return welcome;
}

function writeWelcome(w, welcome) {
  w.bytes(welcome.role).bytes(welcome.unit).raw(welcome.team).uvarint(welcome.members.length);
  for (const member of welcome.members) w.raw(member.id).bytes(member.name);
  w.uvarint(welcome.credentials.length);
  for (const token of welcome.credentials) w.bytes(token);
}

const join = {
  read: (r) => ({ code: r.bytes(64), key: r.fixed(32), label: r.bytes(512), commit: r.fixed(32), nonce: r.bytes(16) }),
  write: (w, j) => w.bytes(j.code).raw(j.key).bytes(j.label).raw(j.commit).bytes(j.nonce),
};

const problem = {
  read: (r) => ({ index: r.uvarint(), code: r.bytes(64), message: r.bytes(512) }),
  write: (w, p) => w.uvarint(p.index).bytes(p.code).bytes(p.message),
};

const both = ['request', 'answer'];

// side: where the part may stand; most: how often, 0 for a part that occurs once.
const PARTS = {
  1: { name: 'id', side: both, most: 0, ...uuid },
  2: { name: 'origin', side: both, most: 0, ...uuid },
  3: { name: 'credentials', side: ['request'], most: 8, read: readToken, write: writeRaw },
  4: { name: 'heads', side: both, most: 4096, read: readHead, write: writeHead },
  5: { name: 'checkpoints', side: both, most: 512, read: readCheckpoint, write: writeCheckpoint },
  6: { name: 'segments', side: both, most: 512, ...octets },
  7: { name: 'receipts', side: both, most: 4096, ...octets },
  8: { name: 'budget', side: ['request'], most: 0, read: (r) => r.upTo(limits.MESSAGE, 'budget'), write: (w, n) => w.uvarint(n) },
  9: { name: 'clock', side: both, most: 0, read: (r) => r.svarint(), write: (w, ms) => w.svarint(ms) },
  10: { name: 'waiting', side: ['request'], most: 0, read: (r) => r.upTo(2 ** 31 - 1, 'waiting'), write: (w, n) => w.uvarint(n) },
  11: { name: 'extra', side: both, most: 512, read: readExtra, write: writeExtra },
  12: {
    name: 'beacon', side: ['answer'], most: 0,
    read: (r) => ({ time: r.svarint(), tag: r.fixed(8) }),
    write: (w, b) => w.svarint(b.time).raw(b.tag),
  },
  13: { name: 'pages', side: ['answer'], most: 512, ...octets },
  14: { name: 'problems', side: ['answer'], most: 512, ...problem },
  15: { name: 'notice', side: ['answer'], most: 0, ...octets },
  16: { name: 'sealKey', side: ['answer'], most: 0, read: (r) => r.fixed(32), write: writeRaw },
  17: { name: 'more', side: ['answer'], most: 0, read: () => true, write: () => {} },
  18: { name: 'join', side: ['request'], most: 0, ...join },
  19: { name: 'welcome', side: ['answer'], most: 0, read: readWelcome, write: writeWelcome },
  20: { name: 'rulings', side: ['answer'], most: 16, ...octets },
  21: { name: 'joinNonce', side: ['answer'], most: 0, read: (r) => r.fixed(16), write: writeRaw },
};

function readToken(r) {
  if (r.left() > limits.TOKEN) throw tooLarge(`credential of ${r.left()} octets`);
  return all(r);
}

// decodeBody reads a body; side is 'request' or 'answer'. A part that has no place on that side is skipped.
export function decodeBody(body, side) {
  const outer = new Reader(body, side);
  const message = {};
  while (outer.left() > 0) {
    const tag = outer.uvarint();
    const payload = outer.bytes(limits.MESSAGE);
    const part = tag <= 21n ? PARTS[Number(tag)] : undefined;
    if (part?.side.includes(side)) readPart(message, part, payload);
  }
  if (!message.id || !message.origin) throw malformed(`${side} without id or origin`);
  return message;
}

function readPart(message, part, payload) {
  const r = new Reader(payload, part.name);
  const value = part.read(r);
  r.end();
  if (part.most === 0) {
    message[part.name] = value;
    return;
  }
  const list = (message[part.name] ??= []);
  if (list.length === part.most) throw tooLarge(`${part.name}: more than ${part.most}`);
  list.push(value);
}

export function encodeBody(message, side) {
  const out = new Writer();
  for (const [tag, part] of Object.entries(PARTS)) {
    const value = message[part.name];
    if (value === undefined || !part.side.includes(side)) continue;
    for (const one of part.most === 0 ? [value] : value) {
      const w = new Writer();
      part.write(w, one);
      out.uvarint(tag).bytes(w.done());
    }
  }
  return out.done();
}
