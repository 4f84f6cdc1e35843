// Comparing what came out with what a vector wants.

import { isDeepStrictEqual } from 'node:util';
import { Refused } from '../lib/refused.mjs';

const show = (value) => {
  const text = JSON.stringify(value, (_, v) => (typeof v === 'bigint' ? `${v}` : v)) ?? String(value);
  return text.length > 1500 ? `${text.slice(0, 1500)}…` : text;
};

export function equal(got, want, what) {
  if (!isDeepStrictEqual(got, want)) throw new Error(`${what}: got ${show(got)}, want ${show(want)}`);
}

// refuses runs something that has to fail with a code.
export function refuses(code, run) {
  let value;
  try {
    value = run();
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    equal(error.code, code, `refused (${error.message})`);
    return;
  }
  throw new Error(`not refused, want ${code}; got ${show(value)}`);
}

// outcome runs a vector: it fails with vector.error if there is one, else check looks at what came out.
export function outcome(vector, run, check) {
  if (vector.error !== undefined) refuses(vector.error, run);
  else check(run());
}
