// What squeeze says of a column, how a writer chooses it, and packed columns: squeeze/SPEC.md sections 5 and 6.

import { Refused } from './refused.mjs';
import { Encoder } from './squeeze_coder.mjs';
import { adapt } from './squeeze_model.mjs';

export const SHORTEST_SHAPED = 80;
export const LONGEST_CONSTANT = 4096;

export const ones = (mask) => mask.toString(2).replaceAll('0', '').length;
export const isConstant = (shape) => shape.mask === 0;

// ---- values: the bits in mask, brought together ----

function gather(b, mask) {
  let value = 0;
  for (let place = 7; place >= 0; place--) if ((mask >> place) & 1) value = value * 2 + ((b >> place) & 1);
  return value;
}

function scatter(value, { mask, base }) {
  let b = base;
  for (let place = 0; place < 8; place++) {
    if (((mask >> place) & 1) === 0) continue;
    b |= (value & 1) << place;
    value >>= 1;
  }
  return b;
}

// ---- groups ----

function octetsFor(digits, base) {
  const numbers = BigInt(base) ** BigInt(digits);
  let octets = 0;
  while (256n ** BigInt(octets) < numbers) octets++;
  return octets;
}

const groups = new Map();

function groupOf(base) {
  if (!groups.has(base)) {
    let best = { digits: 1, octets: 1 };
    for (let digits = 2; octetsFor(digits, base) <= 7; digits++) {
      const octets = octetsFor(digits, base);
      if (digits * best.octets > best.digits * octets) best = { digits, octets };
    }
    groups.set(base, best);
  }
  return groups.get(base);
}

export function packedSize(length, base) {
  const { digits, octets } = groupOf(base);
  return Math.floor(length / digits) * octets + octetsFor(length % digits, base);
}

export function pack(column, shape) {
  const { digits } = groupOf(shape.values);
  const out = [];
  for (let at = 0; at < column.length; at += digits) {
    const group = column.subarray(at, at + digits);
    let number = 0n;
    for (const b of group) number = number * BigInt(shape.values) + BigInt(gather(b, shape.mask));
    for (let i = octetsFor(group.length, shape.values) - 1; i >= 0; i--) out.push(Number((number >> BigInt(8 * i)) & 255n));
  }
  return Buffer.from(out);
}

export function unpack(packed, shape) {
  const { digits } = groupOf(shape.values);
  const column = Buffer.alloc(shape.length);
  let from = 0;
  for (let at = 0; at < shape.length; at += digits) {
    const n = Math.min(digits, shape.length - at);
    const octets = octetsFor(n, shape.values);
    let number = 0n;
    for (const b of packed.subarray(from, from + octets)) number = number * 256n + BigInt(b);
    from += octets;
    for (let i = n - 1; i >= 0; i--) {
      column[at + i] = scatter(Number(number % BigInt(shape.values)), shape);
      number /= BigInt(shape.values);
    }
    if (number !== 0n) throw new Refused('corrupt', 'a packed number is too large');
  }
  return column;
}

// ---- the writer's choice ----

// shapeOf chooses how a column is coded; before is the last column that is not constant.
export function shapeOf(column, before) {
  const { length } = column;
  if (length < SHORTEST_SHAPED) return { length, mask: 255, base: 0 };
  const every = column.reduce((all, b) => all & b, 255);
  const some = column.reduce((all, b) => all | b, 0);
  const mask = some & ~every;
  if (mask === 0) return length > LONGEST_CONSTANT ? { length, mask: 1, base: every & 254 } : { length, mask, base: every };
  const shape = { length, mask, base: every };
  const values = 1 + column.reduce((most, b) => Math.max(most, gather(b, mask)), 0);
  const limit = 8 * packedSize(length, values) - 24;
  const random =
    spent(column, mask, highs(column)) > limit && (before?.length !== length || spent(column, mask, before) > limit);
  return random ? { ...shape, values } : shape;
}

function highs(column) {
  let high = 0;
  return column.map((b) => {
    const now = high;
    high = b < 128 ? 0 : Math.min(high + 1, 3);
    return now;
  });
}

// spent counts the bits that a column costs under a small model with one context for each byte.
function spent(column, mask, contexts) {
  const slots = new Uint32Array(65536).fill(0x80000000);
  const coder = new Encoder();
  column.forEach((b, i) => {
    let node = 1;
    for (let place = 7; place >= 0; place--) {
      const bit = (b >> place) & 1;
      if ((mask >> place) & 1) {
        const at = contexts[i] * 256 + node;
        coder.code(bit, Math.min(Math.max(slots[at] >>> 16, 32), 65504));
        slots[at] = adapt(slots[at], bit);
      }
      node = 2 * node + bit;
    }
  });
  return 8 * coder.out.length + Math.clz32(coder.high - coder.low);
}
