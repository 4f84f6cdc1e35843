// The four octets with which files and messages begin: PROTOCOL.md sections 6, 10, 12, 13 and 21.

import { Refused, malformed } from './refused.mjs';

export const VERSION = 1;

export function checkMagic(reader, word) {
  const magic = reader.fixed(4);
  if (magic.subarray(0, 3).toString('latin1') !== word) throw malformed(`${reader.what}: does not begin with ${word}`);
  if (magic[3] !== VERSION) throw new Refused('version', `${reader.what} of version ${magic[3]}`);
}
