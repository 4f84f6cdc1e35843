// Reading and writing octets: the words of PROTOCOL.md section 1.
//
// A uvarint reaches 2^64-1, so it is a BigInt wherever it is not bounded by a limit below 2^53.

import { malformed, tooLarge } from './refused.mjs';

const MAX64 = (1n << 64n) - 1n;

export const hex = (octets) => Buffer.from(octets).toString('hex');
export const unhex = (text) => Buffer.from(text, 'hex');
export const same = (a, b) => Buffer.compare(a, b) === 0;

export function uuidText(octets) {
  return hex(octets).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

export function uuidOctets(text) {
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text)) throw malformed('not a UUID');
  return unhex(text.replaceAll('-', ''));
}

export const isZero = (octets) => octets.every((b) => b === 0);

// A JavaScript string would hide octets that are not UTF-8, so texts stay octets; this is for showing and comparing.
export const show = (octets) => Buffer.from(octets).toString('utf8');

export const zigzag = (n) => BigInt.asUintN(64, (n << 1n) ^ (n >> 63n));
export const unzigzag = (u) => (u & 1n ? -(u >> 1n) - 1n : u >> 1n);

// A time as uvarint is its 64-bit pattern taken as unsigned.
export const timePattern = (ms) => BigInt.asUintN(64, ms);
export const patternTime = (u) => BigInt.asIntN(64, u);

export class Reader {
  constructor(octets, what) {
    this.octets = octets;
    this.at = 0;
    this.what = what;
  }

  left() {
    return this.octets.length - this.at;
  }

  fixed(n) {
    if (this.left() < n) throw malformed(`${this.what}: cut short`);
    const part = this.octets.subarray(this.at, this.at + n);
    this.at += n;
    return part;
  }

  u8() {
    return this.fixed(1)[0];
  }

  u32be() {
    return this.fixed(4).readUInt32BE();
  }

  uvarint() {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const b = this.u8();
      value |= BigInt(b & 0x7f) << shift;
      if (b < 0x80) {
        if (b === 0 && shift > 0n) throw malformed(`${this.what}: number not in its shortest form`);
        if (value > MAX64) throw malformed(`${this.what}: number over 64 bits`);
        return value;
      }
      if (shift >= 63n) throw malformed(`${this.what}: number over 64 bits`);
    }
  }

  svarint() {
    return unzigzag(this.uvarint());
  }

  time() {
    return patternTime(this.uvarint());
  }

  // upTo reads a number that counts or measures something and so is bounded by a limit.
  upTo(limit, word) {
    const n = this.uvarint();
    if (n > BigInt(limit)) throw tooLarge(`${this.what}: ${word} ${n} over ${limit}`);
    return Number(n);
  }

  bytes(limit, word = 'length') {
    return this.fixed(this.upTo(limit, word));
  }

  end() {
    if (this.left() !== 0) throw malformed(`${this.what}: ${this.left()} octets behind the end`);
  }
}

export class Writer {
  constructor() {
    this.parts = [];
  }

  raw(...parts) {
    for (const part of parts) this.parts.push(typeof part === 'string' ? Buffer.from(part, 'latin1') : part);
    return this;
  }

  u8(n) {
    return this.raw(Buffer.of(n));
  }

  u32be(n) {
    const b = Buffer.alloc(4);
    b.writeUInt32BE(n);
    return this.raw(b);
  }

  u64be(n) {
    const b = Buffer.alloc(8);
    b.writeBigUInt64BE(BigInt(n));
    return this.raw(b);
  }

  uvarint(n) {
    const out = [];
    let rest = BigInt(n);
    for (; rest > 0x7fn; rest >>= 7n) out.push(Number(rest & 0x7fn) | 0x80);
    out.push(Number(rest));
    return this.raw(Buffer.from(out));
  }

  svarint(n) {
    return this.uvarint(zigzag(BigInt(n)));
  }

  time(ms) {
    return this.uvarint(timePattern(BigInt(ms)));
  }

  bytes(octets) {
    return this.uvarint(octets.length).raw(octets);
  }

  text(string) {
    return this.bytes(Buffer.from(string, 'utf8'));
  }

  done() {
    return Buffer.concat(this.parts);
  }
}
