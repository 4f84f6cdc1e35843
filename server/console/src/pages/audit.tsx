// The access log: whether it is whole, and its entries, the last first.
import { useState } from "preact/hooks";
import { call, type Entry } from "../api";
import { Badge, Button, Empty, fill, Filters, Notice, number, Page, say, Select, Show, Table, time, useLoad, useQuery, go, type Column } from "../kit";
import { actions, w } from "../words/audit";

const pageSize = 50;

export default function Audit() {
  const [action, setAction] = useQuery("action");
  const [actor, setActor] = useQuery("actor");
  const [size, setSize] = useState(pageSize);
  const log = useLoad(() => call("GET /v1/audit", { query: { last: size, action, actor } }), [action, actor, size]);
  const accounts = useLoad(() => call("GET /v1/accounts"), []);
  const names = new Map((accounts.data ?? []).map((a) => [a.id, a.name]));
  const named = (id: string) => names.get(id.replace(/^account:/, ""));
  const verdict = useLoad(() => call("GET /v1/audit/verdict"), []);
  const columns: Column<Entry>[] = [
    { name: "when", label: w.when, show: (e) => time(e.at_ms) },
    { name: "who", label: w.who, show: (e) => <Button kind="link" onClick={() => setActor(e.actor)}>{named(e.actor) ?? who(e.actor)}</Button> },
    { name: "what", label: w.what, show: (e) => <>{what(e.action)} {(e.count ?? 0) > 1 && <Badge>× {number(e.count ?? 0)}</Badge>}</> },
    { name: "about", label: w.about, show: (e) => e.object && (named(e.object) ?? <code>{e.object}</code>) },
    { name: "unit", label: w.unit, show: (e) => e.unit ?? "" },
    { name: "result", label: w.result, show: (e) => outcome(e.result) },
  ];
  return (
    <Page title={w.title} lead={w.lead}>
      <Show of={verdict}>
        {(v) =>
          v.why ? (
            <Notice tone="bad" title={fill(w.broken, { n: v.broken })}>
              <p>{v.why}</p>
              <p>{w.brokenHelp}</p>
            </Notice>
          ) : (
            <Notice tone="good" title={w.whole}>{fill(w.wholeText, { n: number(v.entries), signed: number(v.signed) })}</Notice>
          )
        }
      </Show>
      <Filters>
        <Select label={w.what} value={action} onChange={setAction} options={[["", w.all], ...Object.entries(actions).map(([k, t]) => [k, say(t)] as const)]} />
        {(action || actor) && <Button onClick={() => go(location.pathname)}>{w.clear}</Button>}
      </Filters>
      <Show of={log}>
        {(list) => (
          <Table
            title={w.title}
            columns={columns}
            rows={[...(list ?? [])].reverse()}
            id={(e) => String(e.n)}
            onMore={(list?.length ?? 0) >= size ? () => setSize(size + pageSize) : undefined}
            empty={<Empty title={w.none}><p>{w.noneHelp}</p></Empty>}
          />
        )}
      </Show>
    </Page>
  );
}

const what = (action: string) => (actions[action] ? say(actions[action]) : action);

function who(actor: string) {
  const known: Record<string, string> = { console: w.console, "api-token": w.token, nobody: w.nobody };
  return known[actor] ?? <code>{actor.slice(0, 16)}</code>;
}

function outcome(result?: string) {
  if (!result) return "";
  if (result === "allowed") return <Badge tone="good">{w.allowed}</Badge>;
  if (result === "refused") return <Badge tone="warn">{w.refused}</Badge>;
  return result;
}
