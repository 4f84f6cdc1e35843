// The header row of a change and the references in it: PROTOCOL.md section 3.

import * as limits from './limits.mjs';
import { Reader, Writer, isZero } from './octets.mjs';
import { malformed } from './refused.mjs';
import { BYTES, INT, UUID, fieldOf } from './value.mjs';

export const CREATE = 1;
export const SET = 2;
export const VOID = 3;

export function decodeRefs(octets) {
  const r = new Reader(octets, 'references');
  const count = r.upTo(limits.REFERENCES, 'references');
  const refs = [];
  for (let i = 0; i < count; i++) refs.push({ origin: r.fixed(16), seq: r.uvarint(), o: r.fixed(16) });
  r.end();
  return refs;
}

export function encodeRefs(refs) {
  const w = new Writer().uvarint(refs.length);
  for (const ref of refs) w.raw(ref.origin).uvarint(ref.seq).raw(ref.o);
  return w.done();
}

function take(row, num, type) {
  const field = fieldOf(row, num);
  if (field && field.type !== type) throw malformed(`header field ${num} of type ${field.type}`);
  return field?.value;
}

function takeInt(row, num, max) {
  const value = take(row, num, INT);
  if (value === undefined) throw malformed(`header without field ${num}`);
  if (max !== undefined && (value < 0n || value > max)) throw malformed(`header field ${num} out of range`);
  return value;
}

function takeOctets(row, num, type, length) {
  const value = take(row, num, type);
  if (value === undefined) return undefined;
  if (length && value.length !== length) throw malformed(`header field ${num} of ${value.length} octets`);
  return value;
}

function takeUuid(row, num) {
  const value = takeOctets(row, num, UUID);
  if (value && isZero(value)) throw malformed(`header field ${num} is nil and so must be left out`);
  return value;
}

function takeRefs(row, num) {
  const value = take(row, num, BYTES);
  if (value === undefined) return [];
  const refs = decodeRefs(value);
  if (refs.length === 0) throw malformed(`header field ${num} names nothing and so must be left out`);
  return refs;
}

function takeBeacon(row) {
  const time = take(row, 8, INT);
  const tag = takeOctets(row, 9, BYTES, 8);
  if ((time === undefined) !== (tag === undefined)) throw malformed('header with half a beacon');
  if (time === undefined) return undefined;
  if (time === 0n && isZero(tag)) throw malformed('header with a beacon of zeros');
  return { time, tag };
}

// parseHeader checks a header row and takes its known fields apart.
export function parseHeader(row) {
  return {
    schema: takeInt(row, 1, 2n ** 32n - 1n),
    collection: Number(takeInt(row, 2, 2n ** 32n - 1n)),
    op: Number(takeInt(row, 3, 255n)),
    record: takeUuid(row, 4),
    stamp: takeInt(row, 5),
    author: takeUuid(row, 6),
    nonce: takeOctets(row, 7, BYTES, 8),
    beacon: takeBeacon(row),
    operationalRefs: takeRefs(row, 10),
    personalRefs: takeRefs(row, 11),
  };
}
