// Records that may be about the same citizen: side by side, with the weight
// explained; link, keep apart, take back.
import { useState } from "preact/hooks";
import { call, type LinkDetail, type PairView } from "../api";
import { Badge, Button, Check, Empty, english, fill, Filters, number, Page, say, Section, Select, Show, Table, tell, time, useLoad, useQuery, type Column, type Text } from "../kit";
import { useSession } from "../session";
import { acts, fields, levels, reasons, sexes, w } from "../words/duplicates";

type Act = "link" | "apart" | "undo" | "alike";
type State = "suggested" | "linked" | "apart";

const decisions = {
  link: "POST /v1/links/{id}/{other}/link",
  apart: "POST /v1/links/{id}/{other}/apart",
  undo: "POST /v1/links/{id}/{other}/undo",
  alike: "POST /v1/links/{id}/{other}/alike",
} as const;

const pageSize = 50;

export default function Duplicates() {
  const { account } = useSession();
  const officer = account.role === "officer";
  const own = account.units ?? [];
  const [state, setState] = useQuery("state", "suggested");
  const [exact, setExact] = useQuery("exact");
  const [unit, setUnit] = useQuery("unit", officer ? (own[0] ?? "") : "");
  const [pair, setPair] = useQuery("pair");
  const [size, setSize] = useState(pageSize);
  const list = useLoad(
    () => call("GET /v1/links", { query: { state: state as State, exact: exact === "1" || undefined, unit, limit: size } }),
    [state, exact, unit, size],
    ["records"],
  );
  const scan = async () => {
    const did = await call("POST /v1/links/scan", { body: undefined });
    tell({ text: fill(w.scanned, { n: number(did.compared), suggested: number(did.suggested), linked: number(did.linked) }), tone: "good" });
    await list.reload();
  };
  const counts = list.data?.counts ?? {};
  const option = (s: State) => [s, w[s] + (counts[s] === undefined ? "" : ` (${number(counts[s])})`)] as const;
  const key = (p: PairView) => p.a.record + "." + p.b.record;
  const columns: Column<PairView>[] = [
    { name: "pair", label: w.pair, show: (p) => <>{kind(p.a)} {p.a.occurred && day(p.a.occurred)}<br />{kind(p.b)} {p.b.occurred && day(p.b.occurred)}</> },
    { name: "where", label: w.where, show: (p) => (p.a.place === p.b.place ? p.a.place : <>{p.a.place}<br />{p.b.place}</>) },
    { name: "looks", label: w.looks, show: (p) => <Looks of={p} /> },
    { name: "likely", label: w.likely, numeric: true, show: (p) => number(Math.round(p.bits * 10) / 10) },
    { name: "look", label: "", show: (p) => <Button pressed={pair === key(p)} onClick={() => setPair(key(p))}>{w.look}</Button> },
  ];
  return (
    <Page title={w.title} lead={w.lead} actions={!officer && <Button onClick={scan}>{w.scan}</Button>}>
      <Filters>
        <Select label={w.state} value={state} onChange={setState} options={[option("suggested"), option("linked"), option("apart")]} />
        {own.length > 1 && <Select label={w.unit} value={unit} onChange={setUnit} options={own.map((u) => [u, u] as const)} />}
        <Check label={w.exact} checked={exact === "1"} onChange={(on) => setExact(on ? "1" : "")} />
      </Filters>
      {pair && <Detail key={pair} pair={pair} unit={unit} onClose={() => setPair("")} onDecided={list.reload} />}
      <Show of={list}>
        {(l) => (
          <Table
            title={w.title}
            columns={columns}
            rows={l.items ?? []}
            id={key}
            selected={pair}
            onMore={l.next && size < 200 ? () => setSize(200) : undefined}
            empty={<Empty title={w.none}><p>{officer ? w.noneHelpOfficer : w.noneHelp}</p></Empty>}
          />
        )}
      </Show>
    </Page>
  );
}

const kind = (side: PairView["a"]) => (english ? side.kind_en : side.kind_vi) || side.kind || "–";

const day = (iso: string) => iso.split("-").reverse().join("/");

const named = (all: Record<string, Text>, key: string) => (all[key] ? say(all[key]) : key);

const tones: Record<string, "good" | "warn" | "bad" | "plain"> = { same: "good", marks: "good", near: "warn", partly: "warn", differs: "bad" };

/** The fields that say something, in words. */
function Looks({ of }: { of: PairView }) {
  const told = (of.evidence ?? []).filter((e) => e.level !== "missing");
  return (
    <span class="actions">
      {told.map((e) => (
        <Badge key={e.field} tone={tones[e.level] ?? "plain"}>
          {named(fields, e.field)}: {named(levels, e.level)}
        </Badge>
      ))}
    </span>
  );
}

interface DetailProps {
  pair: string;
  unit: string;
  onClose: () => void;
  onDecided: () => Promise<void>;
}

function Detail({ pair, unit, onClose, onDecided }: DetailProps) {
  const [id = "", other = ""] = pair.split(".");
  const [reason, setReason] = useState("compared");
  const at = { path: { id, other }, query: { unit } };
  const load = useLoad(() => call("GET /v1/links/{id}/{other}", at), [pair]);
  const send = async (act: Act) => {
    const done = await call(decisions[act], { ...at, body: { reason: reason as "compared" } });
    await Promise.all([load.reload(), onDecided()]);
    return done;
  };
  const decide = async (act: Act, text: string) => {
    const done = await send(act);
    const words = act === "alike" ? fill(w.didAlike, { n: number(done.alike ?? 0) }) : text;
    tell({ text: words, tone: "good", undo: act === "link" || act === "apart" ? () => send("undo") : undefined });
  };
  return (
    <Section title={w.pair}>
      <Show of={load}>
        {(p) => (
          <>
            <Sides of={p} />
            <p class="faint">{w.explain} {w.logged}</p>
            {(p.group ?? []).length > 2 && <p>{fill(w.group, { n: number((p.group ?? []).length) })}</p>}
            <Filters>
              <Select label={w.reason} value={reason} onChange={setReason} options={reasons.map(([k, t]) => [k, say(t)] as const)} />
              <div class="actions">
                {p.state !== "linked" && <Button kind="main" onClick={() => decide("link", w.didLink)}>{w.link}</Button>}
                {p.state !== "apart" && <Button onClick={() => decide("apart", w.didReject)}>{w.reject}</Button>}
                {(p.state === "linked" || p.state === "apart") && <Button onClick={() => decide("undo", w.didUndo)}>{w.undo}</Button>}
                {p.state === "suggested" && p.exact && <Button onClick={() => decide("alike", "")}>{w.alike}</Button>}
                <Button kind="quiet" onClick={onClose}>{w.close}</Button>
              </div>
            </Filters>
            <History of={p} />
          </>
        )}
      </Show>
    </Section>
  );
}

interface Row {
  field: string;
  a: string;
  b: string;
  together: string;
  level: string;
  bits?: number;
}

/** Both records beside each other, and what each field weighs. */
function Sides({ of }: { of: LinkDetail }) {
  const evidence = new Map((of.evidence ?? []).map((e) => [e.field, e]));
  const rows: Row[] = (of.persons ?? []).map((f) => {
    const e = evidence.get(f.field);
    return { field: f.field, a: value(f.field, f.a), b: value(f.field, f.b), together: (f.together ?? []).map((v) => value(f.field, v)).join(" / "), level: e?.level ?? "", bits: e?.bits };
  });
  const place = evidence.get("unit");
  rows.push({ field: "unit", a: of.a.place, b: of.b.place, together: "", level: place?.level ?? "", bits: place?.bits });
  rows.push({ field: w.prior, a: "", b: "", together: "", level: "", bits: of.prior_bits });
  rows.push({ field: w.total, a: "", b: "", together: "", level: "", bits: of.bits });
  const columns: Column<Row>[] = [
    { name: "field", label: w.field, show: (r) => <strong>{named(fields, r.field)}</strong> },
    { name: "a", label: w.first, show: (r) => r.a },
    { name: "b", label: w.second, show: (r) => r.b },
    { name: "compares", label: w.compares, show: (r) => r.level && <Badge tone={tones[r.level] ?? "plain"}>{named(levels, r.level)}</Badge> },
    { name: "weight", label: w.weight, numeric: true, show: (r) => (r.bits === undefined ? "" : signed(r.bits)) },
  ];
  if (of.state === "linked") columns.splice(3, 0, { name: "together", label: w.together, show: (r) => r.together });
  return (
    <div>
      <Table title={w.pair} columns={columns} rows={rows} id={(r) => r.field} />
    </div>
  );
}

const signed = (bits: number) => (bits > 0 ? "+" : "") + number(Math.round(bits * 10) / 10);

function value(field: string, v: string): string {
  if (v === "") return w.empty;
  return field === "sex" && sexes[v] ? say(sexes[v]) : v;
}

function History({ of }: { of: PairView }) {
  const events = of.events ?? [];
  if (events.length === 0) return null;
  return (
    <>
      <h3>{w.history}</h3>
      <ul>
        {events.map((e) => (
          <li key={e.at_ms + e.act}>
            {time(e.at_ms)}: {named(acts, e.act)}, {e.actor === "centre" ? w.centre : <code>{e.actor.slice(0, 16)}</code>}
            {e.reason && " – " + say(reasons.find(([k]) => k === e.reason)?.[1] ?? [e.reason, e.reason])}
          </li>
        ))}
      </ul>
    </>
  );
}
