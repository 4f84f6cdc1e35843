// What citizens ask for about their data: the queue, and one request with what
// to do next. The state of the page is in the address: number, new, all.
import { useState } from "preact/hooks";
import { call, type RequestAct, type RequestRecord, type RequestView, type Step } from "../api";
import { Badge, Button, Check, day, Empty, english, Field, fill, Filters, Form, go, Link, Notice, number, Page, say, Select, Show, Table, tell, time, useLoad, useQuery, withQuery, type Column, type Text } from "../kit";
import { acts, channels, kinds, reasons, w } from "../words/requests";

export default function Requests() {
  const [selected] = useQuery("number");
  const [adding] = useQuery("new");
  if (adding) return <Add />;
  if (selected) return <One key={selected} name={selected} />;
  return <Queue />;
}

const word = (table: Record<string, Text>, key?: string) => (key && table[key] ? say(table[key]) : (key ?? ""));
const choices = (table: Record<string, Text>, keys: readonly string[]) => keys.map((k) => [k, word(table, k)] as const);

function Queue() {
  const [all, setAll] = useQuery("all");
  const list = useLoad(() => call("GET /v1/requests", { query: { all: all !== "" } }), [all]);
  const columns: Column<RequestView>[] = [
    { name: "number", label: w.number, show: (r) => <Link href={withQuery({ number: r.number })}>{r.number}</Link>, sort: (r) => r.number },
    { name: "kind", label: w.kind, show: (r) => word(kinds, r.kind), sort: (r) => word(kinds, r.kind) },
    { name: "received", label: w.received, show: (r) => day(r.received_ms), sort: (r) => r.received_ms },
    { name: "answer", label: w.answerBy, show: (r) => (r.acknowledged || r.answered ? "✓" : time(r.answer_by_ms)), sort: (r) => r.answer_by_ms ?? 0 },
    { name: "done", label: w.doneBy, show: (r) => day(r.done_by_ms), sort: (r) => r.done_by_ms },
    { name: "records", label: w.records, show: (r) => number(r.records?.length ?? 0), numeric: true },
    { name: "state", label: w.state, show: state },
  ];
  return (
    <Page title={w.title} lead={w.lead}>
      <Filters>
        <Button kind="main" onClick={() => go(withQuery({ new: "1" }))}>{w.add}</Button>
        <Check label={w.all} checked={all !== ""} onChange={(on) => setAll(on ? "1" : "")} />
      </Filters>
      <Show of={list}>
        {(l) => <Table title={w.title} columns={columns} rows={l.requests ?? []} id={(r) => r.number} empty={<Empty title={w.none}><p>{w.noneHelp}</p></Empty>} />}
      </Show>
    </Page>
  );
}

function state(r: RequestView) {
  if (!r.open) return <Badge tone="good">{w.closed}</Badge>;
  return r.overdue ? <Badge tone="bad">{w.overdue}</Badge> : <Badge tone="info">{w.open}</Badge>;
}

function Add() {
  const [kind, setKind] = useState("see");
  const [channel, setChannel] = useState("office");
  const [id, setID] = useState("");
  const [ids, setIDs] = useState("");
  const [shared, setShared] = useState(false);
  const send = async () => {
    const records = ids.split(/\s+/).filter((s) => s !== "");
    const r = await call("POST /v1/requests", { body: { kind, channel, shared, ...(id && { id_number: id.replace(/\s/g, "") }), ...(records.length > 0 && { records }) } });
    go(withQuery({ new: "", number: r.number }), true);
  };
  return (
    <Page title={w.add} lead={w.lead}>
      <Form onSubmit={send} submit={w.add} onCancel={() => go(withQuery({ new: "" }))}>
        <Select label={w.kind} value={kind} onChange={setKind} options={choices(kinds, Object.keys(kinds))} />
        <Select label={w.channel} value={channel} onChange={setChannel} options={choices(channels, Object.keys(channels).filter((c) => c !== "automatic"))} />
        <Field label={w.idNumber} hint={w.idNumberHint} value={id} onInput={setID} inputMode="numeric" pattern="[0-9 ]*" />
        <Field label={w.recordIds} hint={w.recordIdsHint} value={ids} onInput={setIDs} lines={2} />
        <Check label={w.shared} checked={shared} onChange={setShared} />
      </Form>
    </Page>
  );
}

function One({ name }: { name: string }) {
  const [version, again] = useState(0);
  const one = useLoad(() => call("GET /v1/requests/{number}", { path: { number: name } }), [name, version]);
  const reload = () => again((v) => v + 1);
  return (
    <Page title={`${w.title} · ${name}`}>
      <p class="noprint"><Link href={withQuery({ number: "" })}>← {w.back}</Link></p>
      <Show of={one}>
        {(r) => (
          <>
            <p>
              {state(r)} <strong>{word(kinds, r.kind)}</strong> · {word(channels, r.channel)} · {w.received} {time(r.received_ms)} · {w.doneBy} {time(r.done_by_ms)}
            </p>
            {r.same && r.same.length > 0 && (
              <p>{w.same}: {r.same.map((n) => <><Link href={withQuery({ number: n })}>{n}</Link> </>)}</p>
            )}
            {r.backups_until_ms ? <Notice>{fill(w.backups, { day: day(r.backups_until_ms) })}</Notice> : null}
            {r.open && <Next r={r} reload={reload} />}
            <Records r={r} reload={reload} />
            <Recipients r={r} reload={reload} />
            <History steps={r.steps ?? []} />
          </>
        )}
      </Show>
    </Page>
  );
}

interface Part {
  r: RequestView;
  reload: () => void;
}

/** Notes a step of a request. */
const act = (r: RequestView, body: RequestAct) => call("POST /v1/requests/{number}/steps", { path: { number: r.number }, body });

/** What may be done now, the most useful first. */
function Next({ r, reload }: Part) {
  const [reason, setReason] = useState("complex");
  const path = { number: r.number };
  const done = async (p: Promise<unknown>) => {
    await p;
    reload();
  };
  const keeps = r.kind === "erase" || r.kind === "withdraw" || r.kind === "object";
  return (
    <section class="panel">
      <h2>{w.next}</h2>
      <div class="actions">
        {!r.acknowledged && !r.answered && r.kind !== "breach" && <Button kind="main" onClick={() => done(act(r, { act: "acknowledged" }))}>{w.acknowledge}</Button>}
        {r.kind === "see" && (r.records?.length ?? 0) > 0 && <Button onClick={() => done(sheet(r))}>{w.sheet}</Button>}
        {r.kind === "breach" && !r.answered && <Button onClick={() => done(call("POST /v1/requests/{number}/answer", { path, body: { how: "notice" } }))}>{w.notice}</Button>}
        {r.answered && <Button kind="main" onClick={() => done(act(r, { act: "closed", outcome: "done" }))}>{w.close}</Button>}
      </div>
      {r.kind === "see" && <p class="faint">{w.sheetNote}</p>}
      {r.kind === "correct" && !r.answered && <Notice>{w.correct}</Notice>}
      {keeps && !r.answered && (r.records?.length ?? 0) > 0 && <Erase r={r} reload={reload} />}
      <Filters>
        <Select label={w.reason} value={reason} onChange={setReason} options={choices(reasons, Object.keys(reasons))} />
        {!r.extended && !r.answered && <Button onClick={() => done(act(r, { act: "extended", reason }))}>{w.extend}</Button>}
        {keeps && !r.answered && <Button onClick={() => done(call("POST /v1/requests/{number}/answer", { path, body: { how: "retention", reason } }))}>{w.keep}</Button>}
        <Button onClick={() => done(act(r, { act: "closed", outcome: "refused", reason }))}>{w.refuse}</Button>
        <Button kind="quiet" onClick={() => done(act(r, { act: "closed", outcome: "taken-back" }))}>{w.takeBack}</Button>
      </Filters>
    </section>
  );
}

/** Erasing cannot be undone, so the number is typed. */
function Erase({ r, reload }: Part) {
  const [typed, setTyped] = useState("");
  const n = r.records?.length ?? 0;
  const send = async () => {
    if (typed.trim() !== String(n)) throw new Error(fill(w.eraseWrong, { n }));
    await call("POST /v1/requests/{number}/erase", { path: { number: r.number }, body: { records: n } });
    tell({ text: fill(w.eraseDone, { number: r.number }), tone: "good" });
    reload();
  };
  return (
    <Form onSubmit={send} submit={fill(w.erase, { n })}>
      <Field label={w.eraseCount} hint={w.eraseNote} value={typed} onInput={setTyped} inputMode="numeric" required />
    </Form>
  );
}

/** Makes the sheet and saves it as a file, to be printed and handed over. */
async function sheet(r: RequestView) {
  const html = await call("POST /v1/requests/{number}/sheet", { path: { number: r.number }, body: { lang: english ? "en" : "vi" } });
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([String(html)], { type: "text/html" }));
  link.download = `${r.number}.html`;
  link.click();
  URL.revokeObjectURL(link.href);
}

function Records({ r, reload }: Part) {
  const take = async (record: RequestRecord) => {
    await act(r, { act: "unlinked", records: [record.id] });
    reload();
    tell({ text: w.unlinked, undo: async () => { await act(r, { act: "linked", records: [record.id] }); reload(); } });
  };
  const columns: Column<RequestRecord>[] = [
    { name: "id", label: w.records, show: (x) => <code>{x.id}</code> },
    { name: "kind", label: w.what, show: (x) => x.kind ?? x.what },
    { name: "unit", label: w.unit, show: (x) => x.unit ?? "" },
    { name: "when", label: w.when, show: (x) => x.occurred ?? "" },
    { name: "state", label: w.state, show: (x) => (x.erased ? <Badge tone="good">{w.erased}</Badge> : !x.known ? <Badge tone="warn">{w.unknown}</Badge> : r.open && !r.answered ? <Button kind="quiet" onClick={() => take(x)}>{w.unlink}</Button> : "") },
  ];
  return (
    <section>
      <h2>{w.records}</h2>
      <Table title={w.records} columns={columns} rows={r.records ?? []} id={(x) => x.id} empty={<Empty title={w.noRecords}><p>{w.noRecordsHelp}</p></Empty>} />
    </section>
  );
}

function Recipients({ r, reload }: Part) {
  const list = r.recipients ?? [];
  if (list.length === 0) return null;
  return (
    <section>
      <h2>{w.recipients}</h2>
      <ul>
        {list.map((p) => (
          <li key={p.export}>
            {p.name} · {day(p.at_ms)} {p.told ? <Badge tone="good">{w.told}</Badge> : r.open && <Button onClick={async () => { await act(r, { act: "told", export: p.export }); reload(); }}>{w.tell}</Button>}
          </li>
        ))}
      </ul>
    </section>
  );
}

function History({ steps }: { steps: readonly Step[] }) {
  const columns: Column<Step>[] = [
    { name: "when", label: w.when, show: (s) => time(s.at_ms) },
    { name: "what", label: w.what, show: (s) => word(acts, s.act) },
    { name: "reason", label: w.reason, show: (s) => word(reasons, s.reason) },
  ];
  return (
    <section>
      <h2>{w.steps}</h2>
      <Table title={w.steps} columns={columns} rows={steps} id={(s) => `${s.at_ms}-${s.act}`} />
    </section>
  );
}
