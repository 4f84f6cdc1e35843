// Addresses: every state that somebody may want to come back to, or send to a
// colleague, is in the address, and the back button leads to the state before.
import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";

const moved = "thonsync-moved";

/** Goes to an address of this site; replace leaves no trace in the history. */
export function go(address: string, replace = false): void {
  if (replace) history.replaceState(null, "", address);
  else history.pushState(null, "", address);
  window.dispatchEvent(new Event(moved));
}

/** The present path and query, followed as they change. */
export function useAddress(): { path: string; query: URLSearchParams } {
  const [at, set] = useState(location.pathname + location.search);
  useEffect(() => {
    const follow = () => set(location.pathname + location.search);
    window.addEventListener("popstate", follow);
    window.addEventListener(moved, follow);
    return () => {
      window.removeEventListener("popstate", follow);
      window.removeEventListener(moved, follow);
    };
  }, []);
  const [path = "", search = ""] = at.split("?");
  return { path, query: new URLSearchParams(search) };
}

/** One parameter of the query with its setter; the default is not written out. */
export function useQuery(name: string, standard = ""): [string, (value: string, replace?: boolean) => void] {
  const { query } = useAddress();
  return [query.get(name) ?? standard, (value, replace) => go(withQuery({ [name]: value === standard ? "" : value }), replace)];
}

/** The present address with parameters changed; an empty value takes one away. */
export function withQuery(change: Record<string, string>): string {
  const q = new URLSearchParams(location.search);
  for (const [k, v] of Object.entries(change)) {
    if (v === "") q.delete(k);
    else q.set(k, v);
  }
  q.delete("lang");
  const text = q.toString();
  return location.pathname + (text ? "?" + text : "");
}

interface LinkProps {
  href: string;
  class?: string;
  current?: boolean;
  onGo?: () => void;
  children: ComponentChildren;
}

/** A link that stays within the page; with a modifier key it is an ordinary one. */
export function Link({ href, current, onGo, children, ...rest }: LinkProps) {
  const click = (e: MouseEvent) => {
    if (e.defaultPrevented || e.button !== 0 || e.metaKey || e.ctrlKey || e.shiftKey || e.altKey) return;
    e.preventDefault();
    go(href);
    onGo?.();
  };
  return (
    <a href={href} onClick={click} aria-current={current ? "page" : undefined} {...rest}>
      {children}
    </a>
  );
}
