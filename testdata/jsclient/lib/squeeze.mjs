// squeeze, the compressor of columns, in both directions: squeeze/SPEC.md section 5.

import { Refused } from './refused.mjs';
import { Decoder, Encoder } from './squeeze_coder.mjs';
import { ALL_BITS, NOTHING_BESIDE, primedModel } from './squeeze_model.mjs';
import {
  LONGEST_CONSTANT, SHORTEST_SHAPED, isConstant, ones, pack, packedSize, shapeOf, unpack,
} from './squeeze_shape.mjs';

const MAX_LENGTH = 2 ** 31 - 1;

const corrupt = (what) => new Refused('corrupt', what);
const overLimit = (what) => new Refused('limit', what);

// ---- compress ----

export function squeeze(columns) {
  const shapes = [];
  let before;
  for (const column of columns) {
    const shape = shapeOf(column, before);
    shapes.push(shape);
    if (!isConstant(shape)) before = column;
  }
  const model = primedModel();
  const coder = new Encoder();
  const put = (b, beside, shape) =>
    model.byte(beside, shape, (p, place) => {
      const bit = (b >> place) & 1;
      coder.code(bit, p);
      return bit;
    });
  model.begin(0, 0);
  for (const b of header(shapes)) put(b, NOTHING_BESIDE, ALL_BITS);
  eachCoded(columns, shapes, model, (column, shape, k, beside) => {
    for (let i = 0; i < column.length; i++) put(column[i], beside ? beside[i] : NOTHING_BESIDE, shape);
  });
  const packed = columns.flatMap((column, k) => (shapes[k].values ? [pack(column, shapes[k])] : []));
  return Buffer.concat([coder.end(), ...packed]);
}

// eachCoded calls code for each column that the model codes, with the column beside it.
function eachCoded(columns, shapes, model, code) {
  let before;
  shapes.forEach((shape, k) => {
    if (isConstant(shape)) return;
    if (!shape.values) {
      const beside = before?.length === shape.length ? before : undefined;
      model.begin(k + 1, beside ? 1 : 0);
      code(columns[k], shape, k, beside);
    }
    before = columns[k];
  });
}

function header(shapes) {
  const out = [];
  const number = (n) => {
    for (; n > 127; n = Math.floor(n / 128)) out.push((n % 128) + 128);
    out.push(n);
  };
  number(shapes.length);
  for (const { length, mask, base, values } of shapes) {
    if (values) number(0);
    number(length + 1);
    if (length < SHORTEST_SHAPED) continue;
    out.push(mask);
    if (mask !== 255) out.push(base);
    if (values) out.push(values - 1);
  }
  return out;
}

// ---- decompress ----

// unsqueeze decompresses within {columns, columnBytes, totalBytes}; it refuses with code corrupt or limit.
export function unsqueeze(stream, limits) {
  const model = primedModel();
  const coder = new Decoder(stream);
  const nextByte = (beside, shape) => {
    const b = model.byte(beside, shape, (p) => coder.bit(p));
    coder.checkNotCut();
    return b;
  };
  model.begin(0, 0);
  const shapes = readHeader(stream, limits, () => nextByte(NOTHING_BESIDE, ALL_BITS));
  const sizes = shapes.map(({ length, values }) => (values ? packedSize(length, values) : 0));
  const packed = coder.cut(sizes.reduce((sum, size) => sum + size, 0));
  let at = 0;
  const columns = shapes.map((shape, k) => {
    if (shape.values) return unpack(packed.subarray(at, (at += sizes[k])), shape);
    return Buffer.alloc(shape.length, shape.base);
  });
  eachCoded(columns, shapes, model, (column, shape, k, beside) => {
    for (let i = 0; i < column.length; i++) column[i] = nextByte(beside ? beside[i] : NOTHING_BESIDE, shape);
  });
  coder.checkEnd();
  return columns;
}

function readHeader(stream, limits, nextByte) {
  const count = readNumber(nextByte);
  if (count > limits.columns) throw overLimit(`${count} columns`);
  const shapes = [];
  let sum = 0;
  let bits = 0;
  for (let k = 0; k < count; k++) {
    const shape = readShape(nextByte);
    sum += shape.length;
    bits += shape.length * ones(shape.mask);
    if (shape.length > limits.columnBytes) throw overLimit(`a column of ${shape.length} bytes`);
    if (sum > limits.totalBytes) throw overLimit(`columns of more than ${limits.totalBytes} bytes`);
    if (Math.floor(bits / 32768) > stream.length + 8) throw overLimit('more bytes than the stream can hold');
    shapes.push(shape);
  }
  return shapes;
}

function readShape(nextByte) {
  let number = readNumber(nextByte);
  const packed = number === 0;
  if (packed) number = readNumber(nextByte);
  if (number === 0) throw corrupt('a column is packed twice');
  const length = number - 1;
  if (length > MAX_LENGTH) throw corrupt('a length over 2^31 - 1');
  if (length < SHORTEST_SHAPED) {
    if (packed) throw corrupt('a packed column is too short');
    return { length, mask: 255, base: 0 };
  }
  const mask = nextByte();
  const base = mask === 255 ? 0 : nextByte();
  const shape = { length, mask, base };
  if (packed) shape.values = nextByte() + 1;
  if ((base & mask) !== 0) throw corrupt('fixed bits among the coded ones');
  if (packed && (shape.values < 2 || shape.values > 2 ** ones(mask))) throw corrupt('a packed column of impossible values');
  if (mask === 0 && length > LONGEST_CONSTANT) throw corrupt('a constant column is too long');
  return shape;
}

function readNumber(nextByte) {
  let value = 0;
  for (let i = 0, unit = 1; i < 5; i++, unit *= 128) {
    const b = nextByte();
    value += (b % 128) * unit;
    if (b < 128) {
      if (b === 0 && i > 0) throw corrupt('a number not in its fewest bytes');
      return value;
    }
  }
  throw corrupt('a number of more than 5 bytes');
}
