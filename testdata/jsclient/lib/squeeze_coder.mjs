// The arithmetic coder of squeeze: squeeze/SPEC.md section 4.

import { Refused } from './refused.mjs';

const TOP = 0xffffffff;

const split = (low, high, p) => {
  const r = high - low;
  return low + (r >>> 16) * p + (((r & 0xffff) * p) >>> 16);
};

// ending finds the shortest octets that name the interval: n of them, the top ones of c.
function ending(low, high) {
  if (low === 0 && high === TOP) return { n: 0, c: 0 };
  for (let n = 1; n < 4; n++) {
    const unit = 2 ** (32 - 8 * n);
    const c = Math.ceil(low / unit) * unit;
    if (c + unit - 1 <= high) return { n, c };
  }
  return { n: 4, c: low };
}

export class Encoder {
  constructor() {
    this.low = 0;
    this.high = TOP;
    this.out = [];
  }

  code(bit, p) {
    const mid = split(this.low, this.high, p);
    if (bit === 1) this.high = mid;
    else this.low = mid + 1;
    while (this.low >>> 24 === this.high >>> 24) {
      this.out.push(this.low >>> 24);
      this.low = (this.low << 8) >>> 0;
      this.high = ((this.high << 8) | 255) >>> 0;
    }
  }

  end() {
    const { n, c } = ending(this.low, this.high);
    for (let i = 0; i < n; i++) this.out.push((c >>> (24 - 8 * i)) & 255);
    return Buffer.from(this.out);
  }
}

export class Decoder {
  constructor(stream) {
    this.stream = stream;
    this.next = 4;
    this.shifts = 0;
    this.low = 0;
    this.high = TOP;
    this.value = 0;
    for (let i = 0; i < 4; i++) this.value = this.value * 256 + (stream[i] ?? 0);
  }

  bit(p) {
    const mid = split(this.low, this.high, p);
    const bit = this.value <= mid ? 1 : 0;
    if (bit === 1) this.high = mid;
    else this.low = mid + 1;
    while (this.low >>> 24 === this.high >>> 24) {
      this.shifts++;
      this.low = (this.low << 8) >>> 0;
      this.high = ((this.high << 8) | 255) >>> 0;
      this.value = ((this.value << 8) | (this.stream[this.next++] ?? 0)) >>> 0;
    }
    return bit;
  }

  // cut takes the packed octets off the end: from here on the coder's stream ends before them.
  cut(octets) {
    const at = this.stream.length - octets;
    if (at < 0) throw new Refused('corrupt', 'the stream is cut short before its packed columns');
    const packed = this.stream.subarray(at);
    for (let i = Math.max(at, this.next - 4); i < this.next; i++) {
      this.value = (this.value & ~(255 << (8 * (this.next - 1 - i)))) >>> 0;
    }
    this.stream = this.stream.subarray(0, at);
    return packed;
  }

  checkNotCut() {
    if (this.shifts > this.stream.length) throw new Refused('corrupt', 'the stream is cut short');
  }

  checkEnd() {
    this.checkNotCut();
    const { n, c } = ending(this.low, this.high);
    if (this.shifts + n !== this.stream.length || this.value !== c) {
      throw new Refused('corrupt', 'the stream does not end where its columns end');
    }
  }
}
