// Accounts: who may come in, added, shut out and let in again.
import { useState } from "preact/hooks";
import { call, type Account, type AccountLink, type NewAccount } from "../api";
import { Badge, Button, Copy, Dialog, Empty, Field, fill, Form, go, Page, say, Select, Show, Table, tell, time, useLoad, useQuery, withQuery, type Column } from "../kit";
import { useSession } from "../session";
import { roles, w } from "../words/users";

type Role = NewAccount["role"];
const roleNames = Object.entries(roles).map(([k, t]) => [k as Role, say(t)] as const);

export default function Users() {
  const list = useLoad(() => call("GET /v1/accounts"), [], ["accounts"]);
  const [open] = useQuery("open");
  const [link, setLink] = useState<AccountLink>();
  const [reset, setReset] = useState<Account>();
  const me = useSession().account.id;
  const close = () => go(withQuery({ open: "" }));
  const enabled = async (a: Account, on: boolean) => {
    const set = (disabled: boolean) => call("PUT /v1/accounts/{id}/disabled", { path: { id: a.id }, body: { disabled } }).then(list.reload);
    await set(!on);
    tell({ text: fill(on ? w.didEnable : w.didDisable, { name: a.name }), tone: "good", undo: () => set(on) });
  };
  const columns: Column<Account>[] = [
    { name: "name", label: w.name, sort: (a) => a.name, show: (a) => <strong>{a.name}</strong> },
    { name: "role", label: w.role, sort: (a) => a.role, show: (a) => <>{say(roles[a.role as Role] ?? [a.role, a.role])}{(a.units ?? []).map((u) => <> <code>{u}</code></>)}</> },
    { name: "state", label: w.state, show: (a) => <State of={a} /> },
    { name: "seen", label: w.seen, sort: (a) => a.seen_ms, show: (a) => time(a.seen_ms) },
    {
      name: "actions", label: w.actions,
      show: (a) => a.id !== me && (
        <div class="actions">
          <Button label={`${w.change}: ${a.name}`} onClick={() => go(withQuery({ open: a.name }))}>{w.change}</Button>
          <Button label={`${w.reset}: ${a.name}`} onClick={() => setReset(a)}>{w.reset}</Button>
          <Button kind={a.disabled ? undefined : "danger"} label={`${a.disabled ? w.enable : w.disable}: ${a.name}`} onClick={() => enabled(a, a.disabled)}>
            {a.disabled ? w.enable : w.disable}
          </Button>
        </div>
      ),
    },
  ];
  const named = (list.data ?? []).find((a) => a.name === open);
  return (
    <Page title={w.title} lead={w.lead} actions={<Button kind="main" onClick={() => go(withQuery({ open: "new" }))}>{w.add}</Button>}>
      <Show of={list}>
        {(all) => <Table title={w.title} columns={columns} rows={all ?? []} id={(a) => a.id} empty={<Empty title={w.none}><p>{w.noneHelp}</p></Empty>} />}
      </Show>
      {open === "new" && <Editor title={w.add} onClose={close} onDone={(made) => { close(); setLink(made); void list.reload(); }} />}
      {named && <Editor title={`${w.change}: ${named.name}`} account={named} onClose={close} onDone={() => { close(); tell({ text: fill(w.saved, { name: named.name }), tone: "good" }); void list.reload(); }} />}
      {reset && (
        <Dialog title={fill(w.resetTitle, { name: reset.name })} onClose={() => setReset(undefined)}>
          <Form submit={w.reset} onCancel={() => setReset(undefined)} onSubmit={async () => { setLink(await call("POST /v1/accounts/{id}/reset", { path: { id: reset.id } })); setReset(undefined); await list.reload(); }}>
            <p>{w.resetText}</p>
          </Form>
        </Dialog>
      )}
      {link && (
        <Dialog title={fill(w.linkTitle, { name: link.name })} onClose={() => setLink(undefined)}>
          <p>{fill(w.linkText, { hours: link.valid_hours })}</p>
          <Copy value={link.url} label={w.link} />
        </Dialog>
      )}
    </Page>
  );
}

function State({ of: a }: { of: Account }) {
  if (a.disabled) return <Badge tone="bad">{w.disabled}</Badge>;
  if (!a.password) return <Badge tone="warn">{w.invited}</Badge>;
  return <><Badge tone="good">{w.active}</Badge> <Badge tone={a.second_factor ? "plain" : "warn"}>{a.second_factor ? w.factor : w.noFactor}</Badge></>;
}

interface EditorProps {
  title: string;
  account?: Account;
  onClose: () => void;
  onDone: (link?: AccountLink) => void;
}

function Editor({ title, account, onClose, onDone }: EditorProps) {
  const [name, setName] = useState(account?.name ?? "");
  const [role, setRole] = useState<Role>((account?.role as Role) ?? "officer");
  const [units, setUnits] = useState((account?.units ?? []).join(" "));
  const send = async () => {
    const list = role === "officer" ? units.split(/[\s,;]+/).filter(Boolean) : [];
    if (!account) return onDone(await call("POST /v1/accounts", { body: { name: name.trim(), role, units: list } }));
    await call("PUT /v1/accounts/{id}/role", { path: { id: account.id }, body: { role, units: list } });
    onDone();
  };
  return (
    <Dialog title={title} onClose={onClose}>
      <Form submit={account ? w.save : w.add} onSubmit={send} onCancel={onClose}>
        {!account && <Field label={w.name} value={name} onInput={setName} hint={w.nameHint} required />}
        <Select label={w.role} value={role} onChange={setRole} options={roleNames} />
        {role === "officer" && <Field label={w.units} value={units} onInput={setUnits} hint={w.unitsHint} required />}
      </Form>
    </Dialog>
  );
}
