// HPKE (RFC 9180), mode base, DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, ChaCha20-Poly1305, of node:crypto primitives.

import crypto from 'node:crypto';
import { hmac, keyPair, publicKey, rawPublic } from './keys.mjs';
import { Refused } from './refused.mjs';

const KEM = Buffer.concat([Buffer.from('KEM'), Buffer.from('0020', 'hex')]);
const HPKE = Buffer.concat([Buffer.from('HPKE'), Buffer.from('002000010003', 'hex')]);
const VERSION = Buffer.from('HPKE-v1');
const NONE = Buffer.alloc(0);
export const TAG = 16;

export const hkdfExtract = (salt, ikm) => hmac(salt, ikm);

export function hkdfExpand(prk, info, length) {
  let block = NONE;
  let out = NONE;
  for (let i = 1; out.length < length; i++) {
    block = hmac(prk, block, info, Buffer.of(i));
    out = Buffer.concat([out, block]);
  }
  return out.subarray(0, length);
}

const labelledExtract = (suite, salt, label, ikm) =>
  hkdfExtract(salt, Buffer.concat([VERSION, suite, Buffer.from(label), ikm]));

const labelledExpand = (suite, prk, label, info, length) =>
  hkdfExpand(prk, Buffer.concat([Buffer.of(length >> 8, length & 255), VERSION, suite, Buffer.from(label), info]), length);

function sharedSecret(dh, enc, recipient) {
  const prk = labelledExtract(KEM, NONE, 'eae_prk', dh);
  return labelledExpand(KEM, prk, 'shared_secret', Buffer.concat([enc, recipient]), 32);
}

function context(shared, info) {
  const about = Buffer.concat([
    Buffer.of(0), // mode base
    labelledExtract(HPKE, NONE, 'psk_id_hash', NONE),
    labelledExtract(HPKE, NONE, 'info_hash', Buffer.from(info)),
  ]);
  const secret = labelledExtract(HPKE, shared, 'secret', NONE);
  const exporter = labelledExpand(HPKE, secret, 'exp', about, 32);
  return {
    key: labelledExpand(HPKE, secret, 'key', about, 32),
    nonce: labelledExpand(HPKE, secret, 'base_nonce', about, 12), // one message a context, so its number is always 0
    export: (label, length) => labelledExpand(HPKE, exporter, 'sec', Buffer.from(label), length),
  };
}

// encapsulate makes {enc, context} for the holder of a raw public key.
export function encapsulate(recipient, info, ephemeral = keyPair('x25519')) {
  const dh = crypto.diffieHellman({ privateKey: ephemeral.private, publicKey: publicKey('x25519', recipient) });
  return { enc: ephemeral.public, context: context(sharedSecret(dh, ephemeral.public, recipient), info) };
}

export function decapsulate(enc, recipientPrivate, info) {
  let dh;
  try {
    dh = crypto.diffieHellman({ privateKey: recipientPrivate, publicKey: publicKey('x25519', enc) });
  } catch {
    throw new Refused('unreadable', 'the encapsulated key is none'); // a point that gives a secret of zeros
  }
  return context(sharedSecret(dh, enc, rawPublic(recipientPrivate)), info);
}

export function aeadSeal(key, nonce, aad, plain) {
  const cipher = crypto.createCipheriv('chacha20-poly1305', key, nonce, { authTagLength: TAG });
  cipher.setAAD(aad, { plaintextLength: plain.length });
  return Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
}

// aeadOpen gives the plaintext, or undefined if it does not open.
export function aeadOpen(key, nonce, aad, sealed) {
  if (sealed.length < TAG) return undefined;
  const cut = sealed.length - TAG;
  const decipher = crypto.createDecipheriv('chacha20-poly1305', key, nonce, { authTagLength: TAG });
  decipher.setAuthTag(sealed.subarray(cut));
  decipher.setAAD(aad, { plaintextLength: cut });
  try {
    return Buffer.concat([decipher.update(sealed.subarray(0, cut)), decipher.final()]);
  } catch {
    return undefined;
  }
}
