package registers

import (
	"cmp"
	"context"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"thonsync/server/ingest"
	"thonsync/server/reconcile/linkage"
	"thonsync/server/store"
	"thonsync/syncproto"
)

// Match compares what has changed on either side since the last time: activities
// that came, were corrected, voided or erased, and rows of registers. tell may be
// nil; it is told how many pieces of work are left.
func (s *Service) Match(ctx context.Context, tell Progress) error {
	s.matching.Lock()
	defer s.matching.Unlock()
	if err := s.cfg.Persons.CatchUp(ctx); err != nil {
		return err
	}
	for done := 0; ; {
		n, left, err := s.matchSome(ctx)
		if err != nil || n == 0 {
			return err
		}
		if done += n; tell != nil {
			tell(PhaseMatching, done, done+left)
		}
	}
}

// Bounds of one step of matching.
const (
	stepPieces   = 64
	stepCommunes = 2
	stepWrites   = 1000
)

// matchSome works on the oldest pieces. What changes in between is queued again
// behind them.
func (s *Service) matchSome(ctx context.Context) (done, left int, err error) {
	var step matchStep
	err = s.cfg.View(ctx, func(r store.Reader) error {
		queue, err := r.RegisterQueue(0)
		if err != nil || len(queue) == 0 {
			done = 0
			return err
		}
		regs, err := registersOf(r)
		if err != nil {
			return err
		}
		step = matchStep{s: s, r: r, defs: s.cfg.Definitions(), work: map[string]*communeWork{}}
		for _, reg := range regs {
			if !reg.Expired {
				step.regs = append(step.regs, reg)
			}
		}
		if done, err = step.gather(queue); err != nil {
			return err
		}
		left = len(queue) - done
		return step.run()
	})
	if err != nil || done == 0 {
		return 0, 0, err
	}
	return done, left, s.writeFindings(ctx, &step)
}

func (s *Service) writeFindings(ctx context.Context, step *matchStep) error {
	for {
		part := step.put[:min(len(step.put), stepWrites)]
		step.put = step.put[len(part):]
		last := len(step.put) == 0
		err := s.update(ctx, func(tx store.Tx) error {
			for i := range part {
				if err := tx.PutRegisterFinding(part[i]); err != nil {
					return err
				}
			}
			if last {
				return tx.UnqueueRegisterWork(step.upTo)
			}
			return nil
		})
		if err != nil || last {
			return err
		}
	}
}

// communeWork is what is compared in one commune.
type communeWork struct {
	all     bool
	records []store.Record
	met     map[uuid.UUID]bool
}

// matchStep is one step on one snapshot.
type matchStep struct {
	s    *Service
	r    store.Reader
	defs *ingest.Definitions
	regs []Register
	work map[string]*communeWork
	put  []store.RegisterFinding
	upTo int64
}

func (m *matchStep) commune(key string) *communeWork {
	if m.work[key] == nil {
		m.work[key] = &communeWork{met: map[uuid.UUID]bool{}}
	}
	return m.work[key]
}

// gather takes pieces from the front of the queue and gives how many.
func (m *matchStep) gather(queue []store.RegisterWork) (int, error) {
	whole := 0
	for i, w := range queue {
		if w.Commune != "" && !m.commune(w.Commune).all {
			if whole++; whole > stepCommunes {
				delete(m.work, w.Commune)
				return i, nil
			}
			m.commune(w.Commune).all = true
		}
		for _, id := range w.Records {
			rec, there, err := m.r.Record(id)
			if err != nil {
				return 0, err
			}
			if c := m.commune(m.defs.Commune(rec.Unit)); there && !c.met[id] {
				rec.History = nil
				c.met[id], c.records = true, append(c.records, rec)
			}
		}
		m.upTo = w.ID
		if i+1 == stepPieces {
			return i + 1, nil
		}
	}
	return len(queue), nil
}

func (m *matchStep) run() error {
	if len(m.regs) == 0 {
		return nil
	}
	for key, w := range m.work {
		if w.all {
			if err := m.activities(key, w); err != nil {
				return err
			}
		}
		if len(w.records) == 0 {
			continue
		}
		p, err := m.pool(key)
		if err != nil {
			return err
		}
		for i := range w.records {
			if err := m.one(p, &w.records[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

// activities reads all of a commune.
func (m *matchStep) activities(key string, w *communeWork) error {
	for _, unit := range m.s.unitsOf(m.defs, key) {
		q := store.RecordQuery{Collection: syncproto.CollectionActivity, Unit: unit, WithoutHistory: true}
		err := m.r.EachRecord(q, func(rec store.Record) error {
			if !w.met[rec.ID] {
				w.met[rec.ID], w.records = true, append(w.records, rec)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// unitsOf lists a commune and what lies in it.
func (s *Service) unitsOf(defs *ingest.Definitions, commune string) []string {
	out := []string{}
	for unit := range defs.Units() {
		if defs.Commune(unit) == commune {
			out = append(out, unit)
		}
	}
	slices.Sort(out)
	return out
}

// communesOf lists the communes of units.
func (s *Service) communesOf(units []string) []string {
	defs := s.cfg.Definitions()
	set := map[string]bool{}
	for unit, info := range defs.Units() {
		if info.Level == "commune" && defs.Lies(unit, units) {
			set[unit] = true
		}
	}
	for _, u := range units {
		if c := defs.Commune(u); c != "" {
			set[c] = true
		}
	}
	out := make([]string, 0, len(set))
	for c := range set {
		out = append(out, c)
	}
	slices.Sort(out)
	return out
}

// pool is the rows of registers with which the activities of one commune are
// compared.
type pool struct {
	commune string
	rows    []store.RegisterRow
	people  []linkage.Person
	index   *linkage.Index
	names   *linkage.Names
	at      map[rowName]int
}

type rowName struct {
	register uuid.UUID
	key      store.KeyedHash
}

func (m *matchStep) pool(commune string) (*pool, error) {
	p := &pool{commune: commune, at: map[rowName]int{}}
	if commune != "" {
		for _, c := range m.defs.Family(commune) {
			if err := m.r.EachRegisterRow(store.RegisterRowQuery{Commune: c}, func(row store.RegisterRow) error { return m.add(p, row) }); err != nil {
				return nil, err
			}
		}
	}
	p.names, p.index = linkage.CountNames(p.people), linkage.NewIndex(p.people)
	return p, nil
}

func (m *matchStep) add(p *pool, row store.RegisterRow) error {
	if row.Gone {
		return nil
	}
	e, err := m.s.open(&row)
	if err != nil {
		return err
	}
	commune := row.Commune
	if slices.Contains(m.defs.Family(p.commune), commune) {
		commune = p.commune // a commune and what it was before are one place
	}
	row.Sealed = nil
	p.at[rowName{row.Register, row.Key}] = len(p.rows)
	p.rows, p.people = append(p.rows, row), append(p.people, m.s.person(&e, commune))
	return nil
}

// one compares one activity with all registers and notes what is new about it.
func (m *matchStep) one(p *pool, rec *store.Record) error {
	had := map[uuid.UUID]store.RegisterFinding{}
	err := m.r.EachRegisterFinding(store.RegisterFindingQuery{Activity: rec.ID}, func(f store.RegisterFinding) error {
		had[f.Register] = f
		return nil
	})
	if err != nil {
		return err
	}
	var candidates []candidate
	looked := false
	for i := range m.regs {
		reg := &m.regs[i]
		f := m.blank(reg, rec)
		if f.Verdict == store.RegisterUnconfirmed {
			if !looked {
				if candidates, err = m.candidates(p, rec); err != nil {
					return err
				}
				looked = true
			}
			f = decide(reg, rec, f, candidates)
		}
		if f != had[reg.ID] && (f.Verdict != 0 || had[reg.ID].Verdict != 0) {
			m.put = append(m.put, f)
		}
	}
	return nil
}

// blank says what can be said without any row: nothing of what the register does
// not speak of, and "not covered" of a day outside it.
func (m *matchStep) blank(reg *Register, rec *store.Record) store.RegisterFinding {
	f := store.RegisterFinding{Register: reg.ID, Activity: rec.ID, Unit: rec.Unit, Commune: m.defs.Commune(rec.Unit), Team: rec.Team, Kind: rec.Kind, Occurred: rec.Occurred}
	switch {
	case !rec.Exists || rec.Void || rec.Erased || !reg.Rule.claims(rec.Kind, rec.Result), !m.defs.Lies(rec.Unit, reg.Units):
	case !within(rec.Occurred, reg.From, reg.To):
		f.Verdict = store.RegisterNotCovered
	default:
		f.Verdict = store.RegisterUnconfirmed
	}
	return f
}

// within tells whether a day, or all of a month or year, lies in a period.
func within(day, from, to string) bool {
	if from == "" && to == "" {
		return true
	}
	first, last := span(day)
	return day != "" && (from == "" || first >= from) && (to == "" || last <= to)
}

// span gives the first and last day that a date with missing parts may mean.
func span(day string) (first, last string) {
	switch len(day) {
	case len("2006"):
		return day + "-01-01", day + "-12-31"
	case len("2006-01"):
		t, err := time.Parse("2006-01", day)
		if err != nil {
			return day, day
		}
		return day + "-01", t.AddDate(0, 1, -1).Format(time.DateOnly)
	}
	return day, day
}

func isDay(s string) bool {
	_, err := time.Parse(time.DateOnly, s)
	return err == nil
}

// candidate is a row that may be about the person of an activity.
type candidate struct {
	row   *store.RegisterRow
	exact bool
	cmp   linkage.Comparison
}

// candidates finds rows with the same number wherever they are, and in the
// commune those that are alike enough. Never by a name alone: see linkage.Judge.
func (m *matchStep) candidates(p *pool, rec *store.Record) ([]candidate, error) {
	person, there, err := m.r.Person(rec.ID)
	if err != nil || !there {
		return nil, err
	}
	who, err := m.s.cfg.Persons.Read(&person, p.commune)
	if err != nil {
		return nil, err
	}
	var out []candidate
	take := func(row *store.RegisterRow, other *linkage.Person) {
		c := candidate{row: row, cmp: linkage.Compare(&who, other, p.names)}
		c.exact = c.cmp.Evidence[linkage.FieldNumber].Level == linkage.LevelSame
		if c.exact || linkage.Judge(&c.cmp) != linkage.Apart {
			out = append(out, c)
		}
	}
	p.index.Candidates(&who, func(i int) { take(&p.rows[i], &p.people[i]) })
	if person.Number == (store.KeyedHash{}) {
		return out, nil
	}
	elsewhere := &pool{commune: p.commune, at: map[rowName]int{}}
	err = m.r.EachRegisterRow(store.RegisterRowQuery{Number: person.Number}, func(row store.RegisterRow) error {
		if _, here := p.at[rowName{row.Register, row.Key}]; here {
			return nil
		}
		return m.add(elsewhere, row)
	})
	for i := range elsewhere.rows {
		take(&elsewhere.rows[i], &elsewhere.people[i])
	}
	return out, err
}

// decide takes the row that fits best. One that agrees confirms the activity;
// where only rows speak against it, it is contradicted.
func decide(reg *Register, rec *store.Record, f store.RegisterFinding, list []candidate) store.RegisterFinding {
	type ranked struct {
		*candidate
		reasons []string
		apart   int
	}
	var fit []ranked
	for i := range list {
		c := &list[i]
		if c.row.Register != reg.ID || c.row.Kind != "" && c.row.Kind != rec.Kind {
			continue
		}
		r := ranked{candidate: c, apart: daysApart(c.row.Day, rec.Occurred)}
		late := reg.Rule.WindowDays > 0 && r.apart > reg.Rule.WindowDays
		if late && !c.exact {
			continue // a likely person at another time is no contradiction
		}
		r.reasons = disagree(c, late)
		fit = append(fit, r)
	}
	if len(fit) == 0 {
		return f
	}
	best := slices.MinFunc(fit, func(a, b ranked) int {
		return cmp.Or(cmp.Compare(min(len(a.reasons), 1), min(len(b.reasons), 1)), boolCompare(b.exact, a.exact), cmp.Compare(len(a.reasons), len(b.reasons)),
			cmp.Compare(b.cmp.Bits, a.cmp.Bits), cmp.Compare(a.apart, b.apart), slices.Compare(a.row.Key[:], b.row.Key[:]))
	})
	f.Verdict = store.RegisterConfirmed
	if len(best.reasons) > 0 {
		f.Verdict = store.RegisterContradicted
	}
	f.Row, f.Reasons, f.Exact, f.Score = best.row.Key, strings.Join(best.reasons, ","), best.exact, int(math.Round(100*best.cmp.Bits))
	return f
}

func boolCompare(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}

// disagree lists what an activity and a row say differently.
func disagree(c *candidate, late bool) []string {
	e := &c.cmp.Evidence
	var out []string
	for _, f := range []linkage.Field{linkage.FieldNumber, linkage.FieldName, linkage.FieldBirth, linkage.FieldSex} {
		l := e[f].Level
		if l == linkage.LevelDiffers || f == linkage.FieldBirth && l == linkage.LevelNear {
			out = append(out, f.String())
		}
	}
	if late {
		out = append(out, string(ColDay))
	}
	if !c.row.Done {
		out = append(out, string(ColOutcome))
	}
	return out
}

// daysApart gives the days between two dates, as near as missing parts allow; 0
// where one is not known.
func daysApart(a, b string) int {
	if a == "" || b == "" {
		return 0
	}
	a1, a2 := span(a)
	b1, b2 := span(b)
	if a1 <= b2 && b1 <= a2 {
		return 0
	}
	if a1 > b2 {
		return daysBetween(b2, a1)
	}
	return daysBetween(a2, b1)
}

func daysBetween(a, b string) int {
	x, err1 := time.Parse(time.DateOnly, a)
	y, err2 := time.Parse(time.DateOnly, b)
	if err1 != nil || err2 != nil {
		return 0
	}
	return int(y.Sub(x).Hours() / 24)
}
