// Keys, digests and names made from them: PROTOCOL.md section 1.

import crypto from 'node:crypto';

const PREFIX = {
  ed25519: { spki: '302a300506032b6570032100', pkcs8: '302e020100300506032b657004220420' },
  x25519: { spki: '302a300506032b656e032100', pkcs8: '302e020100300506032b656e04220420' },
};

// node:crypto takes raw keys only in their DER wrapping, which is a fixed prefix for both curves.
export function publicKey(curve, raw) {
  const der = Buffer.concat([Buffer.from(PREFIX[curve].spki, 'hex'), raw]);
  return crypto.createPublicKey({ key: der, format: 'der', type: 'spki' });
}

export function privateKey(curve, raw) {
  const der = Buffer.concat([Buffer.from(PREFIX[curve].pkcs8, 'hex'), raw]);
  return crypto.createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
}

export function rawPublic(key) {
  const spki = crypto.createPublicKey(key).export({ format: 'der', type: 'spki' });
  return spki.subarray(spki.length - 32);
}

// keyPair makes a pair from a 32-octet seed, or a new one.
export function keyPair(curve, seed = crypto.randomBytes(32)) {
  const key = privateKey(curve, seed);
  return { private: key, public: rawPublic(key) };
}

export const sign = (key, message) => crypto.sign(null, message, key);

export function verify(raw, message, signature) {
  try {
    return crypto.verify(null, message, publicKey('ed25519', raw), signature);
  } catch {
    return false; // octets that are no key verify nothing
  }
}

export function sha256(...parts) {
  const digest = crypto.createHash('sha256');
  for (const part of parts) digest.update(part);
  return digest.digest();
}

export function hmac(key, ...parts) {
  const mac = crypto.createHmac('sha256', key);
  for (const part of parts) mac.update(part);
  return mac.digest();
}

export function mark8(octets) {
  const out = Buffer.from(octets);
  out[6] = (out[6] & 0x0f) | 0x80;
  out[8] = (out[8] & 0x3f) | 0x80;
  return out;
}

export const originOf = (key) => mark8(sha256('thonsync/1/origin\0', key).subarray(0, 16));
export const keyId = (key) => sha256('thonsync/1/key\0', key).subarray(0, 4);
