// Vectors of the layers centre and message: the line of the centre's keys, exchanges and key notices.

import {
  checkBelongs, openAnswer, openRequest, sealAnswer, sealRequest, verifyAnswer, verifyRequest,
} from '../lib/envelope.mjs';
import { centreId, follow, readLine } from '../lib/centre.mjs';
import { digits, keepsPromise } from '../lib/joining.mjs';
import { keyId, keyPair, privateKey, rawPublic } from '../lib/keys.mjs';
import { decodeBody, encodeBody } from '../lib/message.mjs';
import * as pin from '../lib/pinreset.mjs';
import { isCentres, parseNotice, verifyNotice } from '../lib/notice.mjs';
import { Reader, Writer, hex, same, show, unhex, uuidOctets, uuidText } from '../lib/octets.mjs';
import { equal, outcome, refuses } from './compare.mjs';
import { members } from './form.mjs';

const lineOf = (text) => {
  const r = new Reader(unhex(text), 'line');
  const line = readLine(r);
  r.end();
  return line;
};

const writeLine = (line) => {
  const w = new Writer().uvarint(BigInt(line.length));
  for (const s of line) w.bytes(s.octets);
  return w.done();
};

export function lines(v) {
  members(v, 'bytes', 'id', 'line');
  outcome(v, () => lineOf(v.bytes), (line) => {
    equal(uuidText(centreId(line)), v.id, 'name of the centre');
    const told = line.map((s) => ({
      number: Number(s.number), issued: `${s.issued}`, by: s.by, new: hex(s.next), recovery: hex(s.recovery),
    }));
    equal(told, v.line, 'keys');
  });
}

export function followed(v) {
  members(v, 'ours', 'theirs', 'take');
  const ours = lineOf(v.ours);
  const theirs = lineOf(v.theirs);
  outcome(v, () => follow(ours, theirs), (line) => {
    equal(hex(writeLine(line)), v.take === 'theirs' ? v.theirs : v.ours, 'line');
  });
}

export function notices(v) {
  members(v, 'bytes', 'sign', 'exchange', 'serial', 'seal', 'seal_made', 'seal_key_id', 'centre', 'line', 'credentials');
  const read = () => {
    const notice = parseNotice(unhex(v.bytes));
    verifyNotice(notice);
    return notice;
  };
  outcome(v, read, (n) => {
    equal([hex(n.sign), hex(n.exchange), `${n.serial}`], [v.sign, v.exchange, v.serial], 'server keys');
    equal([hex(n.seal), hex(keyId(n.seal)), hex(n.centre)], [v.seal, v.seal_key_id, v.centre], "the centre's keys");
    equal([`${n.sealMade}`, hex(writeLine(n.line))], [v.seal_made, v.line], "the centre's statement and line");
    equal(n.credentials, v.credentials ?? [], 'credentials');
    equal(isCentres(n), v.credentials === undefined, 'of the centre');
  });
}

export function exchanges(v) {
  members(
    v, 'exchange_private', 'server_key', 'asker_key', 'request', 'request_plain', 'request_body', 'secret', 'answer',
    'answer_plain', 'answer_body', 'request_error', 'answer_error',
  );
  const key = privateKey('x25519', unhex(v.exchange_private));
  const pair = { private: key, public: rawPublic(key) };
  if (v.request_error !== undefined) {
    refuses(v.request_error, () => readRequest(v, pair));
    return;
  }
  const { request, body } = readRequest(v, pair);
  equal([hex(request.plain), hex(request.secret)], [v.request_plain, v.secret], 'request');
  if (v.request_body) checkBody(v, body, v.request_body, 'request');
  if (v.answer_error !== undefined) refuses(v.answer_error, () => readAnswer(v, request, body));
  else if (v.answer !== undefined) checkAnswer(v, request, body);
  checkSealedAgain(request, pair);
}

function readRequest(v, pair) {
  const request = openRequest(unhex(v.request), pair);
  const body = decodeBody(request.body, 'request');
  const key = body.join ? body.join.key : unhex(v.asker_key);
  verifyRequest(request, body.origin, key, pair.public);
  return { request, body };
}

function readAnswer(v, request, requestBody) {
  const answer = openAnswer(unhex(v.answer), request);
  const key = unhex(v.server_key);
  verifyAnswer(answer, request, key);
  const body = decodeBody(answer.body, 'answer');
  checkBelongs(body, requestBody, key);
  return { answer, body };
}

function checkAnswer(v, request, requestBody) {
  const { answer, body } = readAnswer(v, request, requestBody);
  equal(hex(answer.plain), v.answer_plain, 'answer');
  checkBody(v, body, v.answer_body, 'answer');
}

function checkBody(v, body, want, side) {
  equal(plainBody(body, v), want, `${side} body`);
  const again = plainBody(decodeBody(encodeBody(body, side), side), v);
  equal(again, want, `${side} body written and read again`);
}

// checkSealedAgain carries the request and an answer through this client's own envelopes.
function checkSealedAgain(request, pair) {
  const asker = keyPair('ed25519');
  const sent = sealRequest(request.body, asker.private, pair.public);
  const opened = openRequest(sent.octets, pair);
  if (!same(opened.body, request.body) || !same(opened.secret, sent.secret)) throw new Error('own request does not open');
  const server = keyPair('ed25519');
  const answer = openAnswer(sealAnswer(Buffer.from('an answer'), server.private, opened), sent);
  verifyAnswer(answer, sent, server.public);
  equal(show(answer.body), 'an answer', 'own answer');
  const other = { ...sent, secret: Buffer.alloc(32) };
  refuses('wrong-exchange', () => openAnswer(sealAnswer(Buffer.from('x'), server.private, opened), other));
}

const SHOWN = {
  id: uuidText,
  origin: uuidText,
  credentials: (list) => list.map(show),
  heads: (list) => list.map((h) => ({ origin: uuidText(h.origin), seq: `${h.seq}`, o: hex(h.o), p: hex(h.p) })),
  checkpoints: (list) =>
    list.map((c) => ({ feed: show(c.feed), epoch: uuidText(c.epoch), position: `${c.position}`, page: hex(c.page) })),
  segments: (list) => list.map(hex),
  receipts: (list) => list.map(hex),
  pages: (list) => list.map(hex),
  rulings: (list) => list.map(hex),
  budget: (n) => n,
  waiting: (n) => n,
  extra: (list) => list.map((e) => ({ origin: uuidText(e.origin), credentials: e.credentials.map(show) })),
  problems: (list) => list.map((p) => ({ index: Number(p.index), code: show(p.code), message: show(p.message) })),
  notice: hex,
  more: (more) => more,
  welcome: (w) => ({
    role: show(w.role),
    unit: show(w.unit),
    team: uuidText(w.team),
    members: w.members.map((m) => ({ id: uuidText(m.id), name: show(m.name) })),
    credentials: w.credentials.map(show),
  }),
};

// plainBody writes a body as the vectors do.
function plainBody(body, v) {
  const out = {};
  for (const [name, value] of Object.entries(body)) {
    if (name === 'clock') out.clock_ms = `${value}`;
    else if (name === 'sealKey') out.seal_key = hex(value);
    else if (name === 'joinNonce') out.join_nonce = hex(value);
    else if (name === 'beacon') Object.assign(out, { beacon_ms: `${value.time}`, beacon_tag: hex(value.tag) });
    else if (name === 'join') out.join = plainJoin(value, v);
    else if (value !== 0) out[name] = SHOWN[name](value); // vectors leave numbers of zero out
  }
  return out;
}

const SERVER_NONCE = Buffer.alloc(16, 0x5e);

function plainJoin(join, v) {
  const out = { code: show(join.code), key: hex(join.key), label: show(join.label), commit: hex(join.commit) };
  if (join.nonce.length > 0) out.nonce = hex(join.nonce);
  const server = unhex(v.server_key);
  if (keepsPromise(join, server)) out.digits = digits(join.key, server, join.code, join.nonce, SERVER_NONCE);
  return out;
}

export function pinResets(v) {
  members(v, 'device_seed', 'server_seed', 'device_key', 'server_key', 'person', 'nonce', 'key', 'challenge', 'answer');
  const keys = [
    pin.resetKey(unhex(v.device_seed), unhex(v.server_key), 'device'),
    pin.resetKey(unhex(v.server_seed), unhex(v.device_key), 'server'),
  ];
  equal(keys.map(hex), [v.key, v.key], 'key of both sides');
  equal(pin.challenge(unhex(v.device_key), uuidOctets(v.person), unhex(v.nonce)), v.challenge, 'challenge');
  equal(pin.answer(keys[0], v.challenge), v.answer, 'answer');
}
