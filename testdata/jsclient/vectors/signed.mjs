// Vectors of the layers ruling, receipt, feed, bundle and credential.

import { closeBlock, openBlock } from '../lib/block.mjs';
import { readBundle, writeBundle } from '../lib/bundle.mjs';
import { parseContacts, verifyContacts } from '../lib/contacts.mjs';
import { verifyChain, verifyHandover } from '../lib/credential.mjs';
import { hex, show, unhex, uuidText } from '../lib/octets.mjs';
import { parsePage, readPage, verifyPage } from '../lib/page.mjs';
import { parseReceipt, verifyReceipt } from '../lib/receipt.mjs';
import { parseRuling, verifyRuling } from '../lib/ruling.mjs';
import { equal, outcome, refuses } from './compare.mjs';
import { comparableRow, members, row } from './form.mjs';

export function rulings(v) {
  members(v, 'key', 'bytes', 'number', 'issued_ms', 'kind', 'target', 'record', 'grant', 'unit', 'reason', 'cut');
  const read = () => {
    const ruling = parseRuling(unhex(v.bytes));
    verifyRuling(ruling, unhex(v.key));
    return ruling;
  };
  outcome(v, read, (r) => {
    equal([`${r.number}`, `${r.issued}`, r.kind, r.grant], [v.number, v.issued_ms ?? '0', v.kind, v.grant], 'ruling');
    const target = { origin: uuidText(r.target.origin), seq: `${r.target.seq}`, o: hex(r.target.o) };
    equal([target, uuidText(r.record)], [v.target, v.record], 'what it is about');
    equal([show(r.unit), show(r.reason)], [v.unit, v.reason], 'unit and reason');
    equal(r.cut.map((h) => ({ seq: `${h.seq}`, o: hex(h.o) })), v.cut ?? [], 'cut');
  });
}

export function receipts(v) {
  members(v, 'key', 'bytes', 'issuer', 'issued_ms', 'mark', 'ruled', 'origin', 'first', 'last', 'o', 'p', 'exceptions');
  const read = () => {
    const receipt = parseReceipt(unhex(v.bytes));
    verifyReceipt(receipt, unhex(v.key));
    return receipt;
  };
  outcome(v, read, (r) => {
    equal([uuidText(r.issuer), `${r.issued}`, r.mark, `${r.ruled}`], [v.issuer, v.issued_ms, v.mark, v.ruled ?? '0'], 'issuer and mark');
    const run = [uuidText(r.origin), `${r.first}`, `${r.last}`, hex(r.o), hex(r.p)];
    equal(run, [v.origin, v.first, v.last, v.o, v.p], 'changes');
    const exceptions = r.exceptions.map((e) => ({
      first: `${e.first}`, last: `${e.last}`, outcome: e.outcome, reason: show(e.reason),
    }));
    equal(exceptions, (v.exceptions ?? []).map((e) => ({ ...e, reason: e.reason ?? '' })), 'exceptions');
  });
}

export function contacts(v) {
  members(v, 'key', 'bytes', 'issuer', 'issued_ms', 'list');
  const read = () => {
    const list = parseContacts(unhex(v.bytes));
    verifyContacts(list, unhex(v.key));
    return list;
  };
  outcome(v, read, (c) => {
    equal([uuidText(c.issuer), `${c.issued}`], [v.issuer, v.issued_ms ?? '0'], 'issuer');
    const list = c.list.map((k) => ({ origin: uuidText(k.origin), at_ms: `${k.at}`, waiting: k.waiting }));
    equal(list, v.list ?? [], 'list');
  });
}

// pages is told the vector before, because pages without error follow each other.
export function pages(v, before) {
  members(v, 'key', 'bytes', 'feed', 'epoch', 'from', 'to', 'prev', 'hash', 'columns', 'items');
  const key = unhex(v.key);
  const read = () => {
    const page = parsePage(unhex(v.bytes));
    verifyPage(page, key);
    return { page, entries: readPage(page, key) };
  };
  outcome(v, read, ({ page, entries }) => {
    equal([show(page.feed), uuidText(page.epoch), `${page.from}`, `${page.to}`], [v.feed, v.epoch, v.from, v.to], 'page');
    equal([hex(page.prev), hex(page.hash)], [v.prev, v.hash], 'hashes');
    if (before) equal([v.prev, v.from], [before.hash, before.to], 'follows the page before');
    equal(openBlock(page.content).cursor.columns.map(hex), v.columns, 'columns');
    equal(hex(closeBlock([v.columns.map(unhex)])), hex(page.content), 'content');
    equal(entries.length, v.items.length, 'entries');
    entries.forEach((entry, i) => checkEntry(entry, v.items[i]));
  });
}

function checkEntry(entry, v) {
  members(v, 'change', 'record', 'header', 'operational', 'ruling', 'succession');
  if (v.succession !== undefined) {
    equal(entry.succession && hex(entry.octets), v.succession, 'succession of an entry');
    return;
  }
  if (v.ruling !== undefined) {
    equal(entry.octets && hex(entry.octets), v.ruling, 'ruling of an entry');
    return;
  }
  equal({ origin: uuidText(entry.origin), seq: `${entry.seq}`, o: hex(entry.o) }, v.change, 'change of an entry');
  equal(uuidText(entry.record), v.record, 'record of an entry');
  equal(comparableRow(entry.header), comparableRow(row(v.header)), 'header of an entry');
  equal(comparableRow(entry.operational), comparableRow(row(v.operational)), 'operational row of an entry');
}

export function bundles(v) {
  members(v, 'bytes', 'entries', 'damaged', 'cut');
  outcome(v, () => readBundle(unhex(v.bytes)), (got) => {
    const entries = got.entries.map((e) => ({ kind: e.kind, data: hex(e.data) }));
    equal({ entries, damaged: got.damaged, cut: got.cut }, { entries: v.entries, damaged: v.damaged, cut: v.cut }, 'bundle');
    if (v.damaged === 0 && !v.cut) equal(hex(writeBundle(got.entries)), v.bytes, 'bundle written');
  });
}

// Chains that are refused as they are, but begin with a handover: PROTOCOL.md section 11.
const HANDOVERS = new Set(['a phone issues a phone', 'three tokens']);

export function credentials(v, file) {
  members(v, 'centre', 'chain', 'device', 'key', 'role', 'units', 'team', 'issuer', 'exp', 'max');
  checkHandover(v, file);
  outcome(v, () => verifyChain(v.chain ?? [], unhex(v.centre), file.parents), (own) => {
    const got = {
      device: uuidText(own.device), key: hex(own.key), role: own.role, units: own.units, team: uuidText(own.team),
      issuer: uuidText(own.issuer), exp: own.exp, max: own.max,
    };
    const { device, key, role, units, team, issuer, exp, max = 0 } = v;
    equal(got, { device, key, role, units, team, issuer, exp, max }, 'device');
  });
}

function checkHandover(v, file) {
  const chain = v.chain ?? [];
  const read = (tokens) => verifyHandover(tokens, unhex(v.centre), file.parents);
  if (!HANDOVERS.has(v.name)) {
    refuses('credential', () => read(chain));
    return;
  }
  const old = verifyChain(chain.slice(1), unhex(v.centre), file.parents);
  const got = read(chain);
  equal([got.provisional, got.role, got.units, hex(got.team)], [true, old.role, old.units, hex(old.team)], 'handover');
  equal(hex(got.issuer), hex(old.device), 'who vouches');
  if (hex(got.device) === hex(old.device)) throw new Error('a handover to the same key');
}
