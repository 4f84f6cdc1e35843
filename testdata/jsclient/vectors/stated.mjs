// What the documents state and no vector shows.

import { readBundle, writeBundle } from '../lib/bundle.mjs';
import { decodeRefs, encodeRefs, parseHeader } from '../lib/header.mjs';
import { parseJoinLink } from '../lib/joining.mjs';
import { sha256 } from '../lib/keys.mjs';
import { Reader, Writer, hex } from '../lib/octets.mjs';
import { covers, outcomeOf } from '../lib/receipt.mjs';
import { RATE, STRETCH, squash } from '../lib/squeeze_tables.mjs';
import { Block, decodeTable } from '../lib/table_decode.mjs';
import { encodeTable } from '../lib/table_encode.mjs';
import * as value from '../lib/value.mjs';
import { equal, refuses } from './compare.mjs';
import { comparableRow } from './form.mjs';

const test = (name, run) => ({ name: `stated: ${name}`, run });

// ---- squeeze/SPEC.md section 2 ----

function squeezeTables() {
  const at = [-2047, -256, 0, 1, 256, 2047].map(squash);
  equal(at, [23, 17626, 32768, 32831, 47910, 65513], 'squash');
  equal([0, 1, 1000, 2047, 2048, 4095].map((q) => STRETCH[q]), [-2047, -2036, -289, 0, 1, 2047], 'stretch');
  equal([0, 1, 30].map((n) => RATE[n]), [21845, 13107, 1040], 'rate');
  const pairs = (list) => Buffer.from(list.flatMap((n) => [(n >> 8) & 255, n & 255]));
  const all = Array.from({ length: 4095 }, (_, i) => squash(i - 2047));
  equal(hex(sha256(pairs(all))), 'e95c1f2bfb1d6c1c7ee671c37e9724c7f1b992e6033bdf19a43f39f490830e5e', 'digest of squash');
  equal(
    hex(sha256(pairs([...STRETCH]))),
    '3406bb796b8beb0b9051d278fcf0d82dad1c3cd8855876ab8badddb08f7145db',
    'digest of stretch',
  );
}

// ---- PROTOCOL.md section 3 ----

const int = (num, n) => ({ num, type: value.INT, value: BigInt(n) });
const octets = (num, length, fill = 1) => ({ num, type: value.BYTES, value: Buffer.alloc(length, fill) });
const uuid = (num, fill = 1) => ({ num, type: value.UUID, value: Buffer.alloc(16, fill) });
const BARE = [int(1, 1), int(2, 7), int(3, 1), int(5, 0)];
const ref = (seq) => ({ origin: Buffer.alloc(16, 1), seq, o: Buffer.alloc(16, 2) });
const refs = (num, count) => ({
  num, type: value.BYTES, value: encodeRefs(Array.from({ length: count }, (_, i) => ref(BigInt(i + 1)))),
});

const GOOD_HEADERS = {
  'least': BARE,
  'greatest schema': [int(1, 2 ** 32 - 1), ...BARE.slice(1)],
  'op of a newer version': [...BARE.slice(0, 2), int(3, 255), BARE[3]],
  'a beacon whose time is zero': [...BARE, int(8, 0), octets(9, 8)],
  'a beacon whose tag is zero': [...BARE, int(8, 5), octets(9, 8, 0)],
  '64 references': [...BARE, refs(10, 64)],
  'a newer field': [...BARE, octets(12, 3)],
};

const BAD_HEADERS = {
  'no schema': [BARE.slice(1), 'malformed'],
  'no collection': [[BARE[0], ...BARE.slice(2)], 'malformed'],
  'no stamp': [BARE.slice(0, 3), 'malformed'],
  'schema over its range': [[int(1, 2 ** 32), ...BARE.slice(1)], 'malformed'],
  'collection below its range': [[BARE[0], int(2, -1), ...BARE.slice(2)], 'malformed'],
  'op over its range': [[...BARE.slice(0, 2), int(3, 256), BARE[3]], 'malformed'],
  'nil author': [[...BARE, uuid(6, 0)], 'malformed'],
  'record that is no uuid': [[...BARE.slice(0, 3), octets(4, 16), BARE[3]], 'malformed'],
  'empty nonce': [[...BARE, octets(7, 0)], 'malformed'],
  'beacon without a tag': [[...BARE, int(8, 5)], 'malformed'],
  'beacon without a time': [[...BARE, octets(9, 8)], 'malformed'],
  'beacon of zeros': [[...BARE, int(8, 0), octets(9, 8, 0)], 'malformed'],
  'tag of 7 octets': [[...BARE, int(8, 5), octets(9, 7)], 'malformed'],
  'references that name nothing': [[...BARE, refs(11, 0)], 'malformed'],
  '65 references': [[...BARE, refs(11, 65)], 'too-large'],
};

const headers = [
  ...Object.entries(GOOD_HEADERS).map(([name, row]) => test(`header, ${name}`, () => void parseHeader(row))),
  ...Object.entries(BAD_HEADERS).map(([name, [row, code]]) =>
    test(`header, ${name}`, () => refuses(code, () => parseHeader(row)))),
];

// ---- PROTOCOL.md section 5: every mode, written and read ----

// draw gives the same numbers in every run (an LCG), so that a failure can be looked at again.
function drawer(seed) {
  let x = seed >>> 0;
  return (below) => {
    x = (Math.imul(x, 1664525) + 1013904223) >>> 0;
    return Math.floor((x / 2 ** 32) * below);
  };
}

const WORDS = ['', 'a', 'thôn', 'Nà', 'cán bộ', 'xa', ' ', 'đường'].map((w) => Buffer.from(w));

function drawValue(draw, type) {
  switch (type) {
    case value.NULL:
      return null;
    case value.INT:
      return BigInt.asIntN(64, (1n << BigInt(draw(64))) * (draw(2) ? 1n : -1n) - BigInt(draw(2)));
    case value.BOOL:
      return draw(2) === 1;
    case value.UUID:
      return Buffer.alloc(16, draw(draw(2) ? 3 : 250));
    case value.DATE:
      return draw(5119999 + 1);
    case value.LIST:
      return WORDS.filter(() => draw(3) === 0).sort(Buffer.compare);
    default:
      return Buffer.concat(Array.from({ length: draw(4) }, () => WORDS[draw(WORDS.length)]));
  }
}

function drawRows(draw) {
  const keys = Array.from({ length: 1 + draw(6) }, (_, i) => ({ num: 1 + 3 * i + draw(3), type: draw(9) }));
  const often = keys.map(() => 1 + draw(4));
  return Array.from({ length: draw(60) }, () =>
    keys.filter((_, i) => draw(4) < often[i]).map((key) => ({ ...key, value: drawValue(draw, key.type) })));
}

function tables() {
  for (let seed = 1; seed <= 60; seed++) {
    const rows = drawRows(drawer(seed));
    const block = new Block(encodeTable(rows));
    const again = decodeTable(block, rows.length);
    block.cursor.end();
    equal(again.map(comparableRow), rows.map(comparableRow), `table of seed ${seed}`);
    for (const row of rows) equal(comparableRow(value.decodeRow(value.encodeRow(row))), comparableRow(row), 'row');
  }
}

// ---- the rest ----

function times() {
  for (const ms of [-(2n ** 63n), -1n, 0n, 1n, 2n ** 63n - 1n]) {
    const r = new Reader(new Writer().time(ms).svarint(ms).done(), 'times');
    equal([r.time(), r.svarint()], [ms, ms], 'time');
    r.end();
  }
  equal(new Writer().time(-1n).done().length, 10, 'octets of a time before 1970');
}

function coverage() {
  const receipt = {
    first: 3n,
    last: 9n,
    exceptions: [
      { first: 4n, last: 5n, outcome: 'quarantined', reason: Buffer.from('unreadable') },
      { first: 7n, last: 7n, outcome: 'held', reason: Buffer.from('held') },
    ],
  };
  const seqs = [2n, 3n, 4n, 5n, 6n, 7n, 9n, 10n];
  equal(seqs.map((n) => covers(receipt, n)), [false, true, false, false, true, true, true, false], 'covered');
  const outcomes = [3n, 4n, 5n, 6n, 7n].map((n) => outcomeOf(receipt, n));
  equal(outcomes, ['accepted', 'quarantined', 'quarantined', 'accepted', 'held'], 'outcomes');
}

function links() {
  const link = parseJoinLink('thonsync:join?server=http%3A%2F%2F10.0.0.1%3A80&centre=AAECAwQFBgcICQoLDA0ODw&code=9SMN-2MQV');
  equal([link.server, hex(link.fingerprint), link.code], ['http://10.0.0.1:80', '000102030405060708090a0b0c0d0e0f', '9SMN-2MQV'], 'link');
  refuses('malformed', () => parseJoinLink('https://10.0.0.1/'));
  refuses('malformed', () => parseJoinLink('thonsync:join?server=x&code=y'));
}

function damage() {
  const whole = writeBundle([{ kind: 2, data: Buffer.from('one') }, { kind: 2, data: Buffer.from('two') }]);
  for (let at = 4; at < whole.length; at++) {
    const bad = Buffer.from(whole);
    bad[at] ^= 0x10;
    const got = readBundle(bad);
    const lost = 2 - got.entries.length;
    if (lost > 1 || got.damaged !== 1 || !got.cut) throw new Error(`octet ${at} damaged: ${JSON.stringify(got)}`);
  }
  const many = Array.from({ length: 65 }, (_, i) => ref(BigInt(i + 1)));
  refuses('too-large', () => decodeRefs(encodeRefs(many)));
}

export const stated = [
  test('the tables of squeeze', squeezeTables),
  ...headers,
  test('tables in every mode, written and read', tables),
  test('times before 1970', times),
  test('what a receipt covers', coverage),
  test('joining links', links),
  test('one damaged octet costs one entry', damage),
];
