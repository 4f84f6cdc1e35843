// The overview: the share of working teams first, then where and what next.
import { useMemo } from "preact/hooks";
import { call, type KindCount, type Overview as Data, type Progress as Target, type StepCount, type UnitLine } from "../api";
import { Bar, Button, day, Empty, Figure, Figures, fill, Link, number, Page, percent, say, Section, Show, Table, useLoad, useQuery, type Column } from "../kit";
import { Chart } from "../kit/chart";
import { w } from "../words/working";

export const unitAddress = (unit: string) => "/console/units?unit=" + encodeURIComponent(unit);
const date = (text: string) => day(Date.parse(text));

export default function Overview() {
  const [unit] = useQuery("unit");
  const [grain, setGrain] = useQuery("grain", "month");
  const data = useLoad(() => call("GET /v1/overview", { query: { unit, grain: grain as "month" | "week" } }), [unit, grain], ["activity", "devices"]);
  return (
    <Page title={w.overview} lead={w.overviewLead}>
      <Show of={data}>{(o) => (o.total.teams === 0 ? <Empty title={w.noTeams}><p>{w.noTeamsHelp}</p></Empty> : <Parts o={o} grain={grain} setGrain={setGrain} />)}</Show>
    </Page>
  );
}

function Parts({ o, grain, setGrain }: { o: Data; grain: string; setGrain: (g: string) => void }) {
  const t = o.total;
  return (
    <>
      <Figures>
        <Figure label={w.share} value={percent(t.working, t.teams)} note={fill(w.shareNote, { n: number(t.working), all: number(t.teams) })} tone="good" />
        <Figure label={w.notWorking} value={number(t.not_working)} tone={t.not_working > 0 ? "bad" : undefined} />
        <Figure label={w.notKnown} value={number(t.not_known)} note={w.notKnownNote} tone={t.not_known > 0 ? "warn" : undefined} />
        <Figure label={w.activities} value={number(t.activities)} note={fill(w.inPeriod, { from: date(o.from), to: date(o.to) })} />
      </Figures>
      <Section title={w.trend}>
        <div class="actions">
          {(["month", "week"] as const).map((g) => (
            <Button key={g} pressed={grain === g} onClick={() => setGrain(g)}>{w[g]}</Button>
          ))}
        </div>
        <Trend o={o} />
      </Section>
      <Section title={w.steps}><Steps steps={o.steps ?? []} /></Section>
      <Section title={w.worst}><Worst list={o.communes ?? []} /></Section>
      {(o.targets ?? []).length > 0 && <Section title={w.targets}><Targets list={o.targets ?? []} /></Section>}
      <Section title={w.kinds}><Kinds list={o.kinds ?? []} /></Section>
      <p class="faint">
        {say([o.complete.vi, o.complete.en])}{" "}
        {fill(w.criteria, { from: date(o.criteria.valid_from), days: o.criteria.period_days, n: o.criteria.min_activities, k: o.criteria.min_kinds, m: o.criteria.min_active_members })}
      </p>
    </>
  );
}

function Trend({ o }: { o: Data }) {
  const [times, lines, words] = useMemo(() => {
    const points = o.trend ?? [];
    const share = points.map((p) => (p.teams ? Math.round((100 * p.working) / p.teams) : 0));
    return [points.map((p) => Date.parse(p.to)), [{ label: w.percentWorking, values: share }], points.map((p, i) => `${p.label}: ${share[i]} %`).join(", ")] as const;
  }, [o]);
  if (times.length < 2) return <Empty title={w.trendShort}><p>{words}</p></Empty>;
  return <Chart label={`${w.trend}: ${words}`} times={times} lines={lines} max={100} />;
}

function Steps({ steps }: { steps: readonly StepCount[] }) {
  const columns: Column<StepCount>[] = [
    { name: "step", label: w.next, show: (s) => say([s.text.vi, s.text.en]) },
    { name: "teams", label: w.teams, numeric: true, show: (s) => number(s.teams) },
  ];
  return <Table title={w.steps} columns={columns} rows={steps} id={(s) => s.step} empty={<Empty title={w.noSteps}><p>{w.noStepsHelp}</p></Empty>} />;
}

function Worst({ list }: { list: readonly UnitLine[] }) {
  const columns: Column<UnitLine>[] = [
    { name: "name", label: w.commune, show: (u) => <Link href={unitAddress(u.unit)}>{u.name}</Link>, sort: (u) => u.name },
    { name: "share", label: w.percentWorking, show: (u) => <><Bar part={u.working} whole={u.teams} label={u.name} /> {percent(u.working, u.teams)}</>, sort: (u) => u.working / Math.max(1, u.teams) },
    { name: "working", label: w.working, numeric: true, show: (u) => `${number(u.working)}/${number(u.teams)}`, sort: (u) => u.working },
    { name: "unknown", label: w.notKnown, numeric: true, show: (u) => number(u.not_known), sort: (u) => u.not_known },
    { name: "activities", label: w.activities, numeric: true, show: (u) => number(u.activities), sort: (u) => u.activities },
  ];
  return <Table title={w.worst} columns={columns} rows={list.slice(0, 10)} id={(u) => u.unit} />;
}

function Targets({ list }: { list: readonly Target[] }) {
  const columns: Column<Target>[] = [
    { name: "unit", label: w.unit, show: (p) => <Link href={unitAddress(p.unit)}>{p.name}</Link> },
    { name: "target", label: w.target, show: (p) => say([p.words.vi, p.words.en]) },
    { name: "have", label: w.have, show: (p) => <><Bar part={p.have} whole={p.value} label={p.name} /> {number(p.have)} / {number(p.value)}</> },
    { name: "time", label: w.to, show: (p) => <>{date(p.to)} <span class="faint">{fill(w.ofTime, { n: p.elapsed })}</span></> },
  ];
  return <Table title={w.targets} columns={columns} rows={list} id={(p) => p.id} />;
}

function Kinds({ list }: { list: readonly KindCount[] }) {
  const most = Math.max(1, ...list.map((k) => k.activities));
  const columns: Column<KindCount>[] = [
    { name: "kind", label: w.kind, show: (k) => <Link href={"/console/activity?kind=" + encodeURIComponent(k.kind)}>{say([k.name.vi, k.name.en])}</Link> },
    { name: "bar", label: "", show: (k) => <Bar part={k.activities} whole={most} label={say([k.name.vi, k.name.en])} /> },
    { name: "n", label: w.activities, numeric: true, show: (k) => number(k.activities) },
  ];
  return <Table title={w.kinds} columns={columns} rows={list} id={(k) => k.kind} empty={<Empty title={w.none}><p>{w.noneHelp}</p></Empty>} />;
}
