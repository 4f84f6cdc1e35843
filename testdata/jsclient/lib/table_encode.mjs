// Writing rows as a table of byte columns: PROTOCOL.md section 5. A writer may choose any mode; this one takes what makes
// the fewest octets before compression, and aligns what the page says.

import * as limits from './limits.mjs';
import { dictionary, writeDict, writeInts, writeStrings } from './columns.mjs';
import { Writer, hex, zigzag } from './octets.mjs';
import { columnKeys } from './table_decode.mjs';
import * as value from './value.mjs';

// encodeTable gives the columns of rows. With records, the key (4, uuid) is written as a record column: records holds
// for each row undefined (no field 4), {back} or {record}.
export function encodeTable(rows, records) {
  const { indexes, literals: shapes } = dictionary(rows.map(shapeOf), JSON.stringify);
  const keys = columnKeys(shapes);
  const control = new Writer().uvarint(shapes.length).uvarint(keys.length);
  for (const { num, type } of keys) control.uvarint(num).u8(type);
  const columns = { shape: [], aligned: [], other: [] };
  if (shapes.length > 1) columns.shape.push(...planes(shapes, keys));
  if (shapes.length > 1) writeInts(control, columns.shape, indexes.map(BigInt));
  const described = new Writer();
  for (const key of keys) writeKey(described, columns, rows, key, records);
  control.uvarint(columns.aligned.length).raw(described.done());
  return [control.done(), ...columns.shape, ...columns.aligned, ...columns.other];
}

function planes(shapes, keys) {
  const has = (shape, key) => shape.some((f) => f.num === key.num && f.type === key.type);
  const octet = (shape, own) => own.reduce((set, key, bit) => set | (has(shape, key) ? 1 << bit : 0), 0);
  const out = [];
  for (let at = 0; at < keys.length; at += 8) {
    out.push(Buffer.from(shapes.map((shape) => octet(shape, keys.slice(at, at + 8)))));
  }
  return out;
}

const shapeOf = (row) => row.map(({ num, type }) => ({ num, type }));
const uuids = (out) => (literals) => out.push(Buffer.concat(literals));

function writeKey(control, columns, rows, { num, type }, records) {
  const fields = rows.map((row) => row.find((f) => f.num === num && f.type === type));
  const values = fields.filter(Boolean).map((f) => (type === value.LIST ? value.encodeList(f.value) : f.value));
  if (records && num === 4 && type === value.UUID) {
    writeRecords(columns.other, records.filter(Boolean));
  } else if (type === value.BOOL) {
    columns.other.push(Buffer.from(values.map(Number)));
  } else if (type === value.INT || type === value.DATE) {
    writeNumbers(control, columns.other, values, type);
  } else if (type !== value.NULL) {
    writeOctets(control, columns, fields, values, type);
  }
}

function writeNumbers(control, out, values, type) {
  const unsigned = type === value.INT ? values.map(zigzag) : values.map(BigInt);
  const deltas = values.map((v, i) => zigzag(BigInt.asIntN(64, BigInt(v) - (i ? BigInt(values[i - 1]) : 0n))));
  smallest(control, out, [
    (c, o) => writeInts(c.u8(0), o, unsigned),
    ...(values.length ? [(c, o) => writeInts(c.u8(1).uvarint(deltas[0]), o, [0n, ...deltas.slice(1)])] : []),
    (c, o) => writeDict(c.u8(2), o, unsigned, String, (literals) => writeInts(c, o, literals)),
  ]);
}

function writeOctets(control, columns, fields, values, type) {
  const distinct = dictionary(values, hex);
  if (worthAligning(fields.length, values.length, distinct.literals.length)) {
    writeAligned(control, columns, fields, distinct, type);
    return;
  }
  if (type === value.UUID) {
    writeDict(control.u8(2), columns.other, values, hex, uuids(columns.other));
    return;
  }
  const ways = [
    (c, o) => writeStrings(c.u8(0), o, values),
    (c, o) => writeDict(c.u8(2), o, values, hex, (literals) => writeProse(c, o, literals)),
    (c, o) => writeWords(c.u8(4), o, values),
  ];
  if (values.every((v) => v.length === values[0].length) && values[0].length <= limits.FIXED) {
    ways.push((c, o) => writeFixed(c.u8(3), o, values));
  }
  smallest(control, columns.other, ways);
}

function worthAligning(rows, values, distinct) {
  return values >= 2 && 2 * values >= rows && 2 * distinct <= values && distinct <= 255;
}

function writeAligned(control, columns, fields, { indexes, literals }, type) {
  if (literals.length > 1) {
    let at = 0;
    columns.aligned.push(Buffer.from(fields.map((field) => (field ? indexes[at++] + 1 : 0))));
  }
  control.u8(5).uvarint(literals.length);
  if (type === value.UUID) uuids(columns.other)(literals);
  else writeStrings(control, columns.other, literals);
}

function writeFixed(control, out, values) {
  const length = values[0].length;
  control.uvarint(length);
  for (let k = 0; k < length; k++) out.push(Buffer.from(values.map((v) => v[k])));
}

function splitWords(octets) {
  const words = [];
  let from = 0;
  for (let at = octets.indexOf(0x20); at >= 0; at = octets.indexOf(0x20, from)) {
    words.push(octets.subarray(from, at));
    from = at + 1;
  }
  words.push(octets.subarray(from));
  return words;
}

function writeWords(control, out, values) {
  const words = values.map(splitWords);
  writeInts(control, out, words.map((w) => BigInt(w.length)));
  writeDict(control, out, words.flat(), hex, (literals) => writeStrings(control, out, literals));
}

const writeProse = (control, out, texts) =>
  smallest(control, out, [(c, o) => writeStrings(c.u8(0), o, texts), (c, o) => writeWords(c.u8(4), o, texts)]);

// smallest runs all ways and keeps the one with the fewest octets.
function smallest(control, out, ways) {
  const tried = ways.map((way) => {
    const own = { control: new Writer(), out: [] };
    way(own.control, own.out);
    own.size = own.control.done().length + own.out.reduce((sum, column) => sum + column.length + 1, 0);
    return own;
  });
  const best = tried.reduce((a, b) => (b.size < a.size ? b : a));
  control.raw(best.control.done());
  out.push(...best.out);
}

function writeRecords(out, records) {
  const control = new Writer();
  const columns = [];
  writeInts(control, columns, records.map((r) => BigInt(r.back ?? 0)));
  const spelt = records.filter((r) => !r.back).map((r) => r.record);
  writeDict(control, columns, spelt, hex, uuids(columns));
  out.push(control.done(), ...columns);
}
