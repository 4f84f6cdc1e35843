// The model of squeeze, which guesses the next bit: squeeze/SPEC.md section 3, and its primer.

import { PRIMER } from './squeeze_primer.mjs';
import { RATE, STRETCH, squash } from './squeeze_tables.mjs';

const SLOTS = 131072;
const CONTEXTS = 5;
const FRESH = 0x80000000; // p 32768, check 0, count 0
export const NOTHING_BESIDE = -1;
export const ALL_BITS = { mask: 255, base: 0 };

export function adapt(slot, bit) {
  const p = slot >>> 16;
  const count = slot & 31;
  const next = p + (((bit * 65535 - p) * RATE[count]) >> 15);
  return ((next << 16) | (slot & 0xffe0) | Math.min(count + 1, 30)) >>> 0;
}

function mix(v, k) {
  let x = Math.imul((v + Math.imul(k, 0x3c6ef372)) | 0, 0x9e3779b1);
  x ^= x >>> 15;
  x = Math.imul(x, 0x85ebca6b);
  return (x ^ (x >>> 13)) >>> 0;
}

const isLetter = (b) => b >= 128 || (b >= 65 && b <= 90) || (b >= 97 && b <= 122);

export class Model {
  constructor(from) {
    this.slots = from ? from.slots.slice() : new Uint32Array(SLOTS).fill(FRESH);
    this.sets = from ? from.sets.map((set) => set.slice()) : [0, 1].map(() => new Int32Array(CONTEXTS).fill(16500));
    this.hash = new Uint32Array(CONTEXTS);
    this.line = new Int32Array(CONTEXTS);
    this.check = new Int32Array(CONTEXTS);
    this.at = new Int32Array(CONTEXTS);
    this.input = new Int32Array(CONTEXTS);
    this.begin(0, 0);
  }

  // begin starts a column; paired is 1 if it has a column beside it.
  begin(column, paired) {
    this.column = column;
    this.paired = paired;
    this.weights = this.sets[paired];
    this.last4 = 0;
    this.word = 0;
    this.high = 0;
  }

  // byte codes the bits in mask of one byte, whose other bits are those of base; code(p, place) is told the chance of a
  // 1 and which bit it is about, and answers with the bit.
  byte(beside, { mask, base }, code) {
    this.#contexts(beside);
    const high = this.#nibble(0, mask >> 4, base >> 4, (p, place) => code(p, place + 4));
    const low = this.#nibble(16 + high, mask & 15, base & 15, code);
    const b = high * 16 + low;
    this.#after(b);
    return b;
  }

  #contexts(beside) {
    const { hash, last4 } = this;
    hash[0] = mix((this.column * 4) | this.high, 1);
    hash[1] = mix(last4 & 0xff, 2);
    hash[2] = mix(last4 & 0xffff, 3);
    hash[3] = mix(last4, 4);
    hash[4] = this.paired ? mix(this.column * 256 + beside, 6) : mix(this.word, 5);
  }

  #nibble(part, mask, base, code) {
    if (mask === 0) return base;
    for (let i = 0; i < CONTEXTS; i++) {
      const x = Math.imul(this.hash[i] ^ part, 0xc2b2ae35);
      this.line[i] = x >>> 15;
      this.check[i] = x & 0x7ff;
    }
    let node = 1;
    for (let place = 3; place >= 0; place--) {
      let bit = (base >> place) & 1;
      if ((mask >> place) & 1) {
        const p = this.#predict(node);
        bit = code(p, place);
        this.#learn(bit, p);
      }
      node = 2 * node + bit;
    }
    return node & 15;
  }

  #predict(node) {
    let dot = 0; // wide
    for (let i = 0; i < CONTEXTS; i++) {
      const at = this.#find(this.line[i] ^ node, this.check[i]);
      this.at[i] = at;
      this.input[i] = STRETCH[this.slots[at] >>> 20];
      dot += this.weights[i] * this.input[i];
    }
    return squash(Math.min(Math.max(Math.floor(dot / 65536), -2047), 2047));
  }

  #find(first, check) {
    const { slots } = this;
    const second = first ^ 16;
    if (((slots[first] >>> 5) & 0x7ff) === check) return first;
    if (((slots[second] >>> 5) & 0x7ff) === check) return second;
    const at = (slots[second] & 31) < (slots[first] & 31) ? second : first;
    slots[at] = FRESH | (check << 5);
    return at;
  }

  #learn(bit, p) {
    const error = bit * 65536 - p;
    for (let i = 0; i < CONTEXTS; i++) {
      this.weights[i] += (this.input[i] * error + 16384) >> 15;
      this.slots[this.at[i]] = adapt(this.slots[this.at[i]], bit);
    }
  }

  #after(b) {
    const { weights } = this;
    for (let i = 0; i < CONTEXTS; i++) weights[i] = Math.min(Math.max(weights[i], -524287), 524287);
    this.last4 = ((this.last4 << 8) | b) >>> 0;
    this.high = b < 128 ? 0 : Math.min(this.high + 1, 3);
    this.word = isLetter(b) ? Math.imul((this.word + b + 1) | 0, 0x2f0b4c47) >>> 0 : 0;
  }
}

let primed;

// primedModel is a model that has learnt the primer. What the primer taught is kept and copied.
export function primedModel() {
  primed ??= learnPrimer();
  return new Model(primed);
}

function learnPrimer() {
  const model = new Model();
  model.begin(65535, 0);
  for (const b of PRIMER) model.byte(NOTHING_BESIDE, ALL_BITS, (p, place) => (b >> place) & 1);
  return model;
}
