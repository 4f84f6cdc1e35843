// The open compartment of a segment: PROTOCOL.md sections 5 (record column) and 6.
//
// A change in here is {seq, header, operational, head, record, o, rows}: the rows decoded, what parseHeader made of the
// header, the record that it acts on (octets or undefined) and its hash. rows holds the canonical octets.

import * as limits from './limits.mjs';
import { closeBlock, openBlock } from './block.mjs';
import { nextOpen, recordId } from './chain.mjs';
import { CREATE, parseHeader } from './header.mjs';
import { same } from './octets.mjs';
import { Refused, malformed, tooLarge } from './refused.mjs';
import { decodeTable } from './table_decode.mjs';
import { encodeTable } from './table_encode.mjs';
import { UUID, encodeRow, fieldOf } from './value.mjs';

// openChanges decompresses the open compartment and checks it against the signed heads.
export function openChanges(segment) {
  const block = openBlock(segment.open);
  const headers = decodeTable(block, segment.count, { recordColumn: true });
  const operationals = decodeTable(block, segment.count);
  block.cursor.end();
  const changes = [];
  for (let i = 0; i < segment.count; i++) changes.push(readChange(segment, changes, headers[i], operationals[i]));
  if (!same(changes.at(-1).o, segment.after.o)) throw new Refused('broken-chain', 'segment does not end where it says');
  return changes;
}

function readChange(segment, changes, header, operational) {
  const seq = segment.first + BigInt(changes.length);
  const record = fieldOf(header, 4);
  if (record?.type === UUID) record.value = resolveRecord(changes, record.value);
  const head = parseHeader(header);
  const rows = [encodeRow(header), encodeRow(operational)];
  const size = rows[0].length + rows[1].length;
  if (size > limits.ROW) throw tooLarge(`change ${seq} with open rows of ${size} octets`);
  const o = nextOpen(changes.at(-1)?.o ?? segment.before.o, segment.origin, seq, ...rows);
  return { seq, header, operational, head, record: recordOf(head, o), o, rows };
}

export const recordOf = (head, o) => (head.op === CREATE ? recordId(head.stamp, o) : head.record);

function resolveRecord(changes, { back, record }) {
  if (record) return record;
  if (back > BigInt(changes.length)) throw malformed('a record that was made before the segment');
  const target = changes[changes.length - Number(back)];
  if (target.head.op !== CREATE) throw malformed('a record made by a change that makes none');
  return target.record;
}

// closeChanges compresses the open rows of changes {header, operational, record}, where record is the id that the
// change acts on (or makes).
export function closeChanges(changes) {
  const made = new Map();
  const records = changes.map((change, i) => {
    const field = fieldOf(change.header, 4);
    const id = change.record?.toString('hex');
    if (!field && id) made.set(id, i);
    if (!field) return undefined;
    return made.has(id) ? { back: i - made.get(id) } : { record: field.value };
  });
  return closeBlock([
    encodeTable(changes.map((c) => c.header), records),
    encodeTable(changes.map((c) => c.operational)),
  ]);
}
