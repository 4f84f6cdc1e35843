// What people press, fill in and read.
import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { asProblem, type Problem } from "./problem";
import { kit } from "./words";

type Tone = "plain" | "good" | "warn" | "bad" | "info";

interface ButtonProps {
  children: ComponentChildren;
  onClick?: () => unknown;
  kind?: "main" | "quiet" | "danger" | "link";
  type?: "button" | "submit";
  disabled?: boolean;
  label?: string;
  pressed?: boolean;
}

/** A button. What onClick promises keeps it busy, so that nothing happens twice. */
export function Button({ children, onClick, kind, type = "button", disabled, label, pressed }: ButtonProps) {
  const [busy, setBusy] = useState(false);
  const press = async () => {
    if (!onClick || busy) return;
    setBusy(true);
    try {
      await onClick();
    } catch (e) {
      tell({ text: asProblem(e, kit.offline).message, tone: "bad" });
    } finally {
      setBusy(false);
    }
  };
  return (
    <button type={type} class={kind ?? ""} disabled={disabled || busy} aria-busy={busy || undefined} aria-label={label} aria-pressed={pressed} onClick={onClick && press}>
      {children}
    </button>
  );
}

interface FieldProps {
  label: string;
  value: string;
  onInput: (value: string) => void;
  hint?: string;
  type?: "text" | "search" | "date" | "number" | "month" | "datetime-local";
  required?: boolean;
  pattern?: string;
  inputMode?: "numeric" | "search" | "text";
  min?: string;
  max?: string;
  name?: string;
  lines?: number;
}

/** A labelled field. */
export function Field({ label, value, onInput, hint, lines, type = "text", ...rest }: FieldProps) {
  const id = useId();
  const more: object = { id, value, autocomplete: "off", "aria-describedby": hint ? id + "h" : undefined, ...rest };
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {lines ? (
        <textarea {...more} rows={lines} onInput={(e) => onInput(e.currentTarget.value)} />
      ) : (
        <input {...more} type={type as "text"} onInput={(e) => onInput(e.currentTarget.value)} />
      )}
      {hint && <small id={id + "h"}>{hint}</small>}
    </div>
  );
}

interface SelectProps<V extends string> {
  label: string;
  value: V;
  options: readonly (readonly [value: V, label: string])[];
  onChange: (value: V) => void;
  hint?: string;
}

/** A labelled choice of one. */
export function Select<V extends string>({ label, value, options, onChange, hint }: SelectProps<V>) {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <select id={id} value={value} onChange={(e) => onChange(e.currentTarget.value as V)}>
        {options.map(([v, text]) => (
          <option key={v} value={v} selected={v === value}>
            {text}
          </option>
        ))}
      </select>
      {hint && <small>{hint}</small>}
    </div>
  );
}

/** A labelled yes or no. */
export function Check({ label, checked, onChange }: { label: string; checked: boolean; onChange: (on: boolean) => void }) {
  return (
    <label class="check">
      <input type="checkbox" checked={checked} onChange={(e) => onChange(e.currentTarget.checked)} />
      {label}
    </label>
  );
}

interface FormProps {
  onSubmit: () => Promise<unknown>;
  submit: string;
  children: ComponentChildren;
  onCancel?: () => void;
}

/** A form that shows what went wrong beside its button. */
export function Form({ onSubmit, submit, children, onCancel }: FormProps) {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem>();
  const send = async (e: Event) => {
    e.preventDefault();
    if (busy) return;
    setBusy(true);
    setProblem(undefined);
    try {
      await onSubmit();
    } catch (err) {
      setProblem(asProblem(err, kit.offline));
    } finally {
      setBusy(false);
    }
  };
  return (
    <form class="form" onSubmit={send}>
      {children}
      {problem && <ProblemNotice problem={problem} />}
      <div class="actions">
        <button type="submit" class="main" disabled={busy} aria-busy={busy || undefined}>
          {submit}
        </button>
        {onCancel && (
          <button type="button" class="quiet" onClick={onCancel}>
            {kit.cancel}
          </button>
        )}
      </div>
    </form>
  );
}

/** A few words that stand out, never by colour alone. */
export function Badge({ tone = "plain", children }: { tone?: Tone; children: ComponentChildren }) {
  return <span class={"badge " + tone}>{children}</span>;
}

/** Something to read before going on. */
export function Notice({ tone = "info", title, children }: { tone?: Tone; title?: string; children?: ComponentChildren }) {
  return (
    <div class={"notice " + tone} role={tone === "bad" ? "alert" : "status"}>
      {title && <strong>{title}</strong>}
      {children}
    </div>
  );
}

/** What the server said, and what to do next. */
export function ProblemNotice({ problem, onRetry }: { problem: Problem; onRetry?: () => unknown }) {
  return (
    <Notice tone="bad" title={problem.title}>
      {problem.detail && <p lang="en">{problem.detail}</p>}
      {problem.request && (
        <p class="faint">
          {kit.request}: <code>{problem.request}</code>
        </p>
      )}
      {onRetry && <Button onClick={onRetry}>{kit.again}</Button>}
    </Notice>
  );
}

/** Says that there is nothing, why, and what to do next. */
export function Empty({ title, children }: { title: string; children?: ComponentChildren }) {
  return (
    <div class="empty">
      <strong>{title}</strong>
      {children}
    </div>
  );
}

/** How far something has got; without a value it only says that it goes on. */
export function Progress({ label, value, max }: { label: string; value?: number; max?: number }) {
  return (
    <label class="progress">
      <span>{label}</span>
      <progress value={value} max={max} />
    </label>
  );
}

/** A value to pass on, with a button that copies it. */
export function Copy({ value, label }: { value: string; label: string }) {
  const [done, setDone] = useState(false);
  return (
    <div class="copy">
      <input readOnly value={value} aria-label={label} onFocus={(e) => e.currentTarget.select()} />
      <Button onClick={() => navigator.clipboard.writeText(value).then(() => setDone(true))}>{done ? kit.copied : kit.copy}</Button>
    </div>
  );
}

interface DialogProps {
  title: string;
  onClose: () => void;
  children: ComponentChildren;
}

/** A dialog, for what cannot be done on the page itself. Escape closes it. */
export function Dialog({ title, onClose, children }: DialogProps) {
  const box = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => box.current?.showModal(), []);
  return (
    <dialog ref={box} aria-labelledby={id} onClose={onClose}>
      <header>
        <h2 id={id}>{title}</h2>
        <Button kind="quiet" label={kit.close} onClick={() => box.current?.close()}>
          ✕
        </Button>
      </header>
      {children}
    </dialog>
  );
}

interface Toast {
  text: string;
  tone?: Tone;
  /** Takes back what was just done. */
  undo?: () => Promise<unknown>;
}

let showToast: (t: Toast) => void = () => undefined;

/** Says what was just done, and offers to take it back. */
export const tell = (t: Toast): void => showToast(t);

/** Where tell's words appear; the shell has one. */
export function Toasts() {
  const [toast, set] = useState<Toast>();
  showToast = set;
  useEffect(() => {
    if (!toast) return;
    const timer = setTimeout(() => set(undefined), toast.undo ? 30_000 : 8_000);
    return () => clearTimeout(timer);
  }, [toast]);
  const undo = async () => {
    await toast?.undo?.();
    set({ text: kit.undone, tone: "good" });
  };
  return (
    <div class="toasts" role="status" aria-live="polite">
      {toast && (
        <div class={"toast " + (toast.tone ?? "plain")}>
          <span>{toast.text}</span>
          {toast.undo && <Button onClick={undo}>{kit.undo}</Button>}
          <Button kind="quiet" label={kit.close} onClick={() => set(undefined)}>
            ✕
          </Button>
        </div>
      )}
    </div>
  );
}
