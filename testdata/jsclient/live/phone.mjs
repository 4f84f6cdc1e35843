// A phone: it joins, records, exchanges and reads feeds, as PROTOCOL.md tells.

import crypto from 'node:crypto';
import { commitment, genesis, nextClosed, nextOpen, saltOf } from '../lib/chain.mjs';
import { verifyChain } from '../lib/credential.mjs';
import { checkBelongs, openAnswer, sealRequest, verifyAnswer } from '../lib/envelope.mjs';
import { parseHeader } from '../lib/header.mjs';
import { digits, isPinned, joinCommitment, parseJoinLink } from '../lib/joining.mjs';
import { keyPair, originOf } from '../lib/keys.mjs';
import { decodeBody, encodeBody } from '../lib/message.mjs';
import { isCentres, parseNotice, verifyNotice } from '../lib/notice.mjs';
import { same, show, uuidText } from '../lib/octets.mjs';
import { parsePage, readPage, verifyPage } from '../lib/page.mjs';
import { readProblem } from '../lib/problem.mjs';
import { parseReceipt, verifyReceipt } from '../lib/receipt.mjs';
import { encodeSegment } from '../lib/segment.mjs';
import { closeChanges, recordOf } from '../lib/segment_open.mjs';
import { makeSeal, plainOf } from '../lib/segment_sealed.mjs';
import * as value from '../lib/value.mjs';

const EXCHANGE = 'application/vnd.thonsync.exchange';
const KEYS = 'application/vnd.thonsync.keys';
const NO_EPOCH = Buffer.alloc(16);
const NO_PAGE = Buffer.alloc(32);

export const text = (num, string) => ({ num, type: value.TEXT, value: Buffer.from(string.normalize('NFC'), 'utf8') });
export const int = (num, n) => ({ num, type: value.INT, value: BigInt(n) });
export const uuid = (num, octets) => ({ num, type: value.UUID, value: octets });
export const date = (num, ...parts) => ({ num, type: value.DATE, value: value.packDate(...parts) });
export const bytes = (num, octets) => ({ num, type: value.BYTES, value: octets });

const inOrder = (row) => row.sort((a, b) => a.num - b.num);

// Failure is a problem answer.
export class Failure extends Error {
  constructor(problem) {
    super(`${problem.code}: ${problem.detail}`);
    this.problem = problem;
  }
}

export class Phone {
  constructor(link) {
    this.link = parseJoinLink(link);
    this.pair = keyPair('ed25519');
    this.origin = originOf(this.pair.public);
    this.secret = crypto.randomBytes(32);
    this.heads = [{ seq: 0n, ...genesis(this.origin) }];
    this.changes = [];
    this.checkpoints = new Map();
    this.entries = new Map();
  }

  // ---- keys and joining ----

  async fetchNotice() {
    const response = await fetch(`${this.link.server}/v1/keys`);
    if (response.status !== 200 || response.headers.get('content-type') !== KEYS) throw new Error('no key notice came');
    this.takeNotice(Buffer.from(await response.arrayBuffer()));
  }

  takeNotice(octets) {
    const notice = parseNotice(octets);
    verifyNotice(notice);
    if (!isPinned(notice.centre, this.link.fingerprint)) throw new Error('the notice is of another centre');
    if (!isCentres(notice)) throw new Error('this check joins at a centre');
    if (this.notice && notice.serial < this.notice.serial) throw new Error('an older notice');
    this.notice = notice;
    this.centre = notice.centre;
  }

  // askIn sends the join: with a promise first, and with the nonce once the server's is known.
  async askIn(label) {
    const code = Buffer.from(this.link.code);
    this.nonce ??= crypto.randomBytes(16);
    const commit = joinCommitment(this.pair.public, this.notice.sign, this.nonce);
    const nonce = this.serverNonce ? this.nonce : Buffer.alloc(0);
    const answer = await this.exchange({ join: { code, key: this.pair.public, label: Buffer.from(label), commit, nonce } });
    if (!this.serverNonce && answer.joinNonce) {
      this.serverNonce = answer.joinNonce;
      this.digits = digits(this.pair.public, this.notice.sign, code, this.nonce, this.serverNonce);
    }
    return answer;
  }

  async join(label) {
    const answer = await this.askIn(label);
    if (!answer.welcome) throw new Error('no welcome came');
    this.welcome = answer.welcome;
    this.chain = answer.welcome.credentials.map(show);
    this.grant = verifyChain(this.chain, this.centre, {});
    if (!same(this.grant.device, this.origin)) throw new Error('a credential for another device');
  }

  // ---- recording ----

  // record writes one change; header holds what follows schema, collection and op.
  record(collection, op, header, operational, personal) {
    const before = this.heads.at(-1);
    const seq = before.seq + 1n;
    const fixed = [int(1, 1), int(2, collection), int(3, op), int(5, Date.now())];
    if (this.changes.length === 0) fixed.push(bytes(7, crypto.randomBytes(8)));
    if (this.beacon) fixed.push(int(8, this.beacon.time), bytes(9, this.beacon.tag));
    const rows = [[...fixed, ...header], operational, personal].map(inOrder);
    const octets = rows.map(value.encodeRow);
    const c = commitment(saltOf(this.secret, this.origin, seq), octets[2]);
    const head = {
      seq,
      o: nextOpen(before.o, this.origin, seq, octets[0], octets[1]),
      p: nextClosed(before.p, c),
    };
    const change = { seq, header: rows[0], operational: rows[1], personal: rows[2] };
    change.record = recordOf(parseHeader(rows[0]), head.o);
    this.changes.push(change);
    this.heads.push(head);
    return change;
  }

  // segment seals changes first to last to the centre's current key.
  segment(first = 1n, last = BigInt(this.changes.length)) {
    const run = this.changes.slice(Number(first) - 1, Number(last));
    const frame = {
      origin: this.origin,
      first,
      count: run.length,
      before: this.heads[Number(first) - 1],
      after: this.heads[Number(last)],
    };
    const open = closeChanges(run);
    const sealed = makeSeal(frame, this.notice.seal, plainOf(this.secret, run.map((c) => c.personal)));
    return encodeSegment({ ...frame, open, sealed }, this.pair.private);
  }

  // ---- exchanging ----

  requestBody(parts) {
    const head = this.heads.at(-1);
    return {
      id: crypto.randomBytes(16),
      origin: this.origin,
      credentials: (this.chain ?? []).map((token) => Buffer.from(token)),
      heads: head.seq > 0n ? [{ origin: this.origin, ...head }] : [],
      checkpoints: [...this.checkpoints.values()],
      clock: BigInt(Date.now()),
      ...parts,
    };
  }

  async exchange(parts = {}) {
    const body = this.requestBody(parts);
    const request = sealRequest(encodeBody(body, 'request'), this.pair.private, this.notice.exchange);
    const answer = openAnswer(await this.post(request.octets), request);
    verifyAnswer(answer, request, this.notice.sign);
    const got = decodeBody(answer.body, 'answer');
    checkBelongs(got, body, this.notice.sign);
    this.take(got);
    return got;
  }

  async post(octets, { method = 'POST', headers = {} } = {}) {
    const response = await fetch(`${this.link.server}/v1/exchange`, {
      method,
      headers: { 'content-type': EXCHANGE, ...headers },
      body: method === 'GET' ? undefined : octets,
    });
    const came = Buffer.from(await response.arrayBuffer());
    const kind = response.headers.get('content-type') ?? '';
    if (response.status === 200 && kind === EXCHANGE) return came;
    if (response.status === 409 && kind === KEYS) {
      this.takeNotice(came);
      throw new Failure({ status: 409, code: 'old-key', detail: 'a current key notice came' });
    }
    throw new Failure(readProblem(response.status, kind, came));
  }

  // take stores what an answer says; what is not signed by the centre is not taken.
  take(answer) {
    if (answer.beacon && answer.beacon.time > (this.beacon?.time ?? 0n)) this.beacon = answer.beacon;
    for (const octets of answer.pages ?? []) this.takePage(octets);
    for (const c of answer.checkpoints ?? []) if (show(c.feed) === 'receipts') this.checkpoints.set('receipts', c);
    answer.receipts = (answer.receipts ?? []).map((octets) => {
      const receipt = parseReceipt(octets);
      verifyReceipt(receipt, this.centre);
      return receipt;
    });
  }

  takePage(octets) {
    const page = parsePage(octets);
    verifyPage(page, this.centre);
    const feed = show(page.feed);
    const at = this.checkpoints.get(feed) ?? { epoch: NO_EPOCH, position: 0n, page: NO_PAGE };
    if (at.position === 0n) at.epoch = page.epoch;
    if (!same(page.epoch, at.epoch)) throw new Error(`feed ${feed}: another epoch`);
    if (page.from !== at.position) throw new Error(`feed ${feed}: page from ${page.from} at ${at.position}`);
    if (!same(page.prev, at.page)) throw new Error(`feed ${feed}: does not follow the page before`);
    this.entries.set(feed, [...(this.entries.get(feed) ?? []), ...readPage(page, this.centre)]);
    this.checkpoints.set(feed, { feed: page.feed, epoch: page.epoch, position: page.to, page: page.hash });
  }

  // readFeeds asks until nothing is left.
  async readFeeds() {
    for (let round = 0; round < 100; round++) {
      const answer = await this.exchange();
      if (!answer.more) return;
    }
    throw new Error('the feeds have no end');
  }

  name() {
    return uuidText(this.origin);
  }
}
