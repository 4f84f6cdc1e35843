// Compressed blocks of columns: squeeze within the protocol's limits (PROTOCOL.md sections 5 and 19).

import * as limits from './limits.mjs';
import { Refused, malformed } from './refused.mjs';
import { squeeze, unsqueeze } from './squeeze.mjs';
import { Block } from './table_decode.mjs';

const WITHIN = { columns: limits.COLUMNS, columnBytes: limits.BLOCK, totalBytes: limits.BLOCK };

// openBlock decompresses. A stream that is over a limit is as malformed as one that is none: its numbers are no numbers
// of its sender's until it is decoded to its end.
export function openBlock(stream) {
  try {
    return new Block(unsqueeze(stream, WITHIN));
  } catch (error) {
    if (error instanceof Refused) throw malformed(error.message);
    throw error;
  }
}

export const closeBlock = (tables) => squeeze(tables.flat());
