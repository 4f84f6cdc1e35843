// What the server says when something cannot be done (RFC 9457).

/** An answer that says why a request was not carried out. */
export class Problem extends Error {
  constructor(
    readonly title: string,
    readonly detail: string,
    readonly code: string,
    readonly status: number,
    readonly retryable: boolean,
    readonly request: string,
  ) {
    super(title);
  }
}

/** Reads a problem answer; anything else becomes one. */
export async function problemOf(r: Response): Promise<Problem> {
  try {
    const p = (await r.json()) as Record<string, unknown>;
    const text = (k: string) => (typeof p[k] === "string" ? (p[k] as string) : "");
    return new Problem(text("title") || r.statusText, text("detail"), text("code"), r.status, p["retryable"] === true, text("request_id"));
  } catch {
    return new Problem(r.statusText || String(r.status), "", "", r.status, r.status >= 500, "");
  }
}

/** Makes a problem of whatever was thrown. */
export function asProblem(e: unknown, offline: string): Problem {
  if (e instanceof Problem) return e;
  if (e instanceof TypeError) return new Problem(offline, "", "offline", 0, true, "");
  return new Problem(e instanceof Error ? e.message : String(e), "", "", 0, false, "");
}
