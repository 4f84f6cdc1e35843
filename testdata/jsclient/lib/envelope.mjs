// The envelope around requests and answers: PROTOCOL.md section 13.

import crypto from 'node:crypto';
import * as limits from './limits.mjs';
import { keyId, originOf, sha256, sign, verify } from './keys.mjs';
import { checkMagic } from './magic.mjs';
import { Reader, same } from './octets.mjs';
import { Refused, malformed, tooLarge } from './refused.mjs';
import { aeadOpen, aeadSeal, decapsulate, encapsulate, hkdfExpand, hkdfExtract } from './seal.mjs';

const REQUEST_INFO = 'thonsync/1/exchange request';
const ANSWER_LABEL = 'thonsync/1/exchange answer';
const NONE = Buffer.alloc(0);

const frame = (word) => Buffer.from(`${word}\x01`, 'latin1');
const requestSigned = (exchange, body) => Buffer.concat([Buffer.from('thonsync/1/request\0'), exchange, body]);
const answerSigned = (plain, body) => Buffer.concat([Buffer.from('thonsync/1/answer\0'), sha256(plain), body]);

function split(plain, what) {
  const r = new Reader(plain, what);
  return { plain, signature: r.fixed(64), body: r.fixed(r.left()) };
}

function checkSize(octets, what) {
  if (octets.length > limits.MESSAGE) throw tooLarge(`${what} of ${octets.length} octets`);
}

// ---- request ----

// sealRequest gives the octets of a request and what is needed to open its answer.
export function sealRequest(body, privateKey, exchange) {
  const plain = Buffer.concat([sign(privateKey, requestSigned(exchange, body)), body]);
  const { enc, context } = encapsulate(exchange, REQUEST_INFO);
  const head = Buffer.concat([frame('TSQ'), keyId(exchange), enc]);
  const octets = Buffer.concat([head, aeadSeal(context.key, context.nonce, head, plain)]);
  checkSize(octets, 'request');
  return { octets, plain, enc, secret: context.export(ANSWER_LABEL, 32) };
}

// openRequest is the server's side: pair is that of its exchange key.
export function openRequest(octets, pair) {
  checkSize(octets, 'request');
  const r = new Reader(octets, 'request');
  checkMagic(r, 'TSQ');
  const id = r.fixed(4);
  const enc = r.fixed(32);
  const ciphertext = r.fixed(r.left());
  if (!same(id, keyId(pair.public))) throw new Refused('old-key', 'request under a key that is not held');
  const context = decapsulate(enc, pair.private, REQUEST_INFO);
  const plain = aeadOpen(context.key, context.nonce, octets.subarray(0, 40), ciphertext);
  if (!plain) throw new Refused('unreadable', 'request does not open');
  return { ...split(plain, 'request'), enc, secret: context.export(ANSWER_LABEL, 32) };
}

export function verifyRequest(request, origin, key, exchange) {
  if (!same(originOf(key), origin)) throw new Refused('foreign-key', 'request of another origin');
  if (!verify(key, requestSigned(exchange, request.body), request.signature)) {
    throw new Refused('bad-signature', 'request');
  }
}

// ---- answer ----

function answerKeys(request, nonce) {
  const prk = hkdfExtract(Buffer.concat([request.enc, nonce]), request.secret);
  return { key: hkdfExpand(prk, Buffer.from('key'), 32), iv: hkdfExpand(prk, Buffer.from('nonce'), 12) };
}

export function openAnswer(octets, request) {
  checkSize(octets, 'answer');
  const r = new Reader(octets, 'answer');
  checkMagic(r, 'TSA');
  const nonce = r.fixed(32);
  const { key, iv } = answerKeys(request, nonce);
  const plain = aeadOpen(key, iv, NONE, r.fixed(r.left()));
  if (!plain) throw new Refused('wrong-exchange', 'answer does not open');
  return split(plain, 'answer');
}

export function verifyAnswer(answer, request, key) {
  if (!verify(key, answerSigned(request.plain, answer.body), answer.signature)) {
    throw new Refused('bad-signature', 'answer');
  }
}

// sealAnswer is the server's side; the check uses it to see that both sides of the envelope fit.
export function sealAnswer(body, privateKey, request, nonce = crypto.randomBytes(32)) {
  const plain = Buffer.concat([sign(privateKey, answerSigned(request.plain, body)), body]);
  const { key, iv } = answerKeys(request, nonce);
  return Buffer.concat([frame('TSA'), nonce, aeadSeal(key, iv, NONE, plain)]);
}

// checkBelongs refuses an answer that belongs to another request or comes from another server.
export function checkBelongs(body, requestBody, serverKey) {
  if (!body.id || !body.origin) throw malformed('answer without id or origin');
  if (!same(body.id, requestBody.id) || !same(body.origin, originOf(serverKey))) {
    throw new Refused('wrong-exchange', 'answer to another request or of another server');
  }
}
