package server

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"thonsync/server/audit"
	"thonsync/server/httpapi"
	"thonsync/server/reconcile/health"
	"thonsync/server/report"
	"thonsync/server/store"
	"thonsync/syncproto"
	"thonsync/syncproto/credential"
)

// watchEvery is how often what is new is looked for, to tell of it.
const watchEvery = time.Minute

// openHealth makes the service that finds what is wrong.
func (n *Node) openHealth() {
	n.health = health.New(health.Config{
		View: n.store.View, Update: func(ctx context.Context, f func(store.Tx) error) error { return n.ingest.Do(ctx, f) },
		Lies:     func(unit string, in []string) bool { return n.ingest.Definitions().Lies(unit, in) },
		UnitName: n.unitName, More: n.otherFindings, Told: n.tellFinding, Here: string(n.role), Rules: health.DefaultRules(), Now: n.opts.Now,
	})
}

// Watch notes what is newly wrong and tells of it.
func (n *Node) Watch(ctx context.Context) error {
	if err := n.watchTeams(ctx); err != nil {
		return err
	}
	return n.health.Watch(ctx)
}

func (n *Node) unitName(key string) string {
	u, ok := n.ingest.Definitions().Unit(key)
	if !ok {
		return key
	}
	return strings.TrimSpace(u.Type + " " + u.Name)
}

// dueSoon is how long before its date a request counts as due: a working day.
const dueSoon = 24 * time.Hour

// otherFindings finds what is not about a device.
func (n *Node) otherFindings(context.Context) ([]health.Finding, error) {
	var out []health.Finding
	if n.backup != nil {
		st, err := n.backup.Status()
		if err != nil {
			return nil, err
		}
		if st.Err != nil {
			f := health.Finding{
				Key: string(health.BackupFailed), Kind: health.BackupFailed, Urgent: true,
				What: report.Text{VI: "Lần sao lưu gần nhất không thành công.", EN: "The last backup failed."},
				Next: report.Text{VI: "Chạy thonsync backup trên máy chủ và đọc thông báo.", EN: "Run `thonsync backup` on the server and read what it says."},
			}
			if !st.Verified.IsZero() {
				f.SinceMS = st.Verified.UnixMilli()
			}
			out = append(out, f)
		}
	}
	due, err := n.requestFindings()
	return append(append(out, due...), n.teams.stopped()...), err
}

func (n *Node) requestFindings() (out []health.Finding, err error) {
	if n.requests == nil {
		return nil, nil
	}
	c, err := n.calendar()
	if err != nil {
		return nil, err
	}
	now := n.opts.Now()
	for _, r := range n.requests.List(c) {
		due := r.Due(c).Done
		if !r.Open() || r.Answered || now.Before(due.Add(-dueSoon)) {
			continue
		}
		what := report.Text{VI: fmt.Sprintf("Yêu cầu số %s của công dân sắp đến hạn.", r.Number), EN: fmt.Sprintf("Request %s of a citizen is due soon.", r.Number)}
		if now.After(due) {
			what = report.Text{VI: fmt.Sprintf("Yêu cầu số %s của công dân đã quá hạn.", r.Number), EN: fmt.Sprintf("Request %s of a citizen is overdue.", r.Number)}
		}
		out = append(out, health.Finding{
			Key: fmt.Sprintf("%s:%s", health.RequestDue, r.Number), Kind: health.RequestDue, Urgent: true, SinceMS: due.Add(-dueSoon).UnixMilli(), Count: 1, What: what,
			Next: report.Text{VI: "Mở trang Yêu cầu của công dân và trả lời.", EN: "Open the page of citizens' requests and answer."},
		})
	}
	return out, nil
}

// teamWatch knows which teams have worked and certainly do not any more.
type teamWatch struct {
	mu   sync.Mutex
	at   time.Time
	list []health.Finding
}

// teamsEvery is how often verdicts are looked at: they change by the day.
const teamsEvery = 10 * time.Minute

// metaWorked keeps the teams that were seen working, 16 octets each.
const metaWorked = "teams-worked"

func (w *teamWatch) stopped() []health.Finding {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.list)
}

// watchTeams looks which teams work now.
func (n *Node) watchTeams(ctx context.Context) error {
	w := &n.teams
	w.mu.Lock()
	defer w.mu.Unlock()
	now := n.opts.Now()
	if n.role != credential.RoleCentre || !w.at.IsZero() && now.Sub(w.at).Abs() < teamsEvery {
		return nil
	}
	f, err := n.ReportService().Figures(ctx, report.Query{})
	if err != nil {
		return err
	}
	worked, fresh, err := n.workedBefore(ctx, f.Teams)
	if err != nil {
		return err
	}
	w.at, w.list = now, nil
	for _, t := range f.Teams {
		if t.Verdict == report.NotWorking && worked[t.ID] {
			why := f.Reasons(t)
			w.list = append(w.list, health.Finding{
				Key: string(health.TeamStopped) + ":" + t.ID.String(), Kind: health.TeamStopped, Team: t.ID, TeamName: t.Name, Unit: t.Unit,
				What: report.Text{VI: "Tổ từng hoạt động, nay không còn: " + why.VI + ".", EN: "The team worked and does not any more: " + why.EN + "."},
				Next: report.Text{VI: "Gọi tổ hỏi thăm: thiếu người, hỏng máy hay cần tập huấn lại.", EN: "Call the team: are people or a phone missing, or is a class needed?"},
			})
		}
	}
	if len(fresh) == 0 {
		return nil
	}
	return n.ingest.Do(ctx, func(tx store.Tx) error {
		b, _, err := tx.Meta(metaWorked)
		if err != nil {
			return err
		}
		return tx.SetMeta(metaWorked, append(slices.Clone(b), fresh...))
	})
}

// workedBefore gives the teams that have been seen working, and the ids of those
// that are seen so for the first time.
func (n *Node) workedBefore(ctx context.Context, teams []*report.Team) (map[uuid.UUID]bool, []byte, error) {
	worked := map[uuid.UUID]bool{}
	var fresh []byte
	err := n.store.View(ctx, func(r store.Reader) error {
		b, _, err := r.Meta(metaWorked)
		for ; len(b) >= 16; b = b[16:] {
			worked[uuid.UUID(b[:16])] = true
		}
		return err
	})
	for _, t := range teams {
		if t.Verdict == report.Working && !worked[t.ID] {
			fresh = append(fresh, t.ID[:]...)
		}
	}
	return worked, fresh, err
}

// healthKeeper serves the findings over the JSON API.
type healthKeeper struct{ n *Node }

func bothTexts(t report.Text) httpapi.BothTexts { return httpapi.BothTexts(t) }

func idText(id uuid.UUID) string {
	if id == uuid.Nil {
		return ""
	}
	return id.String()
}

func (n *Node) findingView(f *health.Finding) httpapi.HealthFinding {
	return httpapi.HealthFinding{
		Key: f.Key, Kind: string(f.Kind), Urgent: f.Urgent, Origin: idText(f.Origin), Role: f.Role, Label: f.Label,
		Team: idText(f.Team), TeamName: f.TeamName, Unit: f.Unit, UnitName: n.unitName(f.Unit), SinceMS: f.SinceMS, FoundMS: f.Standing.SinceMS,
		Count: f.Count, What: bothTexts(f.What), Next: bothTexts(f.Next), DismissedMS: f.Standing.DismissedMS, By: f.Standing.Actor, Reason: f.Standing.Reason,
	}
}

// Health lists findings.
func (h healthKeeper) Health(ctx context.Context, q httpapi.HealthQuery) (httpapi.HealthList, error) {
	l, err := h.n.health.List(ctx, health.Query{
		Units: q.Units, Kind: health.Kind(q.Kind), Origin: q.Origin, Dismissed: q.Dismissed, After: q.After, Limit: q.Limit,
	})
	out := httpapi.HealthList{Items: []httpapi.HealthFinding{}, Counts: map[string]int{}, Devices: l.Devices, Next: l.Next, MadeMS: l.MadeMS}
	for k, c := range l.Counts {
		out.Counts[string(k)] = c
	}
	for i := range l.Findings {
		out.Items = append(out.Items, h.n.findingView(&l.Findings[i]))
	}
	return out, err
}

// HealthOf tells all about one device.
func (h healthKeeper) HealthOf(ctx context.Context, origin uuid.UUID, units []string) (httpapi.HealthDevice, error) {
	st, err := h.n.health.Device(ctx, origin, units)
	if err != nil {
		return httpapi.HealthDevice{}, err
	}
	d := &st.Device
	out := httpapi.HealthDevice{
		Origin: d.Origin.String(), Role: d.Role, Label: d.Label, Team: idText(d.Team), TeamName: d.TeamName, Unit: d.Unit, UnitName: st.UnitName,
		Retired: d.Retired, HeardMS: d.HeardMS, Via: idText(d.Via), Waiting: d.Waiting, OffsetMS: d.OffsetMS,
		Custody: []httpapi.HealthCustody{}, Findings: []httpapi.HealthFinding{},
	}
	if st.Clock != (report.Text{}) {
		c := bothTexts(st.Clock)
		out.Clock = &c
	}
	for _, c := range st.Custody {
		out.Custody = append(out.Custody, httpapi.HealthCustody{Where: c.Where, Point: idText(c.Point), Label: c.Label, Changes: c.Changes, SinceMS: c.SinceMS})
	}
	for i := range st.Findings {
		out.Findings = append(out.Findings, h.n.findingView(&st.Findings[i]))
	}
	return out, nil
}

// DismissFinding puts a finding aside.
func (h healthKeeper) DismissFinding(ctx context.Context, key string, units []string, actor, reason string) error {
	if err := h.note(ctx, actor, "dismissed"); err != nil {
		return err
	}
	return h.n.health.Dismiss(ctx, key, units, actor, reason)
}

// UndoFinding has it stand again.
func (h healthKeeper) UndoFinding(ctx context.Context, key string, units []string, actor string) error {
	if err := h.note(ctx, actor, "undone"); err != nil {
		return err
	}
	return h.n.health.Undo(ctx, key, units)
}

// note writes down who changes a finding. Its key is a caller's text and stays
// out.
func (h healthKeeper) note(ctx context.Context, actor, how string) error {
	return h.n.audit.Write(ctx, audit.Event{Actor: actor, Action: audit.FindingChanged, Result: how})
}

// HealthCommand lists what is wrong; with an origin only of that device.
var HealthCommand = Register(Command[httpapi.HealthQuery, httpapi.HealthList]{
	Name: "health",
	Do: func(ctx context.Context, n *Node, in httpapi.HealthQuery) (httpapi.HealthList, error) {
		if in.Units != nil {
			if err := n.knownUnits(in.Units); err != nil {
				return httpapi.HealthList{}, err
			}
		}
		if in.Kind != "" && !slices.Contains(health.Kinds(), health.Kind(in.Kind)) {
			return httpapi.HealthList{}, syncproto.Errorf(syncproto.CodeInvalidInput, "no finding is of kind %q: see the kinds in thonsync health --help", in.Kind)
		}
		return healthKeeper{n}.Health(ctx, in)
	},
})

// HealthDeviceQuery names a device.
type HealthDeviceQuery struct {
	Origin uuid.UUID `json:"origin"`
}

// HealthDeviceCommand tells all about one device.
var HealthDeviceCommand = Register(Command[HealthDeviceQuery, httpapi.HealthDevice]{
	Name: "health.device",
	Do: func(ctx context.Context, n *Node, in HealthDeviceQuery) (httpapi.HealthDevice, error) {
		return healthKeeper{n}.HealthOf(ctx, in.Origin, nil)
	},
})

// FindingMark names a finding and why it is put aside.
type FindingMark struct {
	Key    string `json:"key"`
	Reason string `json:"reason,omitempty"`
}

// HealthDismiss puts a finding aside.
var HealthDismiss = Register(Command[FindingMark, None]{
	Name: "health.dismiss",
	Do: func(ctx context.Context, n *Node, in FindingMark) (None, error) {
		return None{}, healthKeeper{n}.DismissFinding(ctx, in.Key, nil, audit.Console, in.Reason)
	},
})

// HealthUndo has it stand again.
var HealthUndo = Register(Command[FindingMark, None]{
	Name: "health.undo",
	Do: func(ctx context.Context, n *Node, in FindingMark) (None, error) {
		return None{}, healthKeeper{n}.UndoFinding(ctx, in.Key, nil, audit.Console)
	},
})
