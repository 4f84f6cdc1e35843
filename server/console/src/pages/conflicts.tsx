// Contested fields: the queue, one record with who wrote what and when, settling
// one or many alike, and taking it back.
import { useState } from "preact/hooks";
import { call, type Conflict, type Settling, type ShapeCount, type StandingValue, type ValueWriter } from "../api";
import { Badge, Button, changed, Empty, Field, fill, Filters, Form, go, Link, Notice, number, Page, say, Section, Select, Show, Table, tell, time, useLoad, useQuery, withQuery, english, type Column } from "../kit";
import { useSession } from "../session";
import { asks, fields, hows, reasons, replies, texts, w } from "../words/conflicts";

const parts = ["records"];

export default function Conflicts() {
  const [view, setView] = useQuery("view", "queue");
  const [record] = useQuery("record");
  const [shape] = useQuery("alike");
  const session = useSession();
  const views = [["queue", w.queue], ["alike", w.alike], ["settled", w.settled]] as const;
  return (
    <Page title={w.title} lead={w.lead}>
      {session.atPoint && <Notice>{w.atPoint}</Notice>}
      <Filters>
        <div class="actions" role="group" aria-label={w.views}>
          {views.map(([name, label]) => (
            <Button key={name} pressed={view === name} onClick={() => go(location.pathname + (name === "queue" ? "" : "?view=" + name))}>
              {label}
            </Button>
          ))}
        </div>
      </Filters>
      {record ? <Record key={record} id={record} /> : shape ? <Preview key={shape} shape={shape} /> : view === "alike" ? <Alike /> : view === "settled" ? <Settled /> : <Queue onClear={() => setView("")} />}
    </Page>
  );
}

const fieldName = (c: Conflict) => (english ? c.label_en : c.label_vi) || (fields[c.field] ? say(fields[c.field]!) : c.field);
const valueName = (v: StandingValue) => (v.empty ? w.cleared : (english ? v.label_en : v.label_vi) || (texts[v.text] ? say(texts[v.text]!) : v.text));
const reasonName = (reason: string) => say(reasons[reason || "none"] ?? ["", ""]);

function Values({ of }: { of: Conflict }) {
  if (of.hidden) return <span class="faint">{fill(w.personalHidden, { n: of.values?.length ?? 0 })}</span>;
  return (
    <>
      {(of.values ?? []).map((v) => (
        <span key={v.number}>
          <Badge tone={v.number === of.suggested ? "good" : "plain"}>{valueName(v)}</Badge>{" "}
        </span>
      ))}
    </>
  );
}

const columns: Column<Conflict>[] = [
  { name: "unit", label: w.unit, show: (c) => c.unit_name || c.unit, sort: (c) => c.unit_name },
  { name: "what", label: w.what, show: (c) => <>{c.kind || c.collection} <span class="faint">{c.occurred}</span></> },
  { name: "field", label: w.field, show: fieldName, sort: fieldName },
  { name: "values", label: w.values, show: (c) => <Values of={c} /> },
  { name: "reason", label: w.reason, show: (c) => <>{reasonName(c.reason)} {(c.questions?.length ?? 0) > 0 && <Badge tone="info">{replied(c)}</Badge>}</> },
];

function replied(c: Conflict): string {
  const answer = c.questions?.flatMap((q) => q.answers ?? []).at(-1);
  return answer ? w.answered + ": " + say(replies[answer.answer] ?? ["", ""]) : w.noAnswer;
}

function Queue({ onClear }: { onClear: () => void }) {
  const [reason, setReason] = useQuery("reason");
  const [field] = useQuery("field");
  const [size, setSize] = useState(50);
  const list = useLoad(() => call("GET /v1/conflicts", { query: { reason: reason as "", field, limit: size } }), [reason, field, size], parts);
  const withOpen: Column<Conflict>[] = [...columns, { name: "open", label: w.open, show: (c) => <Link href={withQuery({ record: c.record })}>{w.open}</Link> }];
  return (
    <>
      <Filters>
        <Select label={w.reason} value={reason} onChange={setReason} options={[["", w.all], ...Object.entries(reasons).map(([k, t]) => [k, say(t)] as const)]} />
        {(reason || field) && <Button onClick={onClear}>{w.clear}</Button>}
      </Filters>
      <Show of={list}>
        {(page) => (
          <Table title={w.title} columns={withOpen} rows={page.conflicts ?? []} id={(c) => c.record + c.field}
            onMore={page.next && size < 200 ? () => setSize(200) : undefined}
            empty={<Empty title={w.none}><p>{w.noneHelp}</p></Empty>} />
        )}
      </Show>
    </>
  );
}

function Record({ id }: { id: string }) {
  const shown = useLoad(() => call("GET /v1/conflicts/records/{id}", { path: { id } }), [id], parts);
  return (
    <>
      <p><Link href={withQuery({ record: "" })}>← {w.back}</Link></p>
      <Show of={shown}>
        {(r) => (
          <>
            {(r.conflicts ?? []).length === 0 && <Empty title={w.done}><p><Link href={location.pathname}>{w.back}</Link></p></Empty>}
            {(r.conflicts ?? []).map((c) => <One key={c.field} of={c} onChange={shown.reload} />)}
            {(r.questions ?? []).length > 0 && (
              <Section title={w.askedTitle}>
                {(r.questions ?? []).map((q) => (
                  <p key={q.id}>
                    {fill(w.askedAt, { at: time(q.asked_ms), what: say(asks[q.asks] ?? ["", ""]) })} ({fields[q.field] ? say(fields[q.field]!) : q.field}){" "}
                    {(q.answers ?? []).length === 0 ? <Badge tone="warn">{w.noAnswer}</Badge> : (q.answers ?? []).map((x) => <Badge key={x.phone} tone="good">{w.answered}: {say(replies[x.answer] ?? ["", ""])}</Badge>)}
                  </p>
                ))}
              </Section>
            )}
            {(r.settled ?? []).length > 0 && <Past list={r.settled ?? []} onChange={shown.reload} />}
          </>
        )}
      </Show>
    </>
  );
}

/** Takes a settling or a batch back. */
async function undo(id: string) {
  await call("POST /v1/conflicts/settled/{id}/undo", { path: { id } });
  changed(...parts);
}

function One({ of, onChange }: { of: Conflict; onChange: () => Promise<void> }) {
  const [text, setText] = useState("");
  const session = useSession();
  const settle = async (more: { value?: number; text?: string }) => {
    const done = await call("POST /v1/conflicts/settle", { body: { record: of.record, field: of.field, standing: of.standing, ...more } });
    const made = done.settlements?.[0];
    tell({ text: done.already ? w.already : w.settledOne, tone: "good", undo: made && !done.already ? () => undo(made.id) : undefined });
    changed(...parts);
    await onChange();
  };
  const ask = async (what: "which" | "right" | "happened") => {
    await call("POST /v1/conflicts/ask", { body: { record: of.record, field: of.field, asks: what } });
    tell({ text: w.asked, tone: "good" });
    changed(...parts);
    await onChange();
  };
  const fixed = of.hidden || session.atPoint;
  return (
    <>
      <Section title={fieldName(of)}>
        <p class="faint">{of.unit_name || of.unit} · {of.kind || of.collection} {of.occurred}</p>
        {of.reason ? <Notice tone="good" title={fill(w.suggestion, { n: of.suggested })}>{reasonName(of.reason)}</Notice> : <Notice title={w.noSuggestion}>{w.noSuggestionHelp}</Notice>}
        {of.hidden && <Notice tone="warn">{w.personalClosed}</Notice>}
        <Table title={w.values} rows={of.values ?? []} id={(v) => String(v.number)} columns={[
          { name: "value", label: w.values, show: (v) => <>{v.number}. {!of.hidden && <strong>{valueName(v)}</strong>} {v.number === 1 && of.field !== "void" && <Badge>{w.shown}</Badge>} {v.number === of.suggested && <Badge tone="good">{w.suggested}</Badge>}</> },
          { name: "who", label: w.writer, show: (v) => (v.by ?? []).map((b) => <Writer key={b.origin + b.seq} of={b} />) },
          ...(fixed ? [] : [{ name: "choose", label: w.pick, show: (v: StandingValue) => <Button kind={v.number === of.suggested ? "main" : undefined} label={w.choose + ": " + valueName(v)} onClick={() => settle({ value: v.number })}>{w.choose}</Button> }]),
        ]} />
      </Section>
      {!fixed && of.field !== "void" && of.collection === "activity" && (
        <Section title={w.other}>
          <Form submit={w.otherSave} onSubmit={() => settle({ text })}>
            <Field label={fieldName(of)} hint={w.otherHelp} value={text} onInput={setText} />
          </Form>
        </Section>
      )}
      {!session.atPoint && of.collection === "activity" && (
        <Section title={w.ask}>
          <p class="faint">{w.askHelp}</p>
          <div class="actions">
            {(["which", "right", "happened"] as const).map((what) => <Button key={what} onClick={() => ask(what)}>{say(asks[what] ?? ["", ""])}</Button>)}
          </div>
        </Section>
      )}
    </>
  );
}

function Writer({ of }: { of: ValueWriter }) {
  const who = of.author_name || (of.author ?? "").slice(0, 8) || (of.role === "phone" ? "–" : w.officer);
  const span = of.earliest_ms ? fill(w.between, { from: time(of.earliest_ms), to: time(of.latest_ms) }) : fill(w.before, { to: time(of.latest_ms) });
  return (
    <div>
      {of.role === "phone" ? fill(w.by, { who, phone: of.phone || "–" }) : w.officer} {of.recorder && <Badge tone="info">{w.recorder}</Badge>}
      <div class="faint">{span}; {fill(w.phoneSays, { at: time(of.phone_ms) })}</div>
    </div>
  );
}

function Alike() {
  const sum = useLoad(() => call("GET /v1/conflicts/summary"), [], parts);
  const shapes: Column<ShapeCount>[] = [
    { name: "count", label: w.count, show: (g) => number(g.count), numeric: true, sort: (g) => g.count },
    { name: "field", label: w.field, show: (g) => <>{fieldName(g.example)} <span class="faint">{g.example.kind}</span></> },
    { name: "values", label: w.values, show: (g) => <Values of={g.example} /> },
    { name: "reason", label: w.reason, show: (g) => reasonName(g.example.reason) },
    { name: "open", label: w.preview, show: (g) => <Link href={withQuery({ alike: g.shape })}>{w.preview}</Link> },
  ];
  return <Show of={sum}>{(s) => <Table title={w.alike} columns={shapes} rows={s.groups ?? []} id={(g) => g.shape} empty={<Empty title={w.none}><p>{w.noneHelp}</p></Empty>} />}</Show>;
}

function Preview({ shape }: { shape: string }) {
  const session = useSession();
  const list = useLoad(() => call("GET /v1/conflicts/shapes/{shape}", { path: { shape } }), [shape]);
  return (
    <>
      <p><Link href={withQuery({ alike: "", view: "alike" })}>← {w.back}</Link></p>
      <Show of={list}>
        {(page) => {
          const all = page.conflicts ?? [];
          const first = all[0];
          if (!first) return <Empty title={w.none}><p>{w.noneHelp}</p></Empty>;
          const settle = async (text?: string) => {
            const done = await call("POST /v1/conflicts/settle-alike", { body: { shape, text, of: all.map((c) => ({ record: c.record, field: c.field, standing: c.standing })) } });
            const made = done.settlements ?? [];
            const left = done.skipped?.length ?? 0;
            tell({ text: fill(w.settledMany, { n: made.length }) + (left ? " " + fill(w.skipped, { n: left }) : ""), tone: "good", undo: made[0] && (() => undo(made[0]!.batch)) });
            changed(...parts);
            go(location.pathname + "?view=alike");
          };
          return (
            <Section title={fill(w.previewTitle, { n: number(all.length) })}>
              {!session.atPoint && !first.hidden && (
                <div class="actions">
                  {first.suggested > 0 ? <Button kind="main" onClick={() => settle()}>{fill(w.settleAll, { n: number(all.length) })}</Button>
                    : first.compartment === "operational" && (first.values ?? []).map((v) => <Button key={v.number} onClick={() => settle(v.text)}>{fill(w.settleAllAs, { n: number(all.length), value: valueName(v) })}</Button>)}
                </div>
              )}
              <Table title={w.values} columns={columns} rows={all} id={(c) => c.record + c.field} />
            </Section>
          );
        }}
      </Show>
    </>
  );
}

function Settled() {
  const list = useLoad(() => call("GET /v1/conflicts/settled", { query: { limit: 200 } }), [], parts);
  return <Show of={list}>{(all) => ((all ?? []).length === 0 ? <Empty title={w.nothingSettled}><p>{w.nothingSettledHelp}</p></Empty> : <Past list={all ?? []} onChange={list.reload} />)}</Show>;
}

function Past({ list, onChange }: { list: Settling[]; onChange: () => Promise<void> }) {
  const session = useSession();
  const back = async (id: string) => {
    await undo(id);
    tell({ text: w.undoneNow, tone: "good" });
    await onChange();
  };
  return (
    <Table title={w.settled} rows={list} id={(s) => s.id} columns={[
      { name: "when", label: w.when, show: (s) => time(s.at_ms) },
      { name: "field", label: w.field, show: (s) => <Link href={withQuery({ record: s.record, view: "" })}>{fields[s.field] ? say(fields[s.field]!) : s.field}</Link> },
      { name: "how", label: w.how, show: (s) => say(hows[s.how] ?? ["", ""]) },
      { name: "who", label: w.who, show: (s) => <code>{s.actor.slice(0, 8)}</code> },
      { name: "undo", label: w.undo, show: (s) => s.undone_ms ? <span class="faint">{fill(w.undone, { at: time(s.undone_ms) })}</span> : !session.atPoint && <Button label={w.undo + " " + s.field} onClick={() => back(s.id)}>{w.undo}</Button> },
    ]} />
  );
}
