// The server's documented JSON API, typed by its own document. Nothing else is
// asked for by any page.
import type { Paths } from "./api-types";
import { problemOf } from "./kit/problem";
import { english } from "./kit/words";

export type * from "./api-types";

type Parts<K extends keyof Paths> = {
  path?: Paths[K]["path"];
  query?: Paths[K]["query"];
  body?: Paths[K]["body"];
};

let csrf = "";

/** Keeps the token that changes must carry; the account's answer brings it. */
export const keepToken = (token: string | undefined): void => {
  csrf = token ?? "";
};

/** The address of a route: for calls, and for links to files. */
export function address<K extends keyof Paths>(route: K, parts: Parts<K> = {}): string {
  const values = (parts.path ?? {}) as Record<string, unknown>;
  const path = route.slice(route.indexOf(" ") + 1).replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(String(values[name] ?? "")));
  const q = new URLSearchParams();
  for (const [k, v] of Object.entries((parts.query ?? {}) as Record<string, unknown>)) {
    if (v !== undefined && v !== "") q.set(k, String(v));
  }
  const query = q.toString();
  return path + (query ? "?" + query : "");
}

/** Calls a route; throws a Problem when the server refuses, a TypeError when it cannot be reached. */
export async function call<K extends keyof Paths>(route: K, parts: Parts<K> = {}): Promise<Paths[K]["answer"]> {
  const method = route.slice(0, route.indexOf(" "));
  const headers: Record<string, string> = { "Accept-Language": english ? "en" : "vi", Accept: "application/json" };
  if (method !== "GET") headers["X-CSRF-Token"] = csrf;
  if (parts.body !== undefined) headers["Content-Type"] = "application/json";
  const answer = await fetch(address(route, parts), { method, headers, body: parts.body === undefined ? undefined : JSON.stringify(parts.body) });
  if (answer.status === 401) {
    location.assign("/signin?next=" + encodeURIComponent(location.pathname + location.search));
  }
  if (!answer.ok) throw await problemOf(answer);
  if (answer.status === 204) return undefined as Paths[K]["answer"];
  const json = answer.headers.get("Content-Type")?.includes("json");
  return (json ? await answer.json() : await answer.text()) as Paths[K]["answer"];
}
