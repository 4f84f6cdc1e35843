// Clean text: PROTOCOL.md sections 2 and 17.

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function decode(octets) {
  try {
    return decoder.decode(octets);
  } catch {
    return undefined;
  }
}

// hashed is what an author hashes for an input: its NFC. Octets that are no UTF-8 stay as they are.
export function hashed(octets) {
  const text = decode(octets);
  return text === undefined ? octets : Buffer.from(text.normalize('NFC'), 'utf8');
}

const BIDI = new Set([0x061c, 0x200e, 0x200f, 0x202a, 0x202b, 0x202c, 0x202d, 0x202e, 0x2066, 0x2067, 0x2068, 0x2069]);

function allowed(point) {
  if (point === 0x09 || point === 0x0a) return true;
  if (point < 0x20 || (point >= 0x7f && point <= 0x9f)) return false;
  if (BIDI.has(point)) return false;
  return !((point >= 0xfdd0 && point <= 0xfdef) || (point & 0xfffe) === 0xfffe);
}

export function isClean(octets) {
  const text = decode(octets);
  if (text === undefined || text !== text.normalize('NFC')) return false;
  for (const c of text) if (!allowed(c.codePointAt(0))) return false;
  return true;
}
