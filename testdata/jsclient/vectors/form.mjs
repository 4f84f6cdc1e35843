// Values as vectors write them (PROTOCOL.md section 22), to and from what the client works with.

import { show, unhex, uuidOctets } from '../lib/octets.mjs';
import * as value from '../lib/value.mjs';

const TYPES = {
  null: value.NULL, int: value.INT, text: value.TEXT, bytes: value.BYTES, bool: value.BOOL, uuid: value.UUID,
  date: value.DATE, 'packed-date': value.DATE, list: value.LIST,
};

function typeNumber(word) {
  if (word in TYPES) return TYPES[word];
  if (!/^\d+$/.test(word)) throw new Error(`vector with the value type ${word}`);
  return Number(word);
}

const utf8 = (text) => Buffer.from(text, 'utf8');

function valueOf(type, v) {
  switch (type) {
    case 'null':
      return null;
    case 'int':
      return BigInt(v);
    case 'text':
      return utf8(v);
    case 'bool':
    case 'packed-date':
      return v;
    case 'uuid':
      return uuidOctets(v);
    case 'date':
      return value.packDate(...v.split('-').map(Number));
    case 'list':
      return v.map(utf8);
    default:
      return unhex(v); // bytes and numbered types
  }
}

export const row = (fields) => fields.map((f) => ({ num: f.num, type: typeNumber(f.type), value: valueOf(f.type, f.value) }));

// plain makes a decoded value comparable whatever octets back it.
const plain = (v) => (Buffer.isBuffer(v) ? v.toString('hex') : Array.isArray(v) ? v.map(plain) : v);
export const comparableRow = (fields) => fields.map((f) => ({ num: f.num, type: f.type, value: plain(f.value) }));

// members fails if a vector has a member that its check does not know: nothing of a vector may go unlooked at.
export function members(vector, ...known) {
  for (const member of Object.keys(vector)) {
    if (!['name', 'error', ...known].includes(member)) throw new Error(`vector with a member ${member} that nobody checks`);
  }
}

export { show };
