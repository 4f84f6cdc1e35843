// Tables that become cards where there is no room for columns.
import type { ComponentChildren } from "preact";
import { Button, Empty } from "./controls";
import { useQuery } from "./route";
import { fill, kit } from "./words";

export interface Column<R> {
  name: string;
  label: string;
  show: (row: R) => ComponentChildren;
  /** Makes the column sortable. */
  sort?: (row: R) => string | number;
  numeric?: boolean;
}

interface TableProps<R> {
  /** What the table lists; read out, and shown where caption is set. */
  title: string;
  columns: readonly Column<R>[];
  rows: readonly R[];
  id: (row: R) => string;
  /** Shown instead of an empty table. */
  empty?: ComponentChildren;
  /** Reads the next page; without it there is none. */
  onMore?: () => unknown;
  selected?: string;
}

/** A table. The order is in the address, as sort=name or sort=-name. */
export function Table<R>({ title, columns, rows, id, empty, onMore, selected }: TableProps<R>) {
  const [sort, setSort] = useQuery("sort");
  if (rows.length === 0) return <>{empty ?? <Empty title="–" />}</>;
  const down = sort.startsWith("-");
  const by = columns.find((c) => c.name === sort.replace(/^-/, ""))?.sort;
  const list = by ? [...rows].sort((a, b) => (down ? -1 : 1) * compare(by(a), by(b))) : rows;
  return (
    <div class="table">
      <table>
        <caption class="hidden">{title}</caption>
        <thead>
          <tr>
            {columns.map((c) => (
              <th key={c.name} scope="col" class={c.numeric ? "num" : ""} aria-sort={sort === c.name ? "ascending" : sort === "-" + c.name ? "descending" : undefined}>
                {c.sort ? (
                  <button type="button" class="sort" aria-label={fill(kit.sortBy, { what: c.label })} onClick={() => setSort(sort === c.name ? "-" + c.name : c.name, true)}>
                    {c.label}
                    <span aria-hidden="true">{sort === c.name ? " ▲" : sort === "-" + c.name ? " ▼" : " ↕"}</span>
                  </button>
                ) : (
                  c.label
                )}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {list.map((row) => (
            <tr key={id(row)} class={selected === id(row) ? "selected" : ""}>
              {columns.map((c) => (
                <td key={c.name} class={c.numeric ? "num" : ""} data-label={c.label}>
                  <div>{c.show(row)}</div>
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {onMore && (
        <p class="more">
          <Button onClick={onMore}>{kit.more}</Button>
        </p>
      )}
    </div>
  );
}

function compare(a: string | number, b: string | number): number {
  if (typeof a === "number" && typeof b === "number") return a - b;
  return String(a).localeCompare(String(b), "vi");
}
