// What teams recorded, one by one, and how much by month.
import { useEffect, useMemo, useState } from "preact/hooks";
import { call, type ActivityItem } from "../api";
import { Badge, Button, day, Empty, Field, Filters, go, Link, Page, say, Section, Select, Show, Table, useLoad, useQuery, type Column } from "../kit";
import { Chart } from "../kit/chart";
import { states, w } from "../words/working";

const tones: Record<string, "plain" | "good" | "warn"> = { standing: "good", waiting: "warn", conflict: "warn" };
const ago = (days: number) => new Date(Date.now() - days * 86_400_000).toISOString().slice(0, 10);

export default function Activity() {
  const [unit] = useQuery("unit");
  const [team] = useQuery("team");
  const [kind, setKind] = useQuery("kind");
  const [state, setState] = useQuery("state");
  const [from, setFrom] = useQuery("from");
  const [to, setTo] = useQuery("to");
  const query = { unit, team, kind, from, to, state: (state || undefined) as "standing" | undefined };
  const asked = JSON.stringify(query);
  const [more, setMore] = useState<{ asked: string; items: ActivityItem[]; next?: string }>({ asked, items: [] });
  const first = useLoad(() => call("GET /v1/activity", { query }), [asked], ["activity"]);
  useEffect(() => setMore({ asked, items: [], next: first.data?.next }), [first.data]);
  const counts = useLoad(() => call("GET /v1/reports/{name}", { path: { name: "activities" }, query: { unit, from: from || ago(365), to } }), [unit, from, to], ["activity"]);
  const kinds = useMemo(() => kindsOf(counts.data), [counts.data]);
  const columns: Column<ActivityItem>[] = [
    { name: "day", label: w.day, show: (a) => <>{day(Date.parse(a.day))} {a.straddling && <Badge tone="warn">{w.straddling}</Badge>}</> },
    { name: "kind", label: w.kind, show: (a) => say([a.kind_name.vi, a.kind_name.en]) },
    { name: "place", label: w.place, show: (a) => <Link href={"/console/units?team=" + a.team}>{a.place}, {a.commune}</Link> },
    { name: "result", label: w.result, show: (a) => say([a.result_name.vi, a.result_name.en]) },
    { name: "state", label: w.state, show: (a) => <Badge tone={tones[a.state] ?? "plain"}>{say(states[a.state] ?? [a.state, a.state])}</Badge> },
  ];
  const next = async () => {
    const page = await call("GET /v1/activity", { query: { ...query, cursor: more.next } });
    setMore((m) => ({ asked, items: [...m.items, ...(page.items ?? [])], next: page.next }));
  };
  return (
    <Page title={w.activity} lead={w.activityLead}>
      <Filters>
        <Select label={w.kind} value={kind} onChange={setKind} options={[["", w.all], ...kinds.map(([code, name]) => [code, name] as const)]} />
        <Select label={w.state} value={state} onChange={setState} options={[["", w.all], ...Object.entries(states).map(([k, t]) => [k, say(t)] as const)]} />
        <Field label={w.from} type="date" value={from} onInput={(v) => setFrom(v, true)} />
        <Field label={w.to} type="date" value={to} onInput={(v) => setTo(v, true)} />
        {(unit || team || kind || state || from || to) && <Button onClick={() => go("/console/activity")}>{w.clear}</Button>}
      </Filters>
      <Section title={w.byMonth}><Show of={counts}>{(t) => <ByMonth table={t} kind={kind} />}</Show></Section>
      <Show of={first}>
        {(page) => (
          <Table title={w.activity} columns={columns} rows={[...(page.items ?? []), ...more.items]} id={(a) => a.id} onMore={more.next ? next : undefined}
            empty={<Empty title={w.none}><p>{w.noneHelp}</p></Empty>} />
        )}
      </Show>
    </Page>
  );
}

interface Counts { columns: { name: string }[] | null; rows: (unknown[] | null)[] | null }

/** Reads columns of a report by their names. */
function cells(table: Counts, ...names: string[]): unknown[][] {
  const at = names.map((n) => (table.columns ?? []).findIndex((c) => c.name === n));
  return (table.rows ?? []).map((r) => at.map((i) => (r ?? [])[i]));
}

function kindsOf(table: Counts | undefined): [string, string][] {
  const out = new Map<string, string>();
  if (table) for (const [code, vi, en] of cells(table, "kind", "kind_vi", "kind_en")) out.set(String(code), say([String(vi), String(en)]));
  return [...out].sort((a, b) => a[1].localeCompare(b[1], "vi"));
}

function ByMonth({ table, kind }: { table: Counts; kind: string }) {
  const [times, lines, words] = useMemo(() => {
    const sum = new Map<string, number>();
    for (const [month, code, n] of cells(table, "month", "kind", "activities")) {
      if (!kind || code === kind) sum.set(String(month), (sum.get(String(month)) ?? 0) + Number(n));
    }
    const months = [...sum.keys()].sort();
    return [months.map((m) => Date.parse(m + "-15")), [{ label: w.activities, values: months.map((m) => sum.get(m) ?? 0) }], months.map((m) => `${m}: ${sum.get(m)}`).join(", ")] as const;
  }, [table, kind]);
  if (times.length === 0) return <Empty title={w.none}><p>{w.noneHelp}</p></Empty>;
  return <Chart label={`${w.byMonth}: ${words}`} times={times} lines={lines} height={180} />;
}
