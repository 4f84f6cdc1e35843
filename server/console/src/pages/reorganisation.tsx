// Reorganisations of the units: plan, see whom it touches, carry out, place what
// was split, take back.
import { useId, useState } from "preact/hooks";
import { address, call, type PlanResult, type Reorganisation, type ToBePlaced, type Touched, type TouchedCount } from "../api";
import { asProblem, Badge, Button, changed, Check, type Column, day, Empty, Field, Figure, Figures, fill, Filters, Form, go, kit, Link, Notice, number, Page, ProblemNotice, say, Section, Select, Show, Table, tell, time, useLoad, useQuery, withQuery } from "../kit";
import { useSession } from "../session";
import { actions, kinds, states, w } from "../words/reorganisation";

const part = "reorganisation";
const pageSize = 100;

export default function Reorganisations() {
  const [id] = useQuery("id");
  const [planning] = useQuery("plan");
  const province = useSession().account.role === "province";
  const list = useLoad(() => call("GET /v1/reorganisations"), [], [part]);
  const open = (v: Reorganisation) => go(withQuery({ id: v.id, plan: "", kind: "", done: "" }));
  const columns: Column<Reorganisation>[] = [
    { name: "name", label: w.name, show: (v) => <Link href={withQuery({ id: v.id, plan: "" })}>{v.name}</Link> },
    { name: "lists", label: w.lists, show: (v) => <code>{v.from_list} → {v.to_list}</code> },
    { name: "from", label: w.from, show: (v) => date(v.effective) },
    { name: "state", label: w.state, show: (v) => <State of={v} /> },
    { name: "placed", label: w.placed, show: (v) => `${number(v.placed)} / ${number(v.placed + v.to_place)}` },
  ];
  const planIt = province && !planning && <Button kind="main" onClick={() => go(withQuery({ plan: "1", id: "" }))}>{w.plan}</Button>;
  return (
    <Page title={w.title} lead={w.lead} actions={planIt}>
      {province && planning && <Plan done={(v) => { changed(part); open(v); }} />}
      <Show of={list}>
        {(all) => {
          const chosen = (all ?? []).find((v) => v.id === id) ?? (planning ? undefined : all?.[0]);
          const none = <Empty title={w.none}><p>{province ? w.noneHelp : w.noneOfficer}</p>{planIt && <div class="actions">{planIt}</div>}</Empty>;
          return (
            <>
              {(all?.length !== 0 || !planning) && <Table title={w.list} columns={columns} rows={all ?? []} id={(v) => v.id} selected={chosen?.id} empty={none} />}
              {chosen && <One key={chosen.id} of={chosen} />}
            </>
          );
        }}
      </Show>
    </Page>
  );
}

const date = (iso: string) => day(Date.parse(iso + "T00:00:00+07:00"));

function State({ of }: { of: Reorganisation }) {
  const tone = of.state === "complete" ? "good" : of.state === "applied" || of.state === "partly-placed" ? "warn" : of.state === "planned" ? "info" : "plain";
  return <Badge tone={tone}>{states[of.state] ? say(states[of.state]!) : of.state}</Badge>;
}

/** The form that plans, with its preview. */
function Plan({ done }: { done: (v: Reorganisation) => void }) {
  const [name, setName] = useState("");
  const [units, setUnits] = useState<File>();
  const [lineage, setLineage] = useState<File>();
  const [dry, setDry] = useState<PlanResult>();
  const send = async (dry_run: boolean) => {
    if (!units || !lineage) throw new Error(w.noFile);
    const body = { name, units: await base64(units), lineage: await base64(lineage), dry_run };
    return call("POST /v1/reorganisations", { body });
  };
  const keep = async () => {
    const kept = await send(false);
    if (kept.problems?.length) return setDry(kept);
    tell({ text: w.kept, tone: "good" });
    done(kept.plan);
  };
  const bad = dry?.problems ?? [];
  return (
    <Section title={w.plan}>
      <Form submit={w.preview} onSubmit={async () => setDry(await send(true))} onCancel={() => go(withQuery({ plan: "" }))}>
        <Field label={w.nameOf} value={name} onInput={setName} />
        <FileField label={w.unitsFile} hint={w.unitsHint} onChange={(f) => { setUnits(f); setDry(undefined); }} />
        <FileField label={w.lineageFile} hint={w.lineageHint} onChange={(f) => { setLineage(f); setDry(undefined); }} />
      </Form>
      {bad.length > 0 && (
        <Notice tone="bad" title={w.problems}>
          <ul>
            {bad.slice(0, 20).map((p, i) => <li key={i} lang="en">{fill(w.row, { table: p.table, row: p.row, rule: p.rule })}</li>)}
          </ul>
          {bad.length > 20 && <p>{fill(w.more, { n: bad.length - 20 })}</p>}
        </Notice>
      )}
      {dry && bad.length === 0 && (
        <>
          <h3>{w.previewed}</h3>
          <Counts list={dry.counts ?? []} />
          {dry.plan.elsewhere > 0 && <p class="faint">{fill(w.elsewhere, { n: number(dry.plan.elsewhere) })}</p>}
          <div class="actions"><Button kind="main" onClick={keep}>{w.keep}</Button></div>
        </>
      )}
    </Section>
  );
}

function FileField({ label, hint, onChange }: { label: string; hint: string; onChange: (f?: File) => void }) {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <input id={id} type="file" required accept=".csv,.xlsx" aria-describedby={id + "h"} onChange={(e) => onChange(e.currentTarget.files?.[0])} />
      <small id={id + "h"}>{hint}</small>
    </div>
  );
}

async function base64(f: File): Promise<string> {
  let text = "";
  for (const b of new Uint8Array(await f.arrayBuffer())) text += String.fromCharCode(b);
  return btoa(text);
}

const capital = (s: string) => s.charAt(0).toUpperCase() + s.slice(1);

function Counts({ list }: { list: TouchedCount[] }) {
  const rows = Object.keys(kinds).filter((k) => list.some((c) => c.kind === k));
  return (
    <Figures>
      {rows.map((k) => {
        const mine = list.filter((c) => c.kind === k);
        const place = mine.filter((c) => c.action === "place").reduce((n, c) => n + c.number, 0);
        return <Figure key={k} label={capital(say(kinds[k]!))} value={number(mine.reduce((n, c) => n + c.number, 0))} note={place > 0 ? `${number(place)}: ${say(actions["place"]!)}` : undefined} tone={place > 0 ? "warn" : undefined} />;
      })}
    </Figures>
  );
}

/** One reorganisation: how far it is, the queue, what it touches. */
function One({ of }: { of: Reorganisation }) {
  const role = useSession().account.role;
  const path = { id: of.id };
  const [problem, setProblem] = useState<unknown>();
  const act = (f: () => Promise<unknown>) => async () => {
    try {
      setProblem(undefined);
      await f();
    } catch (e) {
      setProblem(e);
    }
    changed(part);
  };
  const undo = act(async () => {
    const r = await call("POST /v1/reorganisations/{id}/undo", { path });
    const left = r.left?.length ? " " + fill(w.left, { n: number(r.left.length) }) : "";
    tell({ text: fill(w.undone, { n: number(r.restored) }) + left, tone: left ? "warn" : "good" });
  });
  const apply = act(async () => {
    await call("POST /v1/reorganisations/{id}/apply", { path });
    tell({ text: w.applied, tone: "good", undo });
  });
  const drop = act(async () => {
    await call("POST /v1/reorganisations/{id}/drop", { path });
    tell({ text: w.dropped });
    go(withQuery({ id: "" }));
  });
  const running = of.state === "applied" || of.state === "partly-placed" || of.state === "complete";
  const help = of.state === "planned" ? w.planHelp : of.state === "reversed" ? w.reversedHelp : of.state === "complete" ? w.completeHelp : "";
  return (
    <>
      <Section title={of.name}>
        <Figures>
          <Figure label={w.ended} value={number(of.units_ended)} />
          <Figure label={w.made} value={number(of.units_made)} />
          <Figure label={w.split} value={number(of.communes_split)} />
          <Figure label={w.toPlace} value={number(of.to_place)} tone={of.to_place > 0 ? "warn" : "good"} note={fill("{n} / {all}", { n: number(of.placed), all: number(of.placed + of.to_place) }) + " " + w.placed.toLowerCase()} />
        </Figures>
        {help && <p>{help}</p>}
        {of.elsewhere > 0 && <p class="faint">{fill(w.elsewhere, { n: number(of.elsewhere) })}</p>}
        {problem !== undefined && <ProblemNotice problem={asProblem(problem, kit.offline)} />}
        {role === "province" && (
          <div class="actions">
            {of.state === "planned" && <Button kind="main" onClick={apply}>{w.apply}</Button>}
            {of.state === "planned" && <Button onClick={drop}>{w.drop}</Button>}
            {running && <Button kind="danger" onClick={undo}>{w.undo}</Button>}
          </div>
        )}
      </Section>
      {running && role !== "auditor" && <Queue of={of} />}
      {role !== "officer" && <TouchedList of={of} />}
    </>
  );
}

/** Villages, teams and points that a person places. */
function Queue({ of }: { of: Reorganisation }) {
  const path = { id: of.id };
  const [done, setDone] = useQuery("done");
  const [size, setSize] = useState(pageSize);
  const queue = useLoad(() => call("GET /v1/reorganisations/{id}/queue", { path, query: { open: done === "", limit: size } }), [of.id, done, size], [part]);
  const put = async (it: ToBePlaced, to: string) => {
    await call("POST /v1/reorganisations/{id}/place", { path, body: { place: [{ subject: it.subject, to }] } });
    changed(part);
  };
  const place = (it: ToBePlaced, to: string, where: string) => async () => {
    const next = it.to === to ? "" : to;
    await put(it, next);
    tell({ text: next ? fill(w.placedIn, { what: it.name, where }) : fill(w.takenBack, { what: it.name }), tone: "good", undo: () => put(it, it.to ?? "") });
  };
  const columns: Column<ToBePlaced>[] = [
    { name: "what", label: w.what, show: (it) => <><strong>{it.name}</strong> {it.kind !== "village" && <Badge>{say(kinds[it.kind]!)}</Badge>}</> },
    { name: "old", label: w.oldCommune, show: (it) => it.from_name },
    { name: "team", label: w.team, show: (it) => it.team ?? "" },
    { name: "phones", label: w.phones, show: (it) => number(it.phones) },
    {
      name: "to", label: w.goesTo, show: (it) => (
        <div class="actions">
          {(it.candidates ?? []).map((c) => (
            <Button key={c.unit} pressed={it.to === c.unit} label={fill(w.place, { what: it.name, where: c.name })} onClick={place(it, c.unit, c.name)}>{c.name}</Button>
          ))}
          {it.to && <span class="faint">{time(it.at_ms)}</span>}
        </div>
      ),
    },
  ];
  const officer = useSession().account.role === "officer";
  const none = officer
    ? <Empty title={w.queueOfficer}><p>{w.queueOfficerHelp}</p></Empty>
    : of.placed + of.to_place === 0
    ? <Empty title={w.queueEmpty}><p>{w.queueEmptyHelp}</p></Empty>
    : <Empty title={w.queueNone}><p>{w.queueNoneHelp}</p></Empty>;
  return (
    <Section title={w.queue}>
      <p class="faint">{w.queueHelp}</p>
      <Filters><Check label={w.open} checked={done === ""} onChange={(on) => setDone(on ? "" : "1")} /></Filters>
      <Show of={queue}>
        {(q) => <Table title={w.queue} columns={columns} rows={q.items ?? []} id={(it) => it.subject} empty={none} onMore={q.next && size < 1000 ? () => setSize(size + pageSize) : undefined} />}
      </Show>
    </Section>
  );
}

/** Everything that the reorganisation touches. */
function TouchedList({ of }: { of: Reorganisation }) {
  const path = { id: of.id };
  const [kind, setKind] = useQuery("kind");
  const [size, setSize] = useState(pageSize);
  const list = useLoad(() => call("GET /v1/reorganisations/{id}/touched", { path, query: { kind: (kind || undefined) as Touched["kind"] | undefined, limit: size } }), [of.id, kind, size], [part]);
  const columns: Column<Touched>[] = [
    { name: "kind", label: w.kind, show: (t) => say(kinds[t.kind] ?? [t.kind, t.kind]) },
    { name: "name", label: w.name, show: (t) => <>{t.name || <code>{t.id.slice(0, 13)}</code>} {t.count > 0 && <Badge tone="warn">{fill(w.changes, { n: number(t.count) })}</Badge>}</> },
    { name: "in", label: w.nowIn, show: (t) => t.unit_name },
    { name: "becomes", label: w.becomes, show: (t) => <Badge tone={t.action === "place" ? "warn" : t.action === "follows" ? "good" : "plain"}>{say(actions[t.action] ?? [t.action, t.action])}</Badge> },
    { name: "to", label: w.to, show: (t) => t.to_name },
  ];
  const file = (format: "csv" | "xlsx") => address("GET /v1/reorganisations/{id}/touched/{format}", { path: { id: of.id, format } });
  return (
    <Section title={w.touched}>
      <Filters>
        <Select label={w.kind} value={kind} onChange={(k) => { setSize(pageSize); setKind(k); }} options={[["", w.everything], ...Object.entries(kinds).map(([k, t]) => [k, say(t)] as const)]} />
        <a href={file("csv")} download>{w.csv}</a>
        <a href={file("xlsx")} download>{w.xlsx}</a>
      </Filters>
      <Show of={list}>
        {(t) => <Table title={w.touched} columns={columns} rows={t.items ?? []} id={(x) => x.kind + x.id + x.unit} empty={<Empty title={w.touchedNone}><p>{w.touchedNoneHelp}</p></Empty>} onMore={t.next && size < 1000 ? () => setSize(size + pageSize) : undefined} />}
      </Show>
    </Section>
  );
}
