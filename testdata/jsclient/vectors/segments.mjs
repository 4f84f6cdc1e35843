// Vectors of the layers squeeze, statement and segment.

import { closeBlock, openBlock } from '../lib/block.mjs';
import { commitment } from '../lib/chain.mjs';
import { parseSegment, statement, verifySegment } from '../lib/segment.mjs';
import { closeChanges, openChanges } from '../lib/segment_open.mjs';
import { openSeal, readPersonal } from '../lib/segment_sealed.mjs';
import { privateKey } from '../lib/keys.mjs';
import { hex, unhex, uuidText } from '../lib/octets.mjs';
import { squeeze, unsqueeze } from '../lib/squeeze.mjs';
import { Block, decodeTable } from '../lib/table_decode.mjs';
import { encodeTable } from '../lib/table_encode.mjs';
import { encodeRow } from '../lib/value.mjs';
import { equal, outcome } from './compare.mjs';
import { comparableRow, members, row } from './form.mjs';

const NO_LIMITS = { columns: 1e6, columnBytes: 2 ** 31 - 1, totalBytes: 2 ** 40 };

export function streams(v) {
  members(v, 'columns', 'stream');
  equal(hex(squeeze(v.columns.map(unhex))), v.stream, 'stream');
  equal(unsqueeze(unhex(v.stream), NO_LIMITS).map(hex), v.columns, 'columns');
}

export function refusedStreams(v) {
  members(v, 'stream', 'max_columns', 'max_column_bytes', 'max_total_bytes');
  equal(typeof v.error, 'string', 'error');
  const within = { columns: v.max_columns, columnBytes: v.max_column_bytes, totalBytes: v.max_total_bytes };
  outcome(v, () => unsqueeze(unhex(v.stream), within));
}

export function statements(v) {
  members(v, 'key', 'segment', 'signed', 'signature');
  const segment = parseSegment(unhex(v.segment));
  equal(hex(segment.signature), v.signature, 'signature');
  if (v.signed !== undefined) equal(hex(statement(segment)), v.signed, 'signed');
  outcome(v, () => verifySegment(segment, unhex(v.key)), () => {});
}

export function tables(v) {
  members(v, 'count', 'columns', 'rows');
  const read = (columns) => {
    const block = new Block(columns);
    const got = decodeTable(block, v.count);
    block.cursor.end();
    return got;
  };
  outcome(v, () => read(v.columns.map(unhex)), (got) => {
    const want = v.count === 0 ? [] : v.rows.map((fields) => comparableRow(row(fields)));
    equal(got.map(comparableRow), want, 'rows');
    equal(read(encodeTable(got)).map(comparableRow), want, 'rows written and read again');
  });
}

const pairOf = (v) => ({ private: privateKey('x25519', unhex(v.seal_private)), public: unhex(v.seal_public) });

function readAll(v) {
  const segment = parseSegment(unhex(v.segment));
  verifySegment(segment, unhex(v.key));
  const changes = openChanges(segment);
  if (!segment.sealed) return { segment, changes };
  const plain = openSeal(segment, pairOf(v));
  return { segment, changes, plain, personals: readPersonal(segment, plain) };
}

export function refusedSegments(v) {
  members(v, 'key', 'seal_private', 'seal_public', 'segment');
  equal(typeof v.error, 'string', 'error');
  outcome(v, () => readAll(v));
}

export function segments(v) {
  members(v, 'key', 'seal_private', 'seal_public', 'segment', 'open_columns', 'sealed_plain', 'personal_columns', 'changes');
  const { segment, changes, plain, personals } = readAll(v);
  equal(columnsOf(segment.open), v.open_columns, 'open columns');
  equal(plain && hex(plain), v.sealed_plain, 'inside the seal');
  equal(changes.length, v.changes.length, 'changes');
  changes.forEach((change, i) => checkChange(change, personals?.[i], v.changes[i]));
  if (plain) checkPersonalColumns(plain, v);
  checkWrittenAgain(segment, changes);
}

const columnsOf = (stream) => openBlock(stream).cursor.columns.map(hex);

// The columns of the personal table stand behind the salts, of which the vector says how many there are by its changes.
function checkPersonalColumns(plain, v) {
  const stream = closeColumns(v.personal_columns);
  equal(hex(plain.subarray(plain.length - stream.length)), hex(stream), 'personal columns');
}

const closeColumns = (columns) => closeBlock([columns.map(unhex)]);

function checkChange(change, personal, v) {
  members(v, 'seq', 'header', 'operational', 'personal', 'rows', 'salt', 'commitment', 'o', 'p', 'record');
  equal(`${change.seq}`, v.seq, 'seq');
  equal(comparableRow(change.header), comparableRow(row(v.header)), `header of ${v.seq}`);
  equal(comparableRow(change.operational), comparableRow(row(v.operational)), `operational row of ${v.seq}`);
  equal(hex(change.o), v.o, `o of ${v.seq}`);
  equal(change.record && uuidText(change.record), v.record, `record of ${v.seq}`);
  equal(change.rows.map(hex), v.rows.slice(0, 2), `rows of ${v.seq}`);
  if (!personal) {
    checkUnsealed(v);
    return;
  }
  equal(comparableRow(personal.personal), comparableRow(row(v.personal)), `personal row of ${v.seq}`);
  equal(hex(personal.row), v.rows[2], `personal row of ${v.seq} in octets`);
  equal(personal.salt ? hex(personal.salt) : '', v.salt ?? '', `salt of ${v.seq}`);
  equal([hex(personal.commitment), hex(personal.p)], [v.commitment, v.p], `closed hashes of ${v.seq}`);
}

// checkUnsealed looks at what an open-only vector tells of the sealed side: it has to agree with itself.
function checkUnsealed(v) {
  const octets = encodeRow(row(v.personal));
  equal(hex(octets), v.rows[2], `personal row of ${v.seq} in octets`);
  equal(hex(commitment(unhex(v.salt), octets)), v.commitment, `commitment of ${v.seq}`);
}

// checkWrittenAgain writes the open compartment with this client's own choice of modes and reads it back.
function checkWrittenAgain(segment, changes) {
  const open = closeChanges(changes);
  const again = openChanges({ ...segment, open });
  equal(again.map((c) => c.rows.map(hex)), changes.map((c) => c.rows.map(hex)), 'rows written and read again');
  equal(again.map((c) => hex(encodeRow(c.header))), changes.map((c) => hex(c.rows[0])), 'headers written and read again');
}

