// Vectors of the layers row, chain and refs.

import * as chain from '../lib/chain.mjs';
import { decodeRefs, encodeRefs, parseHeader } from '../lib/header.mjs';
import { keyPair, originOf } from '../lib/keys.mjs';
import { hex, unhex, uuidOctets, uuidText } from '../lib/octets.mjs';
import { recordOf } from '../lib/segment_open.mjs';
import { hashed, isClean } from '../lib/text.mjs';
import { decodeRow, encodeRow } from '../lib/value.mjs';
import { equal, outcome } from './compare.mjs';
import { comparableRow, members, row } from './form.mjs';

export function rows(v) {
  members(v, 'fields', 'row');
  equal(hex(encodeRow(row(v.fields))), v.row, 'row');
  equal(comparableRow(decodeRow(unhex(v.row))), comparableRow(row(v.fields)), 'fields');
}

export function refusedRows(v) {
  members(v, 'bytes');
  equal(typeof v.error, 'string', 'error');
  outcome(v, () => decodeRow(unhex(v.bytes)));
}

export function text(v) {
  members(v, 'input', 'hashed', 'clean');
  equal(hex(hashed(unhex(v.input))), v.hashed, 'hashed');
  equal(isClean(unhex(v.input)), v.clean, 'clean');
}

export function chains(v) {
  members(v, 'seed', 'key', 'origin', 'secret', 'o0', 'p0', 'changes');
  const pair = keyPair('ed25519', unhex(v.seed));
  const origin = originOf(pair.public);
  equal(hex(pair.public), v.key, 'key');
  equal(uuidText(origin), v.origin, 'origin');
  let heads = chain.genesis(origin);
  equal([hex(heads.o), hex(heads.p)], [v.o0, v.p0], 'genesis');
  for (const change of v.changes) heads = checkChange(origin, unhex(v.secret), heads, change);
}

function checkChange(origin, secret, before, v) {
  members(v, 'seq', 'header', 'operational', 'personal', 'rows', 'salt', 'commitment', 'o', 'p', 'record');
  const seq = BigInt(v.seq);
  const octets = [v.header, v.operational, v.personal].map((fields) => encodeRow(row(fields)));
  equal(octets.map(hex), v.rows, `rows of ${seq}`);
  const salt = chain.saltOf(secret, origin, seq);
  const c = chain.commitment(salt, octets[2]);
  const heads = {
    o: chain.nextOpen(before.o, origin, seq, octets[0], octets[1]),
    p: chain.nextClosed(before.p, c),
  };
  equal([hex(salt), hex(c), hex(heads.o), hex(heads.p)], [v.salt, v.commitment, v.o, v.p], `hashes of ${seq}`);
  const head = parseHeader(decodeRow(octets[0]));
  equal(recordOf(head, heads.o), uuidOctets(v.record), `record of ${seq}`);
  return heads;
}

export function refs(v) {
  members(v, 'refs', 'bytes');
  outcome(v, () => decodeRefs(unhex(v.bytes)), (got) => {
    equal(
      got.map((r) => ({ origin: uuidText(r.origin), seq: `${r.seq}`, o: hex(r.o) })),
      v.refs,
      'references',
    );
    equal(hex(encodeRefs(got)), v.bytes, 'bytes');
  });
}
