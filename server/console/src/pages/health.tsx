// Sync health: what is wrong on the way from phones to the centre, since when,
// and what to do next; one device in full.
import { useState } from "preact/hooks";
import { call, type HealthFinding } from "../api";
import { Badge, Button, Check, day, Dialog, Empty, Field, Figure, Figures, Filters, Form, go, Link, number, Page, say, Section, Select, Show, Table, tell, time, useLoad, useQuery, withQuery, type Column } from "../kit";
import { kinds, places, w } from "../words/health";

const pageSize = 100;
const both = (t: { vi: string; en: string }) => say([t.vi, t.en]);
const kindName = (kind: string) => (kinds[kind] ? say(kinds[kind]) : kind);

export default function Health() {
  const [unit] = useQuery("unit");
  const [kind, setKind] = useQuery("kind");
  const [dismissed, setDismissed] = useQuery("dismissed");
  const [device] = useQuery("device");
  const [size, setSize] = useState(pageSize);
  const [aside, setAside] = useState<HealthFinding>();
  const list = useLoad(() => call("GET /v1/health", { query: { unit, kind, dismissed: dismissed === "1" || undefined, limit: size } }), [unit, kind, dismissed, size], ["health"]);
  const undo = async (f: HealthFinding) => {
    await call("POST /v1/health/undo", { body: { key: f.key } });
    void list.reload();
  };
  const columns: Column<HealthFinding>[] = [
    { name: "what", label: w.what, show: (f) => <><Badge tone={f.urgent ? "bad" : "warn"}>{kindName(f.kind)}{f.urgent ? " · " + w.urgent : ""}</Badge> {both(f.what)}</> },
    { name: "about", label: w.about, show: (f) => <About f={f} /> },
    { name: "since", label: w.since, show: (f) => day(f.since_ms), sort: (f) => f.since_ms },
    { name: "next", label: w.next, show: (f) => (f.dismissed_ms ? <em>{f.reason}</em> : both(f.next)) },
    { name: "do", label: w.dismiss, show: (f) => (f.dismissed_ms ? <Button onClick={() => undo(f)}>{w.undo}</Button> : <Button kind="quiet" onClick={() => setAside(f)}>{w.dismiss}</Button>) },
  ];
  return (
    <Page title={w.title} lead={w.lead}>
      {device && <Device id={device} />}
      <Show of={list}>
        {(l) => (
          <>
            <Figures>
              <Figure label={w.devices} value={number(l.devices)} />
              <Figure label={w.wrong} value={number(Object.values(l.counts).reduce((a, b) => a + b, 0))} />
            </Figures>
            <Filters>
              <Select label={w.kind} value={kind} onChange={setKind} options={[["", w.all], ...Object.entries(kinds).map(([k, t]) => [k, `${say(t)} (${number(l.counts[k] ?? 0)})`] as const)]} />
              <Check label={w.dismissed} checked={dismissed === "1"} onChange={(on) => setDismissed(on ? "1" : "")} />
              {(unit || kind || dismissed) && <Button onClick={() => go("/console/health")}>{w.clear}</Button>}
            </Filters>
            <Table title={w.title} columns={columns} rows={l.items ?? []} id={(f) => f.key} onMore={l.next ? () => setSize(size + pageSize) : undefined}
              empty={<Empty title={w.none}><p>{w.noneHelp}</p></Empty>} />
          </>
        )}
      </Show>
      {aside && <Aside f={aside} onClose={() => setAside(undefined)} onDone={() => { setAside(undefined); void list.reload(); tell({ text: w.done, tone: "good", undo: () => undo(aside) }); }} />}
    </Page>
  );
}

/** Whose finding it is; a device opens in full. */
function About({ f }: { f: HealthFinding }) {
  const name = [f.team_name, f.label].filter(Boolean).join(", ") || f.unit_name || "–";
  return (
    <>
      {f.origin ? <Link href={withQuery({ device: f.origin })}>{name}</Link> : name}
      {f.unit_name && name !== f.unit_name && <div>{f.unit_name}</div>}
    </>
  );
}

/** Asks why a finding is put aside. */
function Aside({ f, onClose, onDone }: { f: HealthFinding; onClose: () => void; onDone: () => void }) {
  const [reason, setReason] = useState("");
  const send = async () => {
    await call("POST /v1/health/dismiss", { body: { key: f.key, reason } });
    onDone();
  };
  return (
    <Dialog title={w.dismissTitle} onClose={onClose}>
      <p>{both(f.what)}</p>
      <Form onSubmit={send} submit={w.dismiss}>
        <Field label={w.reason} value={reason} onInput={setReason} hint={w.reasonHint} lines={3} />
      </Form>
    </Dialog>
  );
}

/** One device: where its changes are, and what is wrong with it. */
function Device({ id }: { id: string }) {
  const device = useLoad(() => call("GET /v1/health/devices/{id}", { path: { id } }), [id], ["health"]);
  return (
    <Section title={w.device}>
      <Show of={device}>
        {(d) => (
          <>
            <p><strong>{[d.team_name, d.label].filter(Boolean).join(", ")}</strong> {d.unit_name} · {w.heard}: {time(d.heard_ms)} {d.clock && <Badge tone="warn">{both(d.clock)}</Badge>}</p>
            <Table title={w.where} rows={d.custody ?? []} id={(c) => c.where + (c.point ?? "")} columns={[
              { name: "where", label: w.where, show: (c) => say(places[c.where] ?? [c.where, c.where]) + (c.label ? " " + c.label : "") },
              { name: "changes", label: w.changes, numeric: true, show: (c) => number(c.changes) },
              { name: "since", label: w.since, show: (c) => time(c.since_ms) },
            ]} />
            {(d.findings ?? []).map((f) => <p key={f.key}><Badge tone={f.urgent ? "bad" : "warn"}>{kindName(f.kind)}</Badge> {both(f.what)} {both(f.next)}</p>)}
            <Button kind="quiet" onClick={() => go(withQuery({ device: "" }))}>{w.close}</Button>
          </>
        )}
      </Show>
    </Section>
  );
}
