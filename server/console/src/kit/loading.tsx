// What a page shows while it reads, and when that fails.
import type { ComponentChildren } from "preact";
import { ProblemNotice, Progress } from "./controls";
import type { Loaded } from "./load";
import { kit } from "./words";

/** Shows what was read by show; until then that it is being read, or what went wrong. */
export function Show<T>({ of, children }: { of: Loaded<T>; children: (data: T) => ComponentChildren }) {
  return (
    <>
      {of.problem && <ProblemNotice problem={of.problem} onRetry={of.reload} />}
      {of.data !== undefined ? children(of.data) : of.loading && <Progress label={kit.loading} />}
    </>
  );
}
