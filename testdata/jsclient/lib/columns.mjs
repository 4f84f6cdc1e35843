// The parts of which tables are made, INTS, DICT and STRINGS, for reading and writing: PROTOCOL.md section 5.

import * as limits from './limits.mjs';
import { malformed, tooLarge } from './refused.mjs';

// Cursor hands out the columns of a block one after the other.
export class Cursor {
  constructor(columns) {
    this.columns = columns;
    this.at = 0;
  }

  next() {
    if (this.at >= this.columns.length) throw malformed('table: a column is missing');
    return this.columns[this.at++];
  }

  sized(length) {
    const column = this.next();
    if (column.length !== length) throw malformed(`table: a column of ${column.length} octets instead of ${length}`);
    return column;
  }

  end() {
    if (this.at !== this.columns.length) throw malformed(`table: ${this.columns.length - this.at} columns too many`);
  }
}

// ---- reading ----

export function readInts(control, cursor, n) {
  const width = control.u8();
  return readIntColumns(cursor, n, width);
}

export function readIntColumns(cursor, n, width) {
  if (width > 8) throw malformed(`table: integers of ${width} octets`);
  const numbers = new Array(n).fill(0n);
  for (let k = 0; k < width; k++) {
    const column = cursor.sized(n);
    for (let i = 0; i < n; i++) numbers[i] = (numbers[i] << 8n) | BigInt(column[i]);
  }
  return numbers;
}

export function readStrings(control, cursor, n) {
  const lengths = readInts(control, cursor, n).map((length) => {
    if (length > BigInt(limits.VALUE)) throw tooLarge(`table: a text of ${length} octets`);
    return Number(length);
  });
  const total = lengths.reduce((sum, length) => sum + length, 0);
  const column = cursor.sized(total);
  let at = 0;
  return lengths.map((length) => column.subarray(at, (at += length)));
}

// checkIndexes sees to the one numbering: by first appearance, every literal used. It returns plain numbers.
export function checkIndexes(indexes, literals) {
  let seen = 0;
  for (const index of indexes) {
    if (index > BigInt(seen)) throw malformed('table: an index jumps');
    if (index === BigInt(seen)) seen++;
  }
  if (seen !== literals) throw malformed(`table: ${literals} literals of which ${seen} are used`);
  return indexes.map(Number);
}

export function readDict(control, cursor, n, readLiterals) {
  const indexes = readInts(control, cursor, n);
  const literals = control.upTo(n, 'literals');
  const plain = checkIndexes(indexes, literals);
  const values = readLiterals(literals);
  return plain.map((index) => values[index]);
}

export function readUuids(cursor, n) {
  const column = cursor.sized(16 * n);
  return Array.from({ length: n }, (_, i) => column.subarray(16 * i, 16 * i + 16));
}

// ---- writing: columns are pushed to out, numbers that describe them go to the control column ----

export function writeInts(control, out, numbers) {
  const greatest = numbers.reduce((max, n) => (n > max ? n : max), 0n);
  let width = 0;
  while (greatest >> BigInt(8 * width)) width++;
  control.u8(width);
  for (let k = width - 1; k >= 0; k--) {
    out.push(Buffer.from(numbers.map((n) => Number((n >> BigInt(8 * k)) & 0xffn))));
  }
}

export function writeStrings(control, out, strings) {
  writeInts(control, out, strings.map((s) => BigInt(s.length)));
  out.push(Buffer.concat(strings));
}

// dictionary numbers values by first appearance; key makes a value comparable.
export function dictionary(values, key) {
  const numbers = new Map();
  const literals = [];
  const indexes = values.map((value) => {
    const k = key(value);
    if (!numbers.has(k)) {
      numbers.set(k, literals.length);
      literals.push(value);
    }
    return numbers.get(k);
  });
  return { indexes, literals };
}

export function writeDict(control, out, values, key, writeLiterals) {
  const { indexes, literals } = dictionary(values, key);
  writeInts(control, out, indexes.map(BigInt));
  control.uvarint(literals.length);
  writeLiterals(literals);
}
