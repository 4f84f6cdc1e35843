// Values and rows: PROTOCOL.md section 2.
//
// A field is {num, type, value}. num and type are numbers; value is null (null), a BigInt (int), octets (text, bytes,
// uuid, types 8 to 254), a boolean (bool), the packed number (date) or an array of octets (list).

import * as limits from './limits.mjs';
import { Reader, Writer } from './octets.mjs';
import { malformed, tooLarge } from './refused.mjs';

export const NULL = 0;
export const INT = 1;
export const TEXT = 2;
export const BYTES = 3;
export const BOOL = 4;
export const UUID = 5;
export const DATE = 6;
export const LIST = 7;

export const packDate = (year, month = 0, day = 0) => (year << 9) | (month << 5) | day;

// decodeList reads what is inside the bytes of a list.
export function decodeList(octets) {
  const r = new Reader(octets, 'list');
  const items = [];
  const count = r.upTo(limits.LIST_ITEMS, 'items');
  for (let i = 0; i < count; i++) {
    const item = r.bytes(limits.VALUE);
    if (i > 0 && Buffer.compare(items[i - 1], item) >= 0) throw malformed('list: items do not ascend');
    items.push(item);
  }
  r.end();
  return items;
}

export function encodeList(items) {
  const w = new Writer().uvarint(items.length);
  for (const item of items) w.bytes(item);
  return w.done();
}

export function checkDate(n) {
  if (n > BigInt(limits.PACKED_DATE)) throw malformed(`date number ${n} over ${limits.PACKED_DATE}`);
  return Number(n);
}

export function checkBool(n) {
  if (n > 1) throw malformed(`truth value ${n}`);
  return n === 1;
}

function decodeValue(r, type) {
  switch (type) {
    case NULL:
      return null;
    case INT:
      return r.svarint();
    case BOOL:
      return checkBool(r.u8());
    case UUID:
      return r.fixed(16);
    case DATE:
      return checkDate(r.uvarint());
    case LIST:
      return decodeList(r.bytes(limits.VALUE));
    case 255:
      throw malformed('value type 255');
    default:
      return r.bytes(limits.VALUE);
  }
}

function encodeValue(w, { type, value }) {
  switch (type) {
    case NULL:
      return w;
    case INT:
      return w.svarint(value);
    case BOOL:
      return w.u8(value ? 1 : 0);
    case UUID:
      return w.raw(value);
    case DATE:
      return w.uvarint(value);
    case LIST:
      return w.bytes(encodeList(value));
    default:
      return w.bytes(value);
  }
}

export function decodeRow(octets) {
  if (octets.length > limits.ROW) throw tooLarge(`row of ${octets.length} octets`);
  const r = new Reader(octets, 'row');
  const count = r.upTo(limits.FIELDS, 'fields');
  const row = [];
  let before = -1n;
  for (let i = 0; i < count; i++) {
    const num = r.uvarint();
    checkFieldNumber(num, before);
    before = num;
    const type = r.u8();
    row.push({ num: Number(num), type, value: decodeValue(r, type) });
  }
  r.end();
  return row;
}

export function checkFieldNumber(num, before) {
  if (num > limits.FIELD_NUMBER) throw malformed(`field number ${num}`);
  if (num <= before) throw malformed(`field ${num} after field ${before}`);
}

export function encodeRow(row) {
  const w = new Writer().uvarint(row.length);
  for (const field of row) encodeValue(w.uvarint(field.num).u8(field.type), field);
  return w.done();
}

export const fieldOf = (row, num) => row.find((f) => f.num === num);
