// The frame around every page: navigation, who is signed in, and room for the
// page itself.
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { Toasts } from "./controls";
import { Link } from "./route";
import { kit } from "./words";

export interface NavGroup {
  title: string;
  links: { href: string; title: string; current: boolean }[];
}

interface ShellProps {
  brand: string;
  place: string;
  groups: NavGroup[];
  foot: ComponentChildren;
  children: ComponentChildren;
}

/** The frame. The menu of a phone is the same list, folded away. */
export function Shell({ brand, place, groups, foot, children }: ShellProps) {
  const [open, setOpen] = useState(false);
  const shut = () => setOpen(false);
  return (
    <div class="shell">
      <a class="skip" href="#content">
        {kit.skip}
      </a>
      <header class="top">
        <div class="brand">
          <strong>{brand}</strong>
          <span>{place}</span>
        </div>
        <button type="button" class="burger" aria-expanded={open} aria-controls="nav" onClick={() => setOpen(!open)}>
          {kit.menu}
        </button>
      </header>
      <nav id="nav" class={open ? "open" : ""} aria-label={kit.menu} onKeyDown={(e) => e.key === "Escape" && shut()}>
        {groups.map((g) => (
          <section key={g.title}>
            <h2>{g.title}</h2>
            <ul>
              {g.links.map((l) => (
                <li key={l.href}>
                  <Link href={l.href} current={l.current} onGo={shut}>
                    {l.title}
                  </Link>
                </li>
              ))}
            </ul>
          </section>
        ))}
        <footer>{foot}</footer>
      </nav>
      <main id="content" tabIndex={-1}>
        {children}
      </main>
      <Toasts />
    </div>
  );
}

interface PageProps {
  title: string;
  lead?: ComponentChildren;
  actions?: ComponentChildren;
  children: ComponentChildren;
}

/** A page: its title, a sentence, what can be done, and the rest. */
export function Page({ title, lead, actions, children }: PageProps) {
  const head = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = title + " · Thonsync";
  }, [title]);
  return (
    <>
      <div class="pagehead">
        <div>
          <h1 ref={head}>{title}</h1>
          {lead && <p class="lead">{lead}</p>}
        </div>
        {actions && <div class="actions">{actions}</div>}
      </div>
      {children}
    </>
  );
}

/** Part of a page with a title of its own. */
export function Section({ title, children }: { title: string; children: ComponentChildren }) {
  return (
    <section class="panel">
      <h2>{title}</h2>
      {children}
    </section>
  );
}

/** Controls in a row: filters above a table. */
export const Filters = ({ children }: { children: ComponentChildren }) => <div class="filters">{children}</div>;
