// Reading what a page shows, and reading it again when the server says that it
// has changed.
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { asProblem, type Problem } from "./problem";
import { kit } from "./words";

export interface Loaded<T> {
  data?: T;
  problem?: Problem;
  /** True while nothing can be shown yet. */
  loading: boolean;
  reload: () => Promise<void>;
}

/**
 * Reads by read, again whenever a value of deps changes, and whenever one of the
 * parts changes at the server. What was read before stays until the new is there.
 */
export function useLoad<T>(read: () => Promise<T>, deps: readonly unknown[], parts: readonly string[] = []): Loaded<T> {
  const [state, set] = useState<{ data?: T; problem?: Problem; loading: boolean }>({ loading: true });
  const latest = useRef(0);
  const reader = useRef(read);
  reader.current = read;
  const reload = useCallback(async () => {
    const mine = ++latest.current;
    try {
      const data = await reader.current();
      if (mine === latest.current) set({ data, loading: false });
    } catch (e) {
      if (mine === latest.current) set((s) => ({ data: s.data, problem: asProblem(e, kit.offline), loading: false }));
    }
  }, []);
  useEffect(() => void reload(), deps);
  useEffect(() => listen(parts, () => void reload()), [parts.join(" ")]);
  return { ...state, reload };
}

type Listener = { parts: readonly string[]; heard: () => void };
const listeners = new Set<Listener>();
let stream: EventSource | undefined;
let address = "";

/** Calls heard when one of the parts changes, until the function it gives is called. */
export function listen(parts: readonly string[], heard: () => void): () => void {
  if (parts.length === 0) return () => undefined;
  const l = { parts, heard };
  listeners.add(l);
  return () => void listeners.delete(l);
}

/** Tells the listeners, also when this page itself has changed something. */
export function changed(...parts: string[]): void {
  for (const l of listeners) if (parts.some((p) => l.parts.includes(p))) l.heard();
}

/**
 * Listens to the server's events as long as the page is seen: browsers allow few
 * connections to one server, and pages in the background would use them up.
 */
export function live(url: string): void {
  address = url;
  document.addEventListener("visibilitychange", follow);
  follow();
}

let missed = false;

function follow(): void {
  if (document.hidden) {
    stream?.close();
    stream = undefined;
    missed = true;
    return;
  }
  if (stream) return;
  stream = new EventSource(address);
  stream.onmessage = (e: MessageEvent<string>) => changed(...e.data.split(" "));
  stream.onerror = () => (missed = true);
  stream.onopen = () => {
    if (missed) for (const l of listeners) l.heard();
    missed = false;
  };
}
