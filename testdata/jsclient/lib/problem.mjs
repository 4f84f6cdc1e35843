// Failures at the HTTP level: PROTOCOL.md sections 14 and 20.

export const CODES = new Set(
  `malformed too-large version bad-signature broken-chain gap fork foreign-key unknown-origin old-key unreadable
  credential code-spent not-found overload disk-full newer-schema in-use invalid-input unknown-record wrong-exchange
  internal upstream-unreached method-not-allowed content-encoding media-type timeout`.split(/\s+/),
);

// readProblem takes an application/problem+json body apart. It is a hint only, as nothing protects it.
export function readProblem(status, type, body) {
  if (type.split(';')[0].trim() !== 'application/problem+json') {
    return { status, code: 'internal', detail: 'the failure is not a problem document', known: false };
  }
  let document;
  try {
    document = JSON.parse(body.toString('utf8'));
  } catch {
    return { status, code: 'internal', detail: 'the problem document is not JSON', known: false };
  }
  for (const member of ['type', 'title', 'detail', 'code']) {
    if (typeof document[member] !== 'string') throw new Error(`problem document without ${member}`);
  }
  if (document.status !== status) throw new Error('problem document with another status than the answer');
  const known = CODES.has(document.code); // an unknown code is treated as internal
  return { ...document, code: known ? document.code : 'internal', known };
}
