// Numbers that are to be seen at a glance.
import type { ComponentChildren } from "preact";

interface FigureProps {
  label: string;
  value: ComponentChildren;
  note?: ComponentChildren;
  tone?: "good" | "warn" | "bad";
  children?: ComponentChildren;
}

/** One number with what it counts. */
export function Figure({ label, value, note, tone, children }: FigureProps) {
  return (
    <div class={"figure " + (tone ?? "")}>
      <span class="label">{label}</span>
      <span class="value">{value}</span>
      {children}
      {note && <span class="faint">{note}</span>}
    </div>
  );
}

/** Figures beside each other. */
export const Figures = ({ children }: { children: ComponentChildren }) => <div class="figures">{children}</div>;

/** A line of values without axes; label says in words what it shows. */
export function Sparkline({ values, label }: { values: readonly number[]; label: string }) {
  const w = 120, h = 28, top = Math.max(1, ...values);
  const at = (v: number, i: number) => `${((i * w) / Math.max(1, values.length - 1)).toFixed(1)},${(h - 2 - ((h - 4) * v) / top).toFixed(1)}`;
  return (
    <svg class="spark" viewBox={`0 0 ${w} ${h}`} width={w} height={h} role="img" aria-label={label}>
      <polyline points={values.map(at).join(" ")} fill="none" stroke="currentColor" stroke-width="2" />
    </svg>
  );
}

/** A share as a bar; the number stands beside it. */
export function Bar({ part, whole, label }: { part: number; whole: number; label: string }) {
  return <meter class="bar" min={0} max={Math.max(1, whole)} value={part} aria-label={label} />;
}
