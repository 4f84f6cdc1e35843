// Phones and points: taken in by QR, revoked when lost, their held work released.
import { useState } from "preact/hooks";
import { call, type Device, type DeviceDetail } from "../api";
import { Badge, Button, Dialog, Empty, fill, Filters, Form, go, number, Page, say, Select, Show, Table, tell, time, useLoad, useQuery, withQuery, type Column } from "../kit";
import { useSession } from "../session";
import { outcomes, reasons, states, w } from "../words/enrolment";

const pageSize = 100;

export default function Enrolment() {
  const [filter, setFilter] = useQuery("show");
  const [open] = useQuery("device");
  const [size, setSize] = useState(pageSize);
  const [leaving, setLeaving] = useState<Device>();
  const atPoint = useSession().atPoint;
  const state = (filter in states ? filter : undefined) as "active" | "revoked" | "blocked" | "retired" | undefined;
  const list = useLoad(
    () => call("GET /v1/devices", { query: { limit: size, state, held: filter === "held" || undefined, asked: filter === "asked" || undefined } }),
    [filter, size], ["records", "devices"],
  );
  const release = async (d: Device) => {
    await call("POST /v1/devices/{origin}/release", { path: { origin: d.origin }, body: {} });
    tell({ text: fill(w.released, { name: d.label }), tone: "good" });
    await list.reload();
  };
  const columns: Column<Device>[] = [
    { name: "device", label: w.device, sort: (d) => d.label, show: (d) => <><strong>{d.label || d.origin.slice(0, 8)}</strong>{d.role === "point" && <> <Badge tone="info">{w.point}</Badge></>}</> },
    { name: "unit", label: w.unit, sort: (d) => d.unit_name, show: (d) => <>{d.unit_name}{d.team_name && d.team_name !== d.unit_name && <div class="faint">{d.team_name}</div>}</> },
    { name: "state", label: w.state, show: (d) => <State of={d} /> },
    { name: "contact", label: w.contact, sort: (d) => d.last_contact_ms, show: (d) => time(d.last_contact_ms) },
    { name: "changes", label: w.changes, numeric: true, sort: (d) => d.changes, show: (d) => number(d.changes) },
    {
      name: "actions", label: w.actions,
      show: (d) => (
        <div class="actions">
          <Button label={`${w.details}: ${d.label}`} onClick={() => go(withQuery({ device: d.origin }))}>{w.details}</Button>
          {d.held > 0 && <Button onClick={() => release(d)}>{w.release}</Button>}
          {d.state === "blocked" && <Button onClick={() => release(d)}>{w.unblock}</Button>}
          {d.state === "active" && <Button kind="danger" label={`${w.revoke}: ${d.label}`} onClick={() => setLeaving(d)}>{w.revoke}</Button>}
        </div>
      ),
    },
  ];
  return (
    <Page title={w.title} lead={w.lead} actions={<a class="button main" href="/enrol">{w.enrol}</a>}>
      <Filters>
        <Select label={w.filter} value={filter} onChange={setFilter} options={[["", w.all], ...Object.entries(states).map(([k, t]) => [k, say(t)] as const), ["held", w.held], ["asked", w.asked]]} />
      </Filters>
      <Show of={list}>
        {(l) => (
          <Table title={w.title} columns={columns} rows={l.devices ?? []} id={(d) => d.origin} onMore={l.after ? () => setSize(size + pageSize) : undefined}
            empty={<Empty title={w.none}><p>{w.noneHelp}</p></Empty>} />
        )}
      </Show>
      {open && <Details origin={open} />}
      {leaving && <Revoke device={leaving} atPoint={atPoint} onClose={() => setLeaving(undefined)} onDone={list.reload} />}
    </Page>
  );
}

function State({ of: d }: { of: Device }) {
  const tone = d.state === "active" ? "good" : d.state === "retired" ? "plain" : "bad";
  return (
    <>
      <Badge tone={tone}>{say(states[d.state] ?? [d.state, d.state])}</Badge>
      {d.held > 0 && <> <Badge tone="warn">{fill(w.heldWork, { n: number(d.held) })}</Badge></>}
      {d.missing > 0 && <> <Badge tone="warn">{fill(w.missing, { n: number(d.missing) })}</Badge></>}
      {d.waiting > 0 && <> <Badge>{fill(w.waiting, { n: number(d.waiting) })}</Badge></>}
      {d.asked && <> <Badge tone="warn">{w.asked}</Badge></>}
    </>
  );
}

function Revoke({ device, atPoint, onClose, onDone }: { device: Device; atPoint: boolean; onClose: () => void; onDone: () => Promise<void> }) {
  const [reason, setReason] = useState("lost");
  const send = async () => {
    await call("POST /v1/devices/{origin}/revoke", { path: { origin: device.origin }, body: { reason } });
    const undo = () => call("POST /v1/devices/{origin}/release", { path: { origin: device.origin }, body: {} }).then(onDone);
    tell({ text: fill(atPoint ? w.blocked : w.revoked, { name: device.label }), tone: "good", undo: atPoint ? undo : undefined });
    onClose();
    await onDone();
  };
  return (
    <Dialog title={fill(w.revokeTitle, { name: device.label })} onClose={onClose}>
      <Form submit={w.revoke} onSubmit={send} onCancel={onClose}>
        <p>{atPoint ? w.askText : w.revokeText}</p>
        <Select label={w.reason} value={reason} onChange={setReason} options={reasons.map(([k, t]) => [k, say(t)] as const)} />
      </Form>
    </Dialog>
  );
}

function Details({ origin }: { origin: string }) {
  const detail = useLoad(() => call("GET /v1/devices/{origin}", { path: { origin } }), [origin], ["records", "devices"]);
  return (
    <Dialog title={detail.data?.label ?? w.details} onClose={() => go(withQuery({ device: "" }))}>
      <Show of={detail}>{(d) => <Facts of={d} />}</Show>
    </Dialog>
  );
}

function Facts({ of: d }: { of: DeviceDetail }) {
  const branches = d.branches ?? [];
  const gaps = branches.flatMap((b) => b.missing ?? []);
  return (
    <>
      <dl class="facts">
        <dt>{w.state}</dt><dd><State of={d} /></dd>
        <dt>{w.unit}</dt><dd>{d.unit_name} <code>{d.unit}</code></dd>
        {d.team_name && <><dt>{w.team}</dt><dd>{d.team_name}</dd></>}
        <dt>{w.contact}</dt><dd>{time(d.last_contact_ms)} {d.last_point_name}</dd>
        <dt>{w.changes}</dt><dd>{number(d.changes)}</dd>
        <dt>{w.gaps}</dt><dd>{gaps.length ? gaps.map((g) => (g.first === g.last ? g.first : `${g.first}–${g.last}`)).join(", ") : w.noGaps}</dd>
        <dt>{w.outcomes}</dt>
        <dd>{branches.flatMap((b) => b.outcomes ?? []).map((o) => <div>{say(outcomes[o.outcome] ?? [o.outcome, o.outcome])}: {number(o.changes)} {o.reason && <code>{o.reason}</code>}</div>)}</dd>
        {(d.seen ?? []).length > 0 && <><dt>{w.seen}</dt><dd>{(d.seen ?? []).map((s) => <div>{s.point_name}: {number(s.last)}, {time(s.at_ms)}</div>)}</dd></>}
      </dl>
      <p class="faint"><code>{d.origin}</code></p>
    </>
  );
}
