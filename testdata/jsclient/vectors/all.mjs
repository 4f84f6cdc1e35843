// Every vector file and the check that knows it. A folder or file that has none fails: nothing is skipped.

import fs from 'node:fs';
import path from 'node:path';
import { mergeTests } from './merge.mjs';
import * as messages from './messages.mjs';
import * as rows from './rows.mjs';
import * as segments from './segments.mjs';
import * as signed from './signed.mjs';
import { stated } from './stated.mjs';

// each runs a check over the vectors of a file, alone.
const each = (check) => (file) => file.vectors.map((v) => ({ name: v.name, run: () => check(v, file) }));

// inRow tells a check the vector before, as far as those without error follow each other.
const inRow = (check) => (file) => {
  let before;
  return file.vectors.map((v) => {
    const last = before;
    if (v.error === undefined) before = v;
    return { name: v.name, run: () => check(v, v.error === undefined ? last : undefined) };
  });
};

const FILES = {
  'row/rows.json': each(rows.rows),
  'row/refused.json': each(rows.refusedRows),
  'row/text.json': each(rows.text),
  'chain/chain.json': each(rows.chains),
  'statement/statements.json': each(segments.statements),
  'refs/refs.json': each(rows.refs),
  'ruling/rulings.json': each(signed.rulings),
  'segment/segments.json': each(segments.segments),
  'segment/refused.json': each(segments.refusedSegments),
  'segment/tables.json': each(segments.tables),
  'receipt/receipts.json': each(signed.receipts),
  'receipt/contacts.json': each(signed.contacts),
  'feed/pages.json': inRow(signed.pages),
  'bundle/bundles.json': each(signed.bundles),
  'centre/lines.json': each(messages.lines),
  'centre/follow.json': each(messages.followed),
  'message/exchanges.json': each(messages.exchanges),
  'message/notices.json': each(messages.notices),
  'message/pinresets.json': each(messages.pinResets),
  'credential/chains.json': each(signed.credentials),
  'squeeze/streams.json': each(segments.streams),
  'squeeze/refused.json': each(segments.refusedStreams),
};

// LAYERS is the order of PROTOCOL.md section 22.
const LAYERS = [
  'row', 'chain', 'statement', 'refs', 'ruling', 'segment', 'receipt', 'centre', 'feed', 'bundle', 'message',
  'credential', 'squeeze', 'merge',
];

// Neither holds vectors: the words to the merge vectors, and what makes the folder known to Go programs.
const NO_VECTORS = new Set(['merge/README.md', 'embed.go']);

const failing = (name, why) => ({
  name,
  run: () => {
    throw new Error(why);
  },
});

function filesBelow(root, folder = '') {
  return fs.readdirSync(path.join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const name = folder === '' ? entry.name : `${folder}/${entry.name}`;
    return entry.isDirectory() ? filesBelow(root, name) : [name];
  });
}

// vectorTests gives [{layer, tests: [{name, run}]}] for the vectors below root, and for what is stated without vectors.
export function vectorTests(root) {
  const present = filesBelow(root).filter((name) => !NO_VECTORS.has(name)).sort();
  const layers = new Map(LAYERS.map((layer) => [layer, []]));
  for (const name of present) {
    const layer = name.split('/')[0];
    if (!layers.has(layer)) layers.set(layer, []);
    layers.get(layer).push(...testsOf(root, name));
  }
  for (const name of Object.keys(FILES)) {
    if (!present.includes(name)) layers.get(name.split('/')[0]).push(failing(name, 'vector file is missing'));
  }
  for (const [layer, tests] of layers) if (tests.length === 0) tests.push(failing(layer, 'layer without vectors'));
  return [...layers, ['stated', stated]].map(([layer, tests]) => ({ layer, tests }));
}

function testsOf(root, name) {
  const isMerge = /^merge\/[^/]+\.json$/.test(name);
  if (!isMerge && !(name in FILES)) return [failing(name, 'a vector file that this client does not know')];
  const file = JSON.parse(fs.readFileSync(path.join(root, name), 'utf8'));
  const tests = isMerge ? mergeTests(file) : FILES[name](file);
  if (tests.length === 0) return [failing(name, 'a vector file without vectors')];
  return tests.map(({ name: vector, run }) => ({ name: `${name}: ${vector}`, run }));
}
