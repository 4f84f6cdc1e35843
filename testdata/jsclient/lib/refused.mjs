// A refusal with one of the protocol's error codes (PROTOCOL.md section 20).

export class Refused extends Error {
  constructor(code, what) {
    super(`${code}: ${what}`);
    this.name = 'Refused';
    this.code = code;
  }
}

export const malformed = (what) => new Refused('malformed', what);
export const tooLarge = (what) => new Refused('too-large', what);
