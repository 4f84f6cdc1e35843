// Forgotten PINs: what a phone shows and what a server answers. PROTOCOL.md section 15.

import crypto from 'node:crypto';
import { hmac, originOf, privateKey, publicKey, rawPublic, sha256 } from './keys.mjs';
import { hkdfExpand, hkdfExtract } from './seal.mjs';

const LETTERS = '23456789ABCDEFGHJKMNPQRSTVWXYZ';
const PRIME = 2n ** 255n - 19n;

const letters = (octets) => [...octets].map((octet) => LETTERS[octet % LETTERS.length]).join('');
const tag = (...parts) => letters(sha256('thonsync/1/pin-tag\0', ...parts).subarray(0, 4));

const littleEndian = (octets) => BigInt(`0x${Buffer.from(octets).reverse().toString('hex')}`);

function power(base, exponent) {
  let out = 1n;
  for (let b = base, e = exponent; e > 0n; e >>= 1n, b = (b * b) % PRIME) if (e & 1n) out = (out * b) % PRIME;
  return out;
}

// montgomery takes an Ed25519 public key to X25519: u = (1 + y) / (1 - y).
function montgomery(key) {
  const y = littleEndian(key) & (2n ** 255n - 1n);
  const below = (((1n - y) % PRIME) + PRIME) % PRIME;
  const u = ((1n + y) * power(below, PRIME - 2n)) % PRIME;
  return Buffer.from(u.toString(16).padStart(64, '0'), 'hex').reverse();
}

function agree(seed, other) {
  const scalar = crypto.createHash('sha512').update(seed).digest().subarray(0, 32);
  return crypto.diffieHellman({ privateKey: privateKey('x25519', scalar), publicKey: publicKey('x25519', montgomery(other)) });
}

// resetKey is what device and server share; own says whose seed it is.
export function resetKey(seed, other, own) {
  const mine = rawPublic(privateKey('ed25519', seed));
  const pair = own === 'device' ? [mine, other] : [other, mine];
  const info = Buffer.concat([Buffer.from('thonsync/1/pin-reset-key\0'), ...pair]);
  return hkdfExpand(hkdfExtract(Buffer.alloc(0), agree(seed, other)), info, 32);
}

export function challenge(deviceKey, person, nonce) {
  const device = originOf(deviceKey);
  return [tag(device), tag(device, person), letters(nonce)].join('-');
}

export function answer(key, text) {
  const n = hmac(key, 'thonsync/1/pin-reset\0', text).readBigUInt64BE() % 100000000n;
  const digits = String(n).padStart(8, '0');
  return `${digits.slice(0, 4)} ${digits.slice(4)}`;
}
