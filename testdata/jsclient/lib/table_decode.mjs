// Reading a table of byte columns back into rows: PROTOCOL.md section 5.

import * as limits from './limits.mjs';
import {
  Cursor, checkIndexes, readDict, readIntColumns, readInts, readStrings, readUuids,
} from './columns.mjs';
import { Reader, unzigzag } from './octets.mjs';
import { malformed, tooLarge } from './refused.mjs';
import * as value from './value.mjs';

export { Cursor };

const PLAIN = 0;
const DELTA = 1;
const DICT = 2;
const FIXED = 3;
const WORDS = 4;
const ALIGNED = 5;

// Block is what the tables of one compressed block share: their columns and the octets that words may make.
export class Block {
  constructor(columns) {
    this.cursor = new Cursor(columns);
    this.words = limits.BLOCK;
  }

  spendWords(octets) {
    this.words -= octets;
    if (this.words < 0) throw tooLarge(`table: words make more than ${limits.BLOCK} octets`);
  }
}

// decodeTable reads the next table of count rows. With recordColumn the key (4, uuid) is read as the record column of a
// segment's header table: its values are {back} or {record}.
export function decodeTable(block, count, { recordColumn = false } = {}) {
  const control = new Reader(block.cursor.next(), 'table');
  const { shapes, keys } = readShapes(control, block.cursor, count);
  const rowShapes = readRowShapes(control, block.cursor, shapes, count);
  const aligned = takeAligned(control, block.cursor);
  const rows = rowShapes.map((k) => shapes[k].map(({ num, type }) => ({ num, type, value: undefined })));
  for (const key of keys) {
    const fields = rows.map((row) => row.find((f) => f.num === key.num && f.type === key.type));
    const here = fields.filter(Boolean);
    const values =
      recordColumn && key.num === 4 && key.type === value.UUID
        ? readRecords(block.cursor, here.length)
        : readKey({ control, block, cursor: block.cursor, aligned, fields, n: here.length, type: key.type });
    here.forEach((field, i) => (field.value = values[i]));
  }
  control.end();
  if (aligned.at !== aligned.columns.length) throw malformed('table: an aligned column that no field takes');
  return rows;
}

function readShapes(control, cursor, count) {
  const n = control.upTo(limits.SHAPES, 'shapes');
  if (n === 0 && count > 0) throw malformed('table: rows without a shape');
  const keys = readKeys(control);
  if (n === 0 && keys.length > 0) throw malformed('table: fields without a shape');
  const shapes = n === 1 ? [keys] : readPlanes(cursor, keys, n);
  shapes.forEach(checkShape);
  return { shapes, keys };
}

function readKeys(control) {
  const n = control.upTo(limits.TABLE_KEYS, 'fields of a table');
  const keys = [];
  for (let k = 0; k < n; k++) {
    const num = control.uvarint();
    value.checkFieldNumber(num, -1n);
    const key = { num: Number(num), type: control.u8() };
    if (key.type === 255) throw malformed('table: value type 255');
    if (k > 0 && byKey(keys[k - 1], key) >= 0) throw malformed('table: fields out of order');
    keys.push(key);
  }
  return keys;
}

// readPlanes reads which keys each shape has: one column for every eight keys.
function readPlanes(cursor, keys, n) {
  const shapes = Array.from({ length: n }, () => []);
  for (let at = 0; at < keys.length; at += 8) {
    const plane = cursor.sized(n);
    const own = keys.slice(at, at + 8);
    if (plane.reduce((all, set) => all | set, 0) !== 2 ** own.length - 1) throw malformed('table: a field in no shape');
    plane.forEach((set, i) => shapes[i].push(...own.filter((_, bit) => (set >> bit) & 1)));
  }
  return shapes;
}

function checkShape(shape) {
  if (shape.length > limits.FIELDS) throw tooLarge(`table: a shape of ${shape.length} fields`);
  shape.forEach((field, i) => {
    if (i > 0 && field.num === shape[i - 1].num) throw malformed('table: a field twice in a shape');
  });
}

function readRowShapes(control, cursor, shapes, count) {
  if (shapes.length < 2) return new Array(count).fill(0);
  return readInts(control, cursor, count).map((k) => {
    if (k >= BigInt(shapes.length)) throw malformed('table: a shape out of range');
    return Number(k);
  });
}

function takeAligned(control, cursor) {
  const n = control.upTo(limits.TABLE_KEYS, 'aligned columns');
  return new Cursor(Array.from({ length: n }, () => cursor.next()));
}

export function columnKeys(shapes) {
  const keys = new Map();
  for (const field of shapes.flat()) keys.set(`${field.num}/${field.type}`, field);
  return [...keys.values()].sort(byKey);
}

const byKey = (a, b) => a.num - b.num || a.type - b.type;

function readKey(at) {
  switch (at.type) {
    case value.NULL:
      return new Array(at.n).fill(null);
    case value.BOOL:
      return [...at.cursor.sized(at.n)].map(value.checkBool);
    case value.INT:
    case value.DATE:
      return readNumbers(at);
    case value.UUID:
      return readUuidKey(at);
    default:
      return readTextKey(at);
  }
}

function readNumbers({ control, cursor, n, type }) {
  const fromUnsigned = type === value.INT ? unzigzag : value.checkDate;
  const mode = control.u8();
  switch (mode) {
    case PLAIN:
      return readInts(control, cursor, n).map(fromUnsigned);
    case DICT:
      return readDict(control, cursor, n, (k) => readInts(control, cursor, k)).map(fromUnsigned);
    case DELTA:
      return readDeltas(control.uvarint(), readInts(control, cursor, n), type);
    default:
      throw malformed(`table: mode ${mode} for numbers`);
  }
}

function readDeltas(first, steps, type) {
  if (steps[0] !== 0n) throw malformed('table: differences that do not begin with 0');
  let before = 0n;
  return steps.map((step, i) => {
    before = BigInt.asIntN(64, before + unzigzag(i === 0 ? first : step));
    return type === value.INT ? before : value.checkDate(BigInt.asUintN(64, before));
  });
}

function readUuidKey(at) {
  const mode = at.control.u8();
  if (mode === DICT) return readDict(at.control, at.cursor, at.n, (k) => readUuids(at.cursor, k));
  if (mode === ALIGNED) return readAligned(at, (k) => readUuids(at.cursor, k));
  throw malformed(`table: mode ${mode} for uuids`);
}

function readTextKey(at) {
  const { control, cursor, n, type } = at;
  const strings = (k) => readStrings(control, cursor, k);
  const texts = readTexts(at, strings);
  if (texts.length !== n) throw malformed('table: texts and rows differ in number');
  return type === value.LIST ? texts.map(value.decodeList) : texts;
}

function readTexts(at, strings) {
  const mode = at.control.u8();
  switch (mode) {
    case PLAIN:
      return strings(at.n);
    case DICT:
      return readDict(at.control, at.cursor, at.n, (k) => readProse({ ...at, n: k }, strings));
    case FIXED:
      return readFixed(at);
    case WORDS:
      return readWords(at, strings);
    case ALIGNED:
      return readAligned(at, strings);
    default:
      throw malformed(`table: mode ${mode} for texts`);
  }
}

// readProse reads the literals of a dictionary of texts, which have a mode of their own.
function readProse(at, strings) {
  const mode = at.control.u8();
  if (mode === PLAIN) return strings(at.n);
  if (mode === WORDS) return readWords(at, strings);
  throw malformed(`table: mode ${mode} for the literals of texts`);
}

function readFixed({ control, cursor, n }) {
  const length = control.upTo(limits.FIXED, 'length of fixed texts');
  const texts = Array.from({ length: n }, () => Buffer.alloc(length));
  for (let k = 0; k < length; k++) {
    const column = cursor.sized(n);
    for (let i = 0; i < n; i++) texts[i][k] = column[i];
  }
  return texts;
}

const SPACE = Buffer.from(' ');

function readWords({ control, block, cursor, n }, strings) {
  const counts = readInts(control, cursor, n).map(wordCount);
  const total = counts.reduce((sum, count) => sum + count, 0);
  if (total > limits.BLOCK) throw tooLarge(`table: ${total} words in a column`);
  const words = readDict(control, cursor, total, strings);
  let at = 0;
  return counts.map((count) => {
    const own = words.slice(at, (at += count));
    const length = own.reduce((sum, word) => sum + word.length, count - 1);
    if (length > limits.VALUE) throw tooLarge(`table: words make a text of ${length} octets`);
    block.spendWords(length + 1);
    return Buffer.concat(own.flatMap((word, i) => (i === 0 ? [word] : [SPACE, word])));
  });
}

function wordCount(count) {
  if (count === 0n) throw malformed('table: a text of no words');
  if (count > BigInt(limits.VALUE + 1)) throw tooLarge(`table: a text of ${count} words`);
  return Number(count);
}

function readAligned({ control, aligned, fields, n }, readLiterals) {
  const literals = control.upTo(Math.min(255, n), 'aligned literals');
  const indexes = [];
  if (literals < 2) {
    for (let i = 0; i < n; i++) indexes.push(0n);
  } else {
    const column = aligned.sized(fields.length);
    fields.forEach((field, i) => {
      if ((column[i] !== 0) !== Boolean(field)) throw malformed('table: aligned column and shapes disagree');
      if (field) indexes.push(BigInt(column[i] - 1));
    });
  }
  const plain = checkIndexes(indexes, literals);
  const values = readLiterals(literals);
  return plain.map((index) => values[index]);
}

// readRecords reads the record column: what its own control column describes.
function readRecords(cursor, n) {
  const control = new Reader(cursor.next(), 'record column');
  const backWidth = control.u8();
  const indexWidth = control.u8();
  const literals = control.upTo(n, 'literals');
  control.end();
  const backs = readIntColumns(cursor, n, backWidth);
  const spelt = backs.filter((back) => back === 0n).length;
  const indexes = checkIndexes(readIntColumns(cursor, spelt, indexWidth), literals);
  const ids = readUuids(cursor, literals);
  let at = 0;
  return backs.map((back) => (back === 0n ? { record: ids[indexes[at++]] } : { back }));
}
