// Every report as a file, and all activities as one.
import { useRef, useState } from "preact/hooks";
import { address, call, type ActivityItem, type ReportInfo } from "../api";
import { Button, Field, fill, Filters, number, Page, Progress, say, Section, Show, Table, tell, english, useLoad, useQuery, type Column } from "../kit";
import { w } from "../words/working";

export default function Exports() {
  const [unit, setUnit] = useQuery("unit");
  const [month, setMonth] = useQuery("month");
  const list = useLoad(() => call("GET /v1/reports"), []);
  const lang = english ? "en" : "vi";
  const file = (name: string, format: "csv" | "xlsx") => address("GET /v1/reports/{name}/{format}", { path: { name, format }, query: { unit, month, lang } });
  const columns: Column<ReportInfo>[] = [
    { name: "report", label: w.report, show: (r) => say([r.title_vi, r.title_en]) },
    { name: "files", label: w.files, show: (r) => <><a href={file(r.name, "csv")} download>CSV</a> · <a href={file(r.name, "xlsx")} download>XLSX</a></> },
  ];
  const page = "/reports/monthly?" + new URLSearchParams({ ...(unit && { unit }), ...(month && { month }) }).toString();
  return (
    <Page title={w.exports} lead={w.exportsLead}>
      <Filters>
        <Field label={w.unitCode} value={unit} onInput={(v) => setUnit(v, true)} />
        <Field label={w.oneMonth} type="month" value={month} onInput={(v) => setMonth(v, true)} />
      </Filters>
      <Section title={w.steering}>
        <p>{w.steeringText}</p>
        <a href={page} target="_blank" rel="noreferrer">{w.open}</a>
      </Section>
      <Section title={w.exports}>
        <Show of={list}>{(l) => <Table title={w.exports} columns={columns} rows={l ?? []} id={(r) => r.name} />}</Show>
      </Section>
      <Section title={w.allActivities}>
        <p>{w.allActivitiesText}</p>
        <AllActivities unit={unit} month={month} />
      </Section>
    </Page>
  );
}

/** What begins like a formula becomes a text, as in the server's own files. */
const inert = (s: string) => (/^[\s\u00a0]*[=+\-@\t＝＋－＠]/.test(s) ? "'" + s : s);
const quoted = (s: string) => '"' + inert(s).replace(/"/g, '""') + '"';
const row = (a: ActivityItem) =>
  [a.id, a.day, a.kind, a.unit, a.place, a.commune, a.team, a.result, a.state, a.straddling ? "x" : "", JSON.stringify(a.fields)].map(quoted).join(",");
const head = "id,day,kind,unit,place,commune,team,result,state,straddling,fields";

function AllActivities({ unit, month }: { unit: string; month: string }) {
  const [done, setDone] = useState<{ n: number; all: number }>();
  const halt = useRef(false);
  const run = async () => {
    halt.current = false;
    const count = await call("GET /v1/reports/{name}", { path: { name: "activities" }, query: month ? { unit, month } : { unit, from: "2020-01-01" } });
    const at = (count.columns ?? []).findIndex((c) => c.name === "activities");
    const all = (count.rows ?? []).reduce((n, r) => n + Number((r ?? [])[at]), 0);
    const lines = [head];
    let cursor: string | undefined;
    setDone({ n: 0, all });
    do {
      const page = await call("GET /v1/activity", { query: { unit, limit: 1000, cursor, ...(month && { from: month + "-01", to: lastDay(month) }) } });
      for (const a of page.items ?? []) lines.push(row(a));
      cursor = page.next;
      setDone({ n: lines.length - 1, all });
    } while (cursor && !halt.current);
    setDone(undefined);
    if (halt.current) return;
    save("thonsync-activities.csv", "\ufeff" + lines.join("\r\n") + "\r\n");
    tell({ text: fill(w.fetched, { n: number(lines.length - 1) }), tone: "good" });
  };
  return (
    <div class="actions">
      <Button kind="main" onClick={run}>{w.fetch}</Button>
      {done && <Progress label={fill(w.fetching, { n: number(done.n) })} value={Math.min(done.n, done.all)} max={Math.max(1, done.all)} />}
      {done && <Button onClick={() => void (halt.current = true)}>{w.stop}</Button>}
    </div>
  );
}

/** The last day of a month YYYY-MM. */
function lastDay(month: string): string {
  const [y = 0, m = 0] = month.split("-").map(Number);
  return new Date(Date.UTC(y, m, 0)).toISOString().slice(0, 10);
}

function save(name: string, text: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "text/csv;charset=utf-8" }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
