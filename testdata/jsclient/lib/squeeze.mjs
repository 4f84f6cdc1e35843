// squeeze, the compressor of columns, in both directions: squeeze/SPEC.md sections 5 and 6.

import { Refused } from './refused.mjs';
import { Decoder, Encoder } from './squeeze_coder.mjs';
import { NOTHING_BESIDE, adapt, primedModel } from './squeeze_model.mjs';

const MAX_LENGTH = 2 ** 31 - 1;
const EVEN = 32768;

const corrupt = (what) => new Refused('corrupt', what);
const overLimit = (what) => new Refused('limit', what);

// ---- which columns are stored ----

export function looksRandom(column) {
  const slots = new Uint32Array(4 * 256).fill(0x80000000);
  const coder = new Encoder();
  let high = 0;
  for (const b of column) {
    let node = 1;
    for (let place = 7; place >= 0; place--) {
      const bit = (b >> place) & 1;
      const at = high * 256 + node;
      coder.code(bit, Math.min(Math.max(slots[at] >>> 16, 32), 65504));
      slots[at] = adapt(slots[at], bit);
      node = 2 * node + bit;
    }
    high = b < 128 ? 0 : Math.min(high + 1, 3);
  }
  const spent = 8 * coder.out.length + Math.clz32(coder.high - coder.low);
  return spent > 8 * column.length + 16 + Math.min(Math.floor(column.length / 2), 512);
}

// ---- compress ----

export function squeeze(columns) {
  const model = primedModel();
  const coder = new Encoder();
  const stored = columns.map(looksRandom);
  model.begin(0);
  for (const b of header(columns, stored)) put(model, coder, b, NOTHING_BESIDE);
  columns.forEach((column, k) => {
    if (stored[k]) {
      for (const b of column) for (let place = 7; place >= 0; place--) coder.code((b >> place) & 1, EVEN);
      return;
    }
    model.begin(k + 1);
    const beside = besideOf(columns[k - 1], column.length);
    for (let i = 0; i < column.length; i++) put(model, coder, column[i], beside ? beside[i] : NOTHING_BESIDE);
  });
  return coder.end();
}

const besideOf = (before, length) => (before && before.length === length ? before : undefined);

function put(model, coder, b, beside) {
  let place = 8;
  model.byte(beside, (p) => {
    const bit = (b >> --place) & 1;
    coder.code(bit, p);
    return bit;
  });
}

function header(columns, stored) {
  const out = [];
  const number = (n) => {
    for (; n > 127; n = Math.floor(n / 128)) out.push((n % 128) + 128);
    out.push(n);
  };
  number(columns.length);
  columns.forEach((column, k) => {
    if (stored[k]) number(0);
    number(column.length + 1);
  });
  return out;
}

// ---- decompress ----

// unsqueeze decompresses within {columns, columnBytes, totalBytes}; it refuses with code corrupt or limit.
export function unsqueeze(stream, limits) {
  const model = primedModel();
  const coder = new Decoder(stream);
  const bit = (p) => coder.bit(p);
  model.begin(0);
  const lengths = readHeader(stream, limits, () => {
    const b = model.byte(NOTHING_BESIDE, bit);
    coder.checkNotCut();
    return b;
  });
  const columns = [];
  lengths.forEach(({ length, stored }, k) => {
    const column = Buffer.alloc(length);
    const beside = besideOf(columns[k - 1], length);
    if (!stored) model.begin(k + 1);
    for (let i = 0; i < length; i++) {
      column[i] = stored ? plainByte(bit) : model.byte(beside ? beside[i] : NOTHING_BESIDE, bit);
      coder.checkNotCut();
    }
    columns.push(column);
  });
  coder.checkEnd();
  return columns;
}

function plainByte(bit) {
  let b = 0;
  for (let i = 0; i < 8; i++) b = b * 2 + bit(EVEN);
  return b;
}

function readHeader(stream, limits, nextByte) {
  const count = readNumber(nextByte);
  if (count > limits.columns) throw overLimit(`${count} columns`);
  const lengths = [];
  let sum = 0;
  for (let k = 0; k < count; k++) {
    let number = readNumber(nextByte);
    const stored = number === 0;
    if (stored) number = readNumber(nextByte);
    if (number === 0) throw corrupt('a column is stored twice');
    const length = number - 1;
    if (length > MAX_LENGTH) throw corrupt('a length over 2^31 - 1');
    sum += length;
    if (length > limits.columnBytes) throw overLimit(`a column of ${length} bytes`);
    if (sum > limits.totalBytes) throw overLimit(`columns of more than ${limits.totalBytes} bytes`);
    if (Math.floor(sum / 4096) > stream.length + 8) throw overLimit('more bytes than the stream can hold');
    lengths.push({ length, stored });
  }
  return lengths;
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
