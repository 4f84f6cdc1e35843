// Units from the province down to one team.
import { call, type TeamLine, type TeamPerson, type TeamPhone, type TeamPoint, type TeamView, type UnitLine, type UnitView } from "../api";
import { Badge, Bar, Button, Empty, Field, Figure, Figures, fill, Filters, go, Link, Notice, number, Page, percent, say, Section, Select, Show, Table, time, useLoad, useQuery, type Column } from "../kit";
import { verdicts, w } from "../words/working";

const address = (unit: string) => "/console/units" + (unit ? "?unit=" + encodeURIComponent(unit) : "");
const teamAddress = (id: string) => "/console/units?team=" + encodeURIComponent(id);
const tones: Record<string, "good" | "bad" | "warn"> = { working: "good", "not-working": "bad", "not-known": "warn" };
const Verdict = ({ of }: { of: string }) => <Badge tone={tones[of] ?? "warn"}>{say(verdicts[of] ?? [of, of])}</Badge>;

export default function Units() {
  const [unit] = useQuery("unit");
  const [team] = useQuery("team");
  return team ? <Team key={team} id={team} /> : <Unit key={unit} unit={unit} />;
}

function Path({ path }: { path: readonly { unit: string; name: string }[] }) {
  return (
    <p>
      <Link href={address("")}>{w.top}</Link>
      {path.map((u) => <span key={u.unit}> › <Link href={address(u.unit)}>{u.name}</Link></span>)}
    </p>
  );
}

function Unit({ unit }: { unit: string }) {
  const data = useLoad(() => call("GET /v1/units", { query: { unit } }), [unit], ["activity", "devices"]);
  const title = data.data?.total.name || w.units;
  return (
    <Page title={title} lead={w.unitsLead}>
      <Show of={data}>{(v) => <Below v={v} />}</Show>
    </Page>
  );
}

function Below({ v }: { v: UnitView }) {
  const t = v.total;
  const below = (v.below ?? []).filter((u) => u.level !== "village");
  return (
    <>
      <Path path={v.path ?? []} />
      <Figures>
        <Figure label={w.share} value={percent(t.working, t.teams)} note={fill(w.shareNote, { n: number(t.working), all: number(t.teams) })} tone="good" />
        <Figure label={w.notWorking} value={number(t.not_working)} />
        <Figure label={w.notKnown} value={number(t.not_known)} />
        <Figure label={w.phones} value={`${number(t.phones_heard)}/${number(t.phones)}`} />
      </Figures>
      {t.teams === 0 && <Empty title={w.noTeams}><p>{w.noTeamsHelp}</p></Empty>}
      {below.length > 0 && <Lines list={below} />}
      {(v.teams ?? []).length > 0 && <Teams list={v.teams ?? []} />}
      <p class="faint">{say([v.complete.vi, v.complete.en])}</p>
    </>
  );
}

const folded = (s: string) => s.normalize("NFD").replace(/[\u0300-\u036f]/g, "").replace(/đ/gi, "d").toLowerCase();

function Lines({ list }: { list: readonly UnitLine[] }) {
  const [find, setFind] = useQuery("find");
  const columns: Column<UnitLine>[] = [
    { name: "name", label: w.unit, show: (u) => <Link href={address(u.unit)}>{u.name}</Link>, sort: (u) => u.name },
    { name: "share", label: w.percentWorking, show: (u) => <><Bar part={u.working} whole={u.teams} label={u.name} /> {percent(u.working, u.teams)}</>, sort: (u) => u.working / Math.max(1, u.teams) },
    { name: "working", label: w.working, numeric: true, show: (u) => `${number(u.working)}/${number(u.teams)}`, sort: (u) => u.working },
    { name: "unknown", label: w.notKnown, numeric: true, show: (u) => number(u.not_known), sort: (u) => u.not_known },
    { name: "activities", label: w.activities, numeric: true, show: (u) => number(u.activities), sort: (u) => u.activities },
    { name: "members", label: w.members, numeric: true, show: (u) => number(u.members), sort: (u) => u.members },
    { name: "phones", label: w.phones, numeric: true, show: (u) => `${number(u.phones_heard)}/${number(u.phones)}`, sort: (u) => u.phones_heard },
  ];
  const rows = list.filter((u) => folded(u.name).includes(folded(find)));
  return (
    <>
      <Filters><Field label={w.find} type="search" value={find} onInput={(v) => setFind(v, true)} /></Filters>
      <Table title={w.units} columns={columns} rows={rows} id={(u) => u.unit} empty={<Empty title={w.nothing}><p>{w.nothingHelp}</p></Empty>} />
    </>
  );
}

function Teams({ list }: { list: readonly TeamLine[] }) {
  const [only, setOnly] = useQuery("verdict");
  const columns: Column<TeamLine>[] = [
    { name: "village", label: w.village, show: (t) => <Link href={teamAddress(t.id)}>{t.village}</Link>, sort: (t) => t.village },
    { name: "verdict", label: w.verdict, show: (t) => <Verdict of={t.verdict} />, sort: (t) => t.verdict },
    { name: "why", label: w.why, show: (t) => say([t.reasons.vi, t.reasons.en]) },
    { name: "next", label: w.next, show: (t) => (t.step ? say([t.next.vi, t.next.en]) : "") },
    { name: "activities", label: w.activities, numeric: true, show: (t) => number(t.activities), sort: (t) => t.activities },
    { name: "phones", label: w.phones, numeric: true, show: (t) => `${t.phones_heard}/${t.phones}`, sort: (t) => t.phones_heard },
  ];
  const rows = list.filter((t) => !only || t.verdict === only);
  return (
    <>
      <Filters>
        <Select label={w.only} value={only} onChange={setOnly} options={[["", w.all], ...Object.entries(verdicts).map(([k, t]) => [k, say(t)] as const)]} />
        {only && <Button onClick={() => setOnly("")}>{w.clear}</Button>}
      </Filters>
      <Table title={w.team} columns={columns} rows={rows} id={(t) => t.id} empty={<Empty title={w.nothing}><p>{w.nothingHelp}</p></Empty>} />
    </>
  );
}

function Team({ id }: { id: string }) {
  const data = useLoad(() => call("GET /v1/teams/{id}", { path: { id } }), [id], ["activity", "devices"]);
  return (
    <Page title={data.data?.name ?? w.team} lead={data.data && `${data.data.village}, ${data.data.commune_name}`} actions={<Button onClick={() => go("/console/activity?team=" + id)}>{w.activity}</Button>}>
      <Show of={data}>{(t) => <TeamParts t={t} />}</Show>
    </Page>
  );
}

function TeamParts({ t }: { t: TeamView }) {
  const months: Column<TeamPoint>[] = [
    { name: "month", label: w.to, show: (p) => p.label },
    { name: "verdict", label: w.verdict, show: (p) => <Verdict of={p.verdict} /> },
    { name: "n", label: w.activities, numeric: true, show: (p) => number(p.activities) },
    { name: "k", label: w.kind, numeric: true, show: (p) => number(p.kinds) },
    { name: "m", label: w.active, numeric: true, show: (p) => number(p.active_members) },
  ];
  const people: Column<TeamPerson & { n: number }>[] = [
    { name: "who", label: w.people, show: (p) => fill(w.person, { n: p.n }) },
    { name: "role", label: w.role, show: (p) => p.role },
    { name: "active", label: w.active, show: (p) => (p.active ? w.yes : w.no) },
    { name: "classes", label: w.classes, show: (p) => (p.classes ?? []).map((c) => `${c.class} (${c.held})`).join(", ") || w.noClass },
  ];
  const phones: Column<TeamPhone>[] = [
    { name: "phone", label: w.phone, show: (p) => <>{p.label || p.origin.slice(0, 8)} {p.retired && <Badge>{w.retired}</Badge>}</> },
    { name: "heard", label: w.heard, show: (p) => time(p.heard_ms) },
    { name: "waiting", label: w.waiting, numeric: true, show: (p) => number(p.waiting) },
    { name: "missing", label: w.missing, numeric: true, show: (p) => number(p.missing) },
  ];
  return (
    <>
      <Path path={t.path ?? []} />
      <Notice tone={tones[t.verdict] ?? "warn"} title={say(verdicts[t.verdict] ?? ["", ""])}>
        {say([t.reasons.vi, t.reasons.en])}
        {t.step && <p><b>{w.next}:</b> {say([t.next.vi, t.next.en])}</p>}
      </Notice>
      <Section title={w.history}><Table title={w.history} columns={months} rows={[...(t.trend ?? [])].reverse()} id={(p) => p.label} /></Section>
      <Section title={w.phoneList}>
        <Table title={w.phoneList} columns={phones} rows={t.phone_list ?? []} id={(p) => p.origin} empty={<Empty title={w.noPhones}><p>{w.noPhonesHelp}</p></Empty>} />
      </Section>
      <Section title={w.people}>
        <Table title={w.people} columns={people} rows={(t.people ?? []).map((p, i) => ({ ...p, n: i + 1 }))} id={(p) => p.member} empty={<Empty title={w.noPeople}><p>{w.noPeopleHelp}</p></Empty>} />
      </Section>
    </>
  );
}
