// Lists of what others enrolled: taking one in, and what it says of the records.
import { useState } from "preact/hooks";
import { address, call, type FilePreview, type FileSource, type RegisterFinding, type RegisterProfile, type RegisterRow, type RegisterTeam, type RegisterUpload, type RegisterView, type SampleRow } from "../api";
import { Badge, Button, Check, Empty, Field, Figure, Figures, fill, Filters, Link, Notice, number, Page, Progress, say, Section, Select, Show, Table, tell, time, useLoad, useQuery, type Column } from "../kit";
import { useSession } from "../session";
import { columnWords, w } from "../words/registers";

const pageSize = 100;
const home = "/console/registers";

export default function Registers() {
  const [register] = useQuery("register");
  const [unit] = useQuery("unit");
  return register ? <One id={register} unit={unit} /> : <All unit={unit} />;
}

function All({ unit }: { unit: string }) {
  const { account } = useSession();
  const list = useLoad(() => call("GET /v1/registers", { query: { unit } }), [unit]);
  const province = account.role === "province";
  const columns: Column<RegisterView>[] = [
    { name: "name", label: w.register, show: (r) => <Link href={home + "?register=" + r.id}>{r.name}</Link>, sort: (r) => r.name },
    { name: "share", label: w.share, numeric: true, show: (r) => share(r.sums.share), sort: (r) => r.sums.share },
    { name: "confirmed", label: w.confirmed, numeric: true, show: (r) => number(r.sums.confirmed) },
    { name: "unconfirmed", label: w.unconfirmed, numeric: true, show: (r) => number(r.sums.unconfirmed) },
    { name: "contradicted", label: w.contradicted, numeric: true, show: (r) => number(r.sums.contradicted) },
    { name: "only", label: w.only, numeric: true, show: (r) => number(r.sums.only_in_register) },
  ];
  return (
    <Page title={w.title} lead={w.lead}>
      <Section title={w.lists}>
        <Show of={list}>
          {(l) => <Table title={w.lists} columns={columns} rows={l ?? []} id={(r) => r.id} empty={<Empty title={w.empty}><p>{province ? w.emptyHelp : w.emptyOfficer}</p></Empty>} />}
        </Show>
      </Section>
      {province && <Bring onDone={list.reload} />}
    </Page>
  );
}

const share = (n: number) => (n < 0 ? "–" : number(n) + " %");
const list = (text: string) => text.split(",").map((s) => s.trim()).filter(Boolean);

/** Sends a file in parts, each of which may be sent again. */
async function send(file: File, tell: (done: number) => void): Promise<string> {
  const bytes = new Uint8Array(await file.arrayBuffer());
  const up = await call("POST /v1/registers/uploads", { body: { size: bytes.length } });
  const part = 256 << 10;
  for (let at = 0; at < bytes.length; at += part) {
    tell(at);
    await call("POST /v1/registers/uploads/{id}/parts", { path: { id: up.id }, body: { offset: at, data: base64(bytes.subarray(at, at + part)) } });
  }
  return up.id;
}

function base64(bytes: Uint8Array): string {
  let s = "";
  for (let i = 0; i < bytes.length; i += 4096) s += String.fromCharCode(...bytes.subarray(i, i + 4096));
  return btoa(s);
}

function Bring({ onDone }: { onDone: () => unknown }) {
  const profiles = useLoad(() => call("GET /v1/registers/profiles"), []);
  const [form, set] = useState({ register: "", units: "", from: "", to: "", profile: "", kinds: "CC", window: "60", whole: false });
  const [file, setFile] = useState<File>();
  const [sent, setSent] = useState<{ id: string; file: File }>();
  const [sending, setSending] = useState<number>();
  const [preview, setPreview] = useState<FilePreview>();
  const [columns, setColumns] = useState<Record<string, number>>({});
  const [upload, setUpload] = useState<RegisterUpload>();
  const field = (k: keyof typeof form) => (v: string) => set({ ...form, [k]: v });
  const saved = (profiles.data ?? []).find((p) => p.name === form.profile);
  const adjusted = (own: boolean): RegisterProfile => ({
    ...(saved ?? { columns: {} }),
    name: form.profile || form.register || "?",
    rule: saved?.rule ?? { kinds: list(form.kinds), window_days: Number(form.window) || 0 },
    ...(own && preview && { header_row: preview.header_row || -1, columns: places(columns, preview.headers ?? []) }),
  });
  const source = (own: boolean): FileSource => ({
    register: form.register, units: list(form.units), from: form.from || undefined, to: form.to || undefined, whole: form.whole || undefined, adjusted: adjusted(own),
  });
  const look = async (own: boolean) => {
    if (!file) return;
    let id = sent?.file === file && !upload ? sent.id : "";
    if (!id) {
      id = await send(file, setSending);
      setSending(undefined);
      setSent({ id, file });
      setUpload(undefined);
    }
    const p = await call("POST /v1/registers/uploads/{id}/preview", { path: { id: id }, body: source(own) });
    setPreview(p);
    setColumns(p.columns);
  };
  const run = async (dry: boolean) => {
    if (!sent) return;
    let u = await call("POST /v1/registers/uploads/{id}/import", { path: { id: sent.id }, body: { ...source(true), dry_run: dry } });
    while (u.phase !== "done" && u.phase !== "failed") {
      setUpload(u);
      await new Promise((r) => setTimeout(r, 300));
      u = await call("GET /v1/registers/uploads/{id}", { path: { id: sent.id } });
    }
    setUpload(u);
    if (!dry && u.phase === "done") await onDone();
  };
  return (
    <Section title={w.bring}>
      <p>{w.bringLead}</p>
      <div class="form">
        <div class="field">
          <label for="register-file">{w.file}</label>
          <input id="register-file" type="file" accept=".csv,.txt,.tsv,.xlsx" onChange={(e) => { setFile(e.currentTarget.files?.[0]); setPreview(undefined); setUpload(undefined); }} />
        </div>
        <Field label={w.register} hint={w.registerHint} value={form.register} onInput={field("register")} />
        <Field label={w.units} hint={w.unitsHint} value={form.units} onInput={field("units")} />
        <Filters>
          <Field label={w.from} type="date" value={form.from} onInput={field("from")} />
          <Field label={w.to} type="date" value={form.to} onInput={field("to")} />
        </Filters>
        <Select label={w.profile} value={form.profile} onChange={field("profile")} options={[["", w.guess], ...(profiles.data ?? []).map((p) => [p.name, p.name] as const)]} />
        {!form.profile && <Field label={w.kinds} hint={w.kindsHint} value={form.kinds} onInput={field("kinds")} />}
        {!form.profile && <Field label={w.window} hint={w.windowHint} type="number" value={form.window} onInput={field("window")} />}
        <Check label={w.whole} checked={form.whole} onChange={(on) => set({ ...form, whole: on })} />
        <Button kind="main" disabled={!file} onClick={() => look(false)}>{w.look}</Button>
        {sending !== undefined && <Progress label={w.sending} value={sending} max={file?.size} />}
      </div>
      {preview && <Seen preview={preview} columns={columns} onColumns={setColumns} onAgain={() => look(true)} />}
      {preview && (
        <div class="actions">
          <Button onClick={() => run(true)}>{w.dry}</Button>
          <Button kind="main" onClick={() => run(false)}>{w.take}</Button>
          <Button kind="quiet" onClick={async () => { await call("POST /v1/registers/profiles", { body: adjusted(true) }); await profiles.reload(); tell({ text: w.saved, tone: "good" }); }}>{w.save}</Button>
        </div>
      )}
      {upload && <Outcome upload={upload} />}
    </Section>
  );
}

function places(columns: Record<string, number>, headers: readonly string[]) {
  const out: Record<string, { header?: string; position?: number }> = {};
  for (const [c, at] of Object.entries(columns)) {
    const header = headers[at - 1];
    if (at > 0) out[c] = header ? { header } : { position: at };
  }
  return out;
}

interface SeenProps {
  preview: FilePreview;
  columns: Record<string, number>;
  onColumns: (c: Record<string, number>) => void;
  onAgain: () => Promise<unknown>;
}

function Seen({ preview: p, columns, onColumns, onAgain }: SeenProps) {
  const word = (c: string) => say(columnWords[c] ?? [c, c]);
  const headers = p.headers ?? [];
  const width = Math.max(headers.length, ...(p.samples ?? []).map((s) => (s.cells ?? []).length));
  const options = [["0", w.none], ...Array.from({ length: width }, (_, i) => [String(i + 1), headers[i] || "#" + (i + 1)])] as [string, string][];
  const shown: Column<SampleRow>[] = [
    { name: "row", label: w.row, numeric: true, show: (s) => s.row },
    { name: "number", label: word("id_number"), show: (s) => s.entry?.id_number ?? "" },
    { name: "name", label: word("full_name"), show: (s) => s.entry?.full_name ?? "" },
    { name: "birth", label: word("birth_date"), show: (s) => s.birth_date ?? "" },
    { name: "unit", label: w.unit, show: (s) => s.unit_name || s.entry?.unit || "" },
    { name: "day", label: word("day"), show: (s) => s.entry?.day ?? "" },
    { name: "remark", label: w.remark, show: (s) => <>{!s.entry && <Badge tone="bad">{w.leftOut}</Badge>} {(s.problems ?? []).map((x) => say([x.vi, x.en])).join("; ")}</> },
  ];
  return (
    <>
      {(p.missing ?? []).length > 0 && <Notice tone="bad" title={fill(w.missing, { columns: (p.missing ?? []).map(word).join(", ") })} />}
      <p>{fill(w.understood, { form: p.form.toUpperCase(), encoding: p.encoding, head: p.header_row, rows: number(p.rows), good: number(p.good) })}</p>
      <Section title={w.columns}>
        <Filters>
          {Object.keys(columnWords).map((c) => (
            <Select key={c} label={word(c)} value={String(columns[c] ?? 0)} options={options} onChange={(v) => onColumns({ ...columns, [c]: Number(v) })} />
          ))}
        </Filters>
        <Button onClick={onAgain}>{w.again}</Button>
      </Section>
      <Problems list={p.counted ?? []} />
      <Section title={w.sample}>
        <Table title={w.sample} columns={shown} rows={p.samples ?? []} id={(s) => String(s.row)} />
      </Section>
    </>
  );
}

function Problems({ list }: { list: readonly NonNullable<FilePreview["counted"]>[number][] }) {
  if (list.length === 0) return null;
  return (
    <Section title={w.problems}>
      <ul>
        {list.map((c) => (
          <li key={c.code + c.left_out}>
            <Badge tone={c.left_out ? "bad" : "warn"}>{c.left_out ? w.leftOut : w.odd}</Badge> {say([c.vi, c.en])}: {fill(w.rows, { n: number(c.number), rows: (c.rows ?? []).join(", ") })}
          </li>
        ))}
      </ul>
    </Section>
  );
}

function Outcome({ upload: u }: { upload: RegisterUpload }) {
  if (u.phase === "failed") return <Notice tone="bad" title={w.failed}><p lang="en">{u.problem}</p></Notice>;
  if (u.phase !== "done" || !u.result) {
    const phases: Record<string, string> = { reading: w.reading, importing: w.importing, matching: w.matching };
    return <Progress label={phases[u.phase ?? ""] ?? w.reading} value={u.total ? u.done : undefined} max={u.total || undefined} />;
  }
  const r = u.result;
  const bad = (format: "csv" | "xlsx") => address("GET /v1/registers/uploads/{id}/bad/{format}", { path: { id: u.id, format } });
  return (
    <Notice tone={r.dry_run ? "info" : "good"} title={r.dry_run ? w.wouldBe : w.done}>
      <p>{fill(w.counts, { fresh: number(r.new), changed: number(r.changed), same: number(r.same), gone: number(r.gone), bad: number(r.left_out) })}</p>
      {r.left_out > 0 && <p>{w.badFile}: <a href={bad("csv")} download>CSV</a> · <a href={bad("xlsx")} download>XLSX</a></p>}
      {!r.dry_run && <Link href={home + "?register=" + r.register}>{r.name}</Link>}
    </Notice>
  );
}

function One({ id, unit }: { id: string; unit: string }) {
  const { account } = useSession();
  const [verdict, setVerdict] = useQuery("verdict", "contradicted");
  const [state, setState] = useQuery("state", "only");
  const view = useLoad(() => call("GET /v1/registers/{id}", { path: { id }, query: { unit } }), [id, unit]);
  const teams = useLoad(() => call("GET /v1/registers/{id}/teams", { path: { id }, query: { unit } }), [id, unit]);
  const [size, setSize] = useState(pageSize);
  const findings = useLoad(() => call("GET /v1/registers/{id}/findings", { path: { id }, query: { unit, verdict: verdict as "confirmed", limit: size } }), [id, unit, verdict, size]);
  const rows = useLoad(() => call("GET /v1/registers/{id}/rows", { path: { id }, query: { unit, state: state as "only", limit: size } }), [id, unit, state, size]);
  const all = async () => { await Promise.all([view.reload(), teams.reload(), findings.reload(), rows.reload()]); };
  const verdicts = ["contradicted", "unconfirmed", "confirmed", "not_covered"] as const;
  const states = ["only", "found", "gone"] as const;
  const more = () => setSize(size + pageSize);
  return (
    <Show of={view}>
      {(v) => (
        <Page title={v.name} lead={w.lead}>
          <p><Link href={home}>← {w.back}</Link></p>
          {v.waiting > 0 && <Notice title={fill(w.waiting, { n: number(v.waiting) })} />}
          {v.expired && <Notice tone="warn" title={w.expired} />}
          <Figures>
            <Figure label={w.share} value={share(v.sums.share)} />
            {verdicts.map((k) => <Figure key={k} label={w[k]} value={number(v.sums[k])} tone={k === "contradicted" && v.sums[k] > 0 ? "bad" : undefined} />)}
            <Figure label={w.only} value={number(v.sums.only_in_register)} />
          </Figures>
          <Section title={w.findings}>
            <Filters><Select label={w.verdict} value={verdict} onChange={setVerdict} options={verdicts.map((k) => [k as string, w[k]] as const)} /></Filters>
            <Show of={findings}>
              {(f) => <Table title={w.findings} columns={findingColumns} rows={f.items ?? []} id={(x) => x.activity} onMore={f.next ? more : undefined} empty={<Empty title={w.noFindings}><p>{w.noFindingsHelp}</p></Empty>} />}
            </Show>
          </Section>
          <Section title={w.listRows}>
            <Filters><Select label={w.state} value={state} onChange={setState} options={states.map((k) => [k as string, w[k]] as const)} /></Filters>
            <Show of={rows}>
              {(r) => <Table title={w.listRows} columns={rowColumns(id, account.role === "province")} rows={r.items ?? []} id={(x) => x.row} onMore={r.next ? more : undefined} empty={<Empty title={w.noFindings} />} />}
            </Show>
          </Section>
          <Section title={w.teams}>
            <Show of={teams}>{(t) => <Table title={w.teams} columns={teamColumns} rows={t ?? []} id={(x) => x.unit + (x.team ?? "")} empty={<Empty title={w.noFindings} />} />}</Show>
          </Section>
          {account.role === "province" && <Imports view={v} onDone={all} />}
        </Page>
      )}
    </Show>
  );
}

const findingColumns: Column<RegisterFinding>[] = [
  { name: "day", label: w.day, show: (f) => f.occurred ?? "" },
  { name: "kind", label: w.kind, show: (f) => f.kind },
  { name: "unit", label: w.unit, show: (f) => f.unit_name || f.unit },
  { name: "why", label: w.why, show: (f) => (f.reasons ?? []).map((r) => say(columnWords[r] ?? [r, r])).join(", ") },
];

const teamColumns: Column<RegisterTeam>[] = [
  { name: "unit", label: w.unit, show: (t) => t.unit },
  { name: "share", label: w.share, numeric: true, show: (t) => share(t.share), sort: (t) => t.share },
  { name: "confirmed", label: w.confirmed, numeric: true, show: (t) => number(t.confirmed) },
  { name: "unconfirmed", label: w.unconfirmed, numeric: true, show: (t) => number(t.unconfirmed) },
  { name: "contradicted", label: w.contradicted, numeric: true, show: (t) => number(t.contradicted) },
];

function rowColumns(id: string, province: boolean): Column<RegisterRow>[] {
  const columns: Column<RegisterRow>[] = [
    { name: "day", label: w.day, show: (r) => r.day ?? "" },
    { name: "kind", label: w.kind, show: (r) => r.kind ?? "" },
    { name: "unit", label: w.unit, show: (r) => r.unit_name || r.unit || "" },
  ];
  if (province) columns.push({ name: "who", label: w.who, show: (r) => <Who id={id} row={r.row} /> });
  return columns;
}

function Who({ id, row }: { id: string; row: string }) {
  const [who, set] = useState("");
  const ask = async () => {
    const p = (await call("GET /v1/registers/{id}/rows/{row}", { path: { id, row } })).person;
    set([p?.full_name, p?.birth_date, p?.id_number].filter(Boolean).join(" · "));
  };
  return who ? <>{who}</> : <Button kind="quiet" label={w.who + ". " + w.whoNote} onClick={ask}>{w.who}</Button>;
}

function Imports({ view, onDone }: { view: RegisterView; onDone: () => Promise<unknown> }) {
  const undo = async (imported: string) => {
    await call("POST /v1/registers/{id}/undo", { path: { id: view.id }, body: { import: imported } });
    tell({ text: w.undone, tone: "good" });
    await onDone();
  };
  return (
    <Section title={w.imports}>
      <ul>
        {(view.imports ?? []).map((i) => (
          <li key={i.id}>
            {time(i.at_ms)}: {fill(w.counts, { fresh: number(i.new), changed: number(i.changed), same: number(i.same), gone: number(i.gone), bad: number(i.left_out) })}{" "}
            {i.state === "undone" ? <Badge>{w.undoneState}</Badge> : i.undoable && <Button onClick={() => undo(i.id)}>{w.undo}</Button>}
          </li>
        ))}
      </ul>
    </Section>
  );
}
