// Credentials and their chains: PROTOCOL.md section 11.

import * as limits from './limits.mjs';
import { originOf, verify } from './keys.mjs';
import { same, uuidOctets } from './octets.mjs';
import { Refused } from './refused.mjs';

const bad = (what) => new Refused('credential', what);

// decodePart takes base64url without padding and in its one form.
function decodePart(text) {
  const octets = Buffer.from(text, 'base64url');
  if (octets.toString('base64url') !== text) throw bad('token is not base64url');
  return octets;
}

function parseJson(octets, what) {
  try {
    const value = JSON.parse(octets.toString('utf8'));
    if (value && typeof value === 'object') return value;
  } catch {
    // falls through: no JSON is as bad as JSON that is no object
  }
  throw bad(`${what} is not a JSON object`);
}

const uuidClaim = (text, what) => {
  if (typeof text !== 'string' || !/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text)) throw bad(`claim ${what}`);
  return uuidOctets(text);
};

function deviceKey(cnf) {
  const jwk = cnf?.jwk;
  if (typeof jwk?.x !== 'string') throw bad('claim cnf');
  const key = decodePart(jwk.x);
  if (key.length !== 32) throw bad('claim cnf with a key that is none');
  return key;
}

// parseToken takes a token apart; its signature is not checked yet.
export function parseToken(token) {
  if (token.length > limits.TOKEN) throw bad(`token of ${token.length} octets`);
  const parts = token.split('.');
  if (parts.length !== 3) throw bad('token without three parts');
  const header = parseJson(decodePart(parts[0]), 'header of a token');
  if (header.alg !== 'EdDSA') throw bad('alg other than EdDSA');
  const claims = parseJson(decodePart(parts[1]), 'claims of a token');
  const key = deviceKey(claims.cnf);
  const device = uuidClaim(claims.sub, 'sub');
  if (!same(originOf(key), device)) throw bad('subject of another key');
  if (!Array.isArray(claims.units) || !claims.units.every((u) => typeof u === 'string')) throw bad('claim units');
  const max = claims.max ?? 0;
  if (!Number.isInteger(max) || max < 0) throw bad('claim max');
  return {
    signed: Buffer.from(`${parts[0]}.${parts[1]}`),
    signature: decodePart(parts[2]),
    device,
    key,
    role: claims.role,
    units: claims.units,
    team: claims.team === undefined ? Buffer.alloc(16) : uuidClaim(claims.team, 'team'),
    exp: claims.exp,
    max,
  };
}

// The key that verifies tells who issued; what iss says is for people.
function checkSigned(token, key) {
  if (!verify(key, token.signed, token.signature)) throw bad('signature of a token');
}

// within tells whether unit is one of units or below one; parents maps a unit to the one above it.
export function within(unit, units, parents) {
  for (let at = unit, steps = 0; at !== undefined && steps < 64; at = parents[at], steps++) {
    if (units.includes(at)) return true;
  }
  return false;
}

// verifyChain checks a chain without a handover, the device's own token first, under the centre's key. It gives the
// device's token.
export function verifyChain(chain, centre, parents) {
  if (chain.length < 1 || chain.length > 2) throw bad(`chain of ${chain.length} tokens`);
  const [own, above] = chain.map(parseToken);
  if (!above) {
    checkSigned(own, centre);
    return { ...own, issuer: originOf(centre) };
  }
  checkSigned(above, centre);
  checkSigned(own, above.key);
  if (above.role !== 'point' || own.role !== 'phone') throw bad('only a point may issue, and only phones');
  if (!own.units.every((unit) => within(unit, above.units, parents))) throw bad('scope beyond that of the issuer');
  return { ...own, issuer: above.device };
}

// verifyHandover checks a chain that begins with a handover: the old key vouches for the new one, and adds nothing.
export function verifyHandover(chain, centre, parents) {
  if (chain.length < 2) throw bad('handover without the chain of the old key');
  const handover = parseToken(chain[0]);
  const old = verifyChain(chain.slice(1), centre, parents);
  if (old.role !== 'phone') throw bad('a handover is for phones'); // section 11: the one case in which a phone issues
  checkSigned(handover, old.key);
  return { ...old, device: handover.device, key: handover.key, issuer: old.device, provisional: true };
}
