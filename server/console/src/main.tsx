// The console's beginning: finds out who has signed in, and shows the page that
// the address names.
import { render, type ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";
import { call, keepToken } from "./api";
import { otherLanguage, w } from "./i18n";
import { asProblem, Empty, go, kit, live, Page, ProblemNotice, Progress, say, Shell, Show, useAddress, useLoad, type Problem } from "./kit";
import { groups, pages, type PageEntry } from "./pages";
import { SessionContext, type Session } from "./session";

const base = "/console";

async function begin(): Promise<Session> {
  const [account, version] = await Promise.all([call("GET /v1/account"), call("GET /version")]);
  keepToken(account.csrf);
  live("/v1/events");
  return { account, version, atPoint: version.role === "point" };
}

const may = (s: Session) => (p: PageEntry) => p.roles.includes(s.account.role) && (p.point || !s.atPoint);

function App() {
  const session = useLoad(begin, []);
  if (!session.data) return <main>{<Show of={session}>{() => null}</Show>}</main>;
  return (
    <SessionContext.Provider value={session.data}>
      <Frame session={session.data} />
    </SessionContext.Provider>
  );
}

function Frame({ session }: { session: Session }) {
  const { path } = useAddress();
  const mine = pages.filter(may(session));
  const name = path.slice(base.length + 1).split("/")[0] ?? "";
  const page = mine.find((p) => p.path === name);
  const first = mine[0];
  useEffect(() => {
    if (name === "" && first) go(`${base}/${first.path}`, true);
  }, [name]);
  const menu = groups
    .map(([group, title]) => ({
      title: say(title),
      links: mine.filter((p) => p.group === group).map((p) => ({ href: `${base}/${p.path}`, title: say(p.title), current: p === page })),
    }))
    .filter((g) => g.links.length > 0);
  const foot = (
    <>
      <span>{session.account.name}</span>
      <a href="/account">{w.account}</a>
      <a href={otherLanguage()}>{w.language}</a>
    </>
  );
  return (
    <Shell brand="Thonsync" place={session.atPoint ? w.point : w.centre} groups={menu} foot={foot}>
      {page ? <Body key={page.path} page={page} /> : name !== "" && <Page title={w.lost}><Empty title={mine.length ? w.lost : w.nothing}><p>{w.lostHelp}</p></Empty></Page>}
    </Shell>
  );
}

/** A page's own code, loaded when it is opened first. */
function Body({ page }: { page: PageEntry }) {
  const [body, set] = useState<{ part?: ComponentType; problem?: Problem }>({});
  const load = () =>
    page.load().then(
      (m) => set({ part: m.default }),
      (e: unknown) => set({ problem: asProblem(e, kit.offline) }),
    );
  useEffect(() => void load(), [page]);
  if (body.problem) return <ProblemNotice problem={body.problem} onRetry={load} />;
  const Part = body.part;
  return Part ? <Part /> : <Progress label={kit.loading} />;
}

const root = document.getElementById("app");
if (root) render(<App />, root);
