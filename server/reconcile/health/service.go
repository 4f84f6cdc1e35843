package health

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"thonsync/server/report"
	"thonsync/server/store"
	"thonsync/syncproto"
)

// Config is what a Service needs. All fields without another word are required.
type Config struct {
	View   func(ctx context.Context, f func(store.Reader) error) error
	Update func(ctx context.Context, f func(store.Tx) error) error
	// Lies tells whether a unit is or lies in one of units.
	Lies func(unit string, in []string) bool
	// UnitName gives what people call a unit.
	UnitName func(unit string) string
	// More finds what is not about a device; nil for nothing.
	More func(ctx context.Context) ([]Finding, error)
	// Told is told of a finding that is new, in the transaction that notes it; nil
	// for nobody.
	Told  func(tx store.Tx, f *Finding) error
	Here  string // "centre" or "point": what this server is
	Rules Rules
	Now   func() time.Time
}

// Service finds what is wrong and keeps what people said of it. It is safe for
// concurrent use.
type Service struct {
	cfg Config

	mu    sync.Mutex
	at    time.Time
	state *state
}

// state is one reading, never changed once made.
type state struct {
	findings []Finding
	devices  map[syncproto.OriginID]*Device
	madeMS   int64
}

// fresh is how long a reading serves: it takes a fraction of a second with some
// thousand devices, and pages ask often.
const fresh = 10 * time.Second

// New makes the service.
func New(cfg Config) *Service { return &Service{cfg: cfg} }

// Query asks for findings. Zero fields do not narrow.
type Query struct {
	Units     []string // only what lies in one of them; nil for everything
	Kind      Kind
	Origin    syncproto.OriginID
	Dismissed bool // also those that were dismissed
	After     string
	Limit     int // 0 for no limit
}

// List is what was found.
type List struct {
	Findings []Finding
	Counts   map[Kind]int // that stand in the units and are not dismissed, whatever else was asked for
	Devices  int          // in the units
	Next     string       // where the next page begins; "" for the end
	MadeMS   int64
}

// List lists findings, the urgent ones first, then by kind and since when.
func (s *Service) List(ctx context.Context, q Query) (List, error) {
	st, err := s.now(ctx)
	if err != nil {
		return List{}, err
	}
	out := List{Findings: []Finding{}, Counts: map[Kind]int{}, MadeMS: st.madeMS}
	for _, d := range st.devices {
		if s.covers(q.Units, d.Unit) && !d.Retired {
			out.Devices++
		}
	}
	began := q.After == ""
	for i := range st.findings {
		f := &st.findings[i]
		if !s.covers(q.Units, f.Unit) {
			continue
		}
		if f.Standing.DismissedMS == 0 {
			out.Counts[f.Kind]++
		}
		if !q.wants(f) {
			continue
		}
		if began && q.Limit > 0 && len(out.Findings) == q.Limit {
			out.Next = cmp.Or(out.Next, out.Findings[q.Limit-1].Key)
			continue
		}
		if began {
			out.Findings = append(out.Findings, *f)
		}
		began = began || f.Key == q.After
	}
	return out, nil
}

func (q *Query) wants(f *Finding) bool {
	return (q.Kind == "" || f.Kind == q.Kind) && (q.Origin == syncproto.OriginID{} || f.Origin == q.Origin) &&
		(q.Dismissed || f.Standing.DismissedMS == 0)
}

func (s *Service) covers(units []string, unit string) bool {
	return units == nil || unit != "" && s.cfg.Lies(unit, units)
}

// DeviceState is all that is known of one device.
type DeviceState struct {
	Device   Device
	UnitName string
	Clock    report.Text // empty if it is right
	Custody  []Custody
	Findings []Finding
}

var errNoDevice = syncproto.Errorf(syncproto.CodeScope, "there is no such device here")

// Device gives one device that lies in units; nil units for any.
func (s *Service) Device(ctx context.Context, origin syncproto.OriginID, units []string) (DeviceState, error) {
	st, err := s.now(ctx)
	if err != nil {
		return DeviceState{}, err
	}
	d := st.devices[origin]
	if d == nil || !s.covers(units, d.Unit) {
		return DeviceState{}, errNoDevice
	}
	out := DeviceState{Device: *d, UnitName: s.cfg.UnitName(d.Unit), Custody: d.Custody(s.cfg.Here, st.label), Findings: []Finding{}}
	if off := time.Duration(d.OffsetMS) * time.Millisecond; off.Abs() > s.cfg.Rules.Clock {
		out.Clock = ClockText(off)
	}
	for i := range st.findings {
		if st.findings[i].Origin == origin {
			out.Findings = append(out.Findings, st.findings[i])
		}
	}
	return out, nil
}

// maxReason bounds what is written about a finding or question.
const maxReason = 500

var (
	errNoFinding = syncproto.Errorf(syncproto.CodeScope, "there is no such finding here: it may have gone by itself")
	errReason    = syncproto.Errorf(syncproto.CodeInvalidInput, "say why, in at most %d characters: who looks at it later must understand it", maxReason)
)

// Dismiss puts a finding aside with a reason, as long as it stands. Undo takes
// that back.
func (s *Service) Dismiss(ctx context.Context, key string, units []string, actor, reason string) error {
	reason = strings.TrimSpace(reason)
	if reason == "" || len([]rune(reason)) > maxReason {
		return errReason
	}
	return s.mark(ctx, key, units, func(f *store.Finding) {
		f.DismissedMS, f.Actor, f.Reason = s.cfg.Now().UnixMilli(), actor, reason
	})
}

// Undo has a dismissed finding stand again.
func (s *Service) Undo(ctx context.Context, key string, units []string) error {
	return s.mark(ctx, key, units, func(f *store.Finding) { f.DismissedMS, f.Actor, f.Reason = 0, "", "" })
}

func (s *Service) mark(ctx context.Context, key string, units []string, change func(*store.Finding)) error {
	st, err := s.now(ctx)
	if err != nil {
		return err
	}
	at := slices.IndexFunc(st.findings, func(f Finding) bool { return f.Key == key && s.covers(units, f.Unit) })
	if at < 0 {
		return errNoFinding
	}
	found := &st.findings[at]
	defer s.forget()
	return s.cfg.Update(ctx, func(tx store.Tx) error {
		list, err := tx.Findings()
		if err != nil {
			return err
		}
		row := store.Finding{Key: key, Kind: string(found.Kind), SinceMS: found.Standing.SinceMS}
		if i := slices.IndexFunc(list, func(f store.Finding) bool { return f.Key == key }); i >= 0 {
			row = list[i]
		} else if err := s.tell(tx, found); err != nil {
			return err
		}
		change(&row)
		return tx.PutFinding(row)
	})
}

func (s *Service) tell(tx store.Tx, f *Finding) error {
	if s.cfg.Told == nil {
		return nil
	}
	return s.cfg.Told(tx, f)
}

func (s *Service) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state = nil
}

// now gives a reading that is fresh enough.
func (s *Service) now(ctx context.Context) (*state, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := s.cfg.Now()
	if age := at.Sub(s.at); s.state != nil && age >= 0 && age < fresh {
		return s.state, nil
	}
	st, err := s.read(ctx, at)
	if err != nil {
		return nil, err
	}
	s.state, s.at = st, at
	return st, nil
}

func (s *Service) read(ctx context.Context, at time.Time) (*state, error) {
	var found *facts
	var rows []store.Finding
	err := s.cfg.View(ctx, func(r store.Reader) (err error) {
		if found, err = gather(r); err != nil {
			return err
		}
		rows, err = r.Findings()
		return err
	})
	if err != nil {
		return nil, err
	}
	st := &state{devices: found.by, madeMS: at.UnixMilli()}
	for _, d := range found.list {
		st.findings = append(st.findings, s.cfg.Rules.Judge(d, at, st.label)...)
	}
	if s.cfg.More != nil {
		more, err := s.cfg.More(ctx)
		if err != nil {
			return nil, err
		}
		st.findings = append(st.findings, more...)
	}
	st.know(rows)
	return st, nil
}

// know joins what was found with what is noted of it, and sorts.
func (st *state) know(rows []store.Finding) {
	noted := make(map[string]store.Finding, len(rows))
	for _, r := range rows {
		noted[r.Key] = r
	}
	rank := make(map[Kind]int)
	for i, k := range Kinds() {
		rank[k] = i
	}
	for i := range st.findings {
		f := &st.findings[i]
		row, ok := noted[f.Key]
		if !ok {
			row = store.Finding{Key: f.Key, Kind: string(f.Kind), SinceMS: st.madeMS}
		}
		if f.Standing = row; f.SinceMS == 0 {
			f.SinceMS = row.SinceMS
		}
	}
	urgency := map[bool]int{true: 0, false: 1}
	slices.SortFunc(st.findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(urgency[a.Urgent], urgency[b.Urgent]), cmp.Compare(rank[a.Kind], rank[b.Kind]),
			cmp.Compare(a.SinceMS, b.SinceMS), cmp.Compare(a.Key, b.Key))
	})
}

func (st *state) label(id syncproto.OriginID) string {
	if d := st.devices[id]; d != nil && d.Label != "" {
		return d.Label
	}
	return id.String()[:8]
}

// Watch notes findings that are new and tells of them, and forgets those that
// are gone with what was said of them. Call it now and then.
func (s *Service) Watch(ctx context.Context) error {
	s.forget()
	st, err := s.now(ctx)
	if err != nil {
		return err
	}
	stands := make(map[string]*Finding, len(st.findings))
	for i := range st.findings {
		stands[st.findings[i].Key] = &st.findings[i]
	}
	var rows []store.Finding
	if err := s.cfg.View(ctx, func(r store.Reader) (err error) { rows, err = r.Findings(); return err }); err != nil {
		return err
	}
	if same(rows, stands) {
		return nil
	}
	defer s.forget()
	return s.cfg.Update(ctx, func(tx store.Tx) error { return s.note(tx, stands) })
}

func same(rows []store.Finding, stands map[string]*Finding) bool {
	for i := range rows {
		if stands[rows[i].Key] == nil {
			return false
		}
	}
	return len(rows) == len(stands)
}

func (s *Service) note(tx store.Tx, stands map[string]*Finding) error {
	rows, err := tx.Findings()
	if err != nil {
		return err
	}
	noted := make(map[string]bool, len(rows))
	for i := range rows {
		noted[rows[i].Key] = true
		if stands[rows[i].Key] == nil {
			if err := tx.DeleteFinding(rows[i].Key); err != nil {
				return err
			}
		}
	}
	for key, f := range stands {
		if noted[key] {
			continue
		}
		if err := tx.PutFinding(f.Standing); err != nil {
			return err
		}
		if err := s.tell(tx, f); err != nil {
			return err
		}
	}
	return nil
}
