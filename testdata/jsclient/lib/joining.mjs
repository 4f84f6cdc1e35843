// Joining: what an officer's code holds and what both sides compare. PROTOCOL.md section 15.

import { sha256 } from './keys.mjs';
import { same } from './octets.mjs';
import { malformed } from './refused.mjs';

const FORM = /^thonsync:join\?(.*)$/;

// parseJoinLink takes what the QR code holds apart.
export function parseJoinLink(link) {
  const match = FORM.exec(link.trim());
  if (!match) throw malformed('not a joining link');
  const query = new URLSearchParams(match[1]);
  const part = (name) => {
    const value = query.get(name);
    if (!value) throw malformed(`joining link without ${name}`);
    return value;
  };
  return { server: part('server'), fingerprint: Buffer.from(part('centre'), 'base64url'), code: part('code') };
}

export const fingerprint = (centre) => sha256(centre).subarray(0, 16);
export const isPinned = (centre, print) => print.length === 16 && same(fingerprint(centre), print);

// joinCommitment is what a device promises before it knows the server's nonce.
export const joinCommitment = (deviceKey, serverKey, nonce) => sha256('thonsync/1/join-commit\0', deviceKey, serverKey, nonce);

// digits are the six that officer and phone compare; code is in the octets in which it was sent.
export function digits(deviceKey, serverKey, code, deviceNonce, serverNonce) {
  const digest = sha256('thonsync/1/digits\0', deviceKey, serverKey, deviceNonce, serverNonce, code);
  return String(digest.readUInt32BE() % 1000000).padStart(6, '0');
}

// keepsPromise tells whether a join's nonce is the one that it committed to.
export const keepsPromise = (join, serverKey) =>
  join.nonce.length === 16 && same(joinCommitment(join.key, serverKey, join.nonce), join.commit);
