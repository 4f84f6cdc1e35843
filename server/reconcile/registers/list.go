package registers

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"github.com/google/uuid"

	"thonsync/server/store"
	"thonsync/syncproto"
)

// Words of the verdicts.
var verdictWords = map[store.RegisterVerdict]string{
	store.RegisterConfirmed: "confirmed", store.RegisterUnconfirmed: "unconfirmed", store.RegisterContradicted: "contradicted", store.RegisterNotCovered: "not_covered",
}

func verdictOf(word string) (store.RegisterVerdict, error) {
	for v, w := range verdictWords {
		if w == word {
			return v, nil
		}
	}
	if word == "" {
		return 0, nil
	}
	return 0, syncproto.Errorf(syncproto.CodeInvalidInput, "a verdict is confirmed, unconfirmed, contradicted or not_covered, not %q", word)
}

// RegisterSums counts activities by verdict and rows by state. Share is confirmed of all
// that the register can speak of, in hundredths; -1 if there are none.
type RegisterSums struct {
	Confirmed    int `json:"confirmed"`
	Unconfirmed  int `json:"unconfirmed"`
	Contradicted int `json:"contradicted"`
	NotCovered   int `json:"not_covered"`
	Found        int `json:"found"`
	Only         int `json:"only_in_register"`
	Gone         int `json:"gone"`
	Share        int `json:"share"`
}

func (s *RegisterSums) add(v store.RegisterVerdict, n int) {
	switch v {
	case store.RegisterConfirmed:
		s.Confirmed += n
	case store.RegisterUnconfirmed:
		s.Unconfirmed += n
	case store.RegisterContradicted:
		s.Contradicted += n
	case store.RegisterNotCovered:
		s.NotCovered += n
	}
}

func (s *RegisterSums) finish() {
	s.Share = -1
	if all := s.Confirmed + s.Unconfirmed + s.Contradicted; all > 0 {
		s.Share = (200*s.Confirmed/all + 1) / 2
	}
}

// RegisterImport is one file that was taken in.
type RegisterImport struct {
	ID    uuid.UUID `json:"id"`
	AtMS  int64     `json:"at_ms"`
	Actor string    `json:"actor"`
	State string    `json:"state"` // running, done or undone
	ImportCounts
	Undoable bool `json:"undoable"`
}

// RegisterView is a register with its sums.
type RegisterView struct {
	Register
	Sums    RegisterSums     `json:"sums"`
	Imports []RegisterImport `json:"imports"`
	Waiting int              `json:"waiting"` // pieces of work that are still to be compared
}

// RegisterTeam counts the activities of one team.
type RegisterTeam struct {
	Team    uuid.UUID `json:"team,omitzero"`
	Unit    string    `json:"unit"`
	Commune string    `json:"commune"`
	RegisterSums
}

// List gives all registers with their sums over the units that lie in unit, "" for
// all.
func (s *Service) List(ctx context.Context, unit string) ([]RegisterView, error) {
	out := []RegisterView{}
	err := s.cfg.View(ctx, func(r store.Reader) error {
		list, err := registersOf(r)
		if err != nil {
			return err
		}
		out = out[:0]
		for _, reg := range list {
			o, err := s.overview(r, reg, unit)
			if err != nil {
				return err
			}
			out = append(out, o)
		}
		return nil
	})
	return out, err
}

// Get gives one register by name or id.
func (s *Service) Get(ctx context.Context, register, unit string) (out RegisterView, err error) {
	err = s.cfg.View(ctx, func(r store.Reader) error {
		reg, err := find(r, register)
		if err != nil {
			return err
		}
		out, err = s.overview(r, reg, unit)
		return err
	})
	return out, err
}

func (s *Service) overview(r store.Reader, reg Register, unit string) (RegisterView, error) {
	o := RegisterView{Register: reg, Imports: []RegisterImport{}}
	imports, err1 := r.RegisterImports(reg.ID)
	sums, err2 := r.RegisterSums(reg.ID)
	rows, err3 := r.RegisterRowSums(reg.ID)
	queue, err4 := r.RegisterQueue(0)
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		return o, err
	}
	for _, x := range sums {
		if s.lies(x.Unit, unit) {
			o.Sums.add(x.Verdict, x.Number)
		}
	}
	for _, x := range rows {
		if s.lies(x.Commune, unit) {
			o.Sums.Found, o.Sums.Only, o.Sums.Gone = o.Sums.Found+x.Found, o.Sums.Only+x.Only, o.Sums.Gone+x.Gone
		}
	}
	o.Sums.finish()
	o.Waiting = len(queue)
	undoable := true
	for _, i := range imports {
		v := RegisterImport{ID: i.ID, AtMS: i.AtMS, Actor: i.Actor, State: i.State}
		if err := json.Unmarshal(i.Document, &v.ImportCounts); err != nil {
			return o, syncproto.Wrap(syncproto.CodeInternal, err, "import %s cannot be read", i.ID)
		}
		if v.State != store.RegisterUndone && !reg.Expired {
			v.Undoable, undoable = undoable, false
		}
		o.Imports = append(o.Imports, v)
	}
	return o, nil
}

func (s *Service) lies(unit, in string) bool {
	return in == "" || s.cfg.Definitions().Lies(unit, []string{in})
}

// Teams gives the sums of each team in a unit, "" for all, by unit and team.
func (s *Service) Teams(ctx context.Context, register, unit string) ([]RegisterTeam, error) {
	out := []RegisterTeam{}
	err := s.cfg.View(ctx, func(r store.Reader) error {
		reg, err := find(r, register)
		if err != nil {
			return err
		}
		sums, err := r.RegisterSums(reg.ID)
		out = out[:0]
		for _, x := range sums {
			if !s.lies(x.Unit, unit) {
				continue
			}
			if n := len(out); n == 0 || out[n-1].Unit != x.Unit || out[n-1].Team != x.Team {
				out = append(out, RegisterTeam{Team: x.Team, Unit: x.Unit, Commune: x.Commune})
			}
			out[len(out)-1].add(x.Verdict, x.Number)
		}
		for i := range out {
			out[i].finish()
		}
		return err
	})
	return out, err
}

// RegisterFinding is a discrepancy, or what was found to agree. It names nobody.
type RegisterFinding struct {
	Activity uuid.UUID `json:"activity"`
	Verdict  string    `json:"verdict"`
	Reasons  []string  `json:"reasons"`       // fields that disagree
	Row      string    `json:"row,omitempty"` // of the register
	Unit     string    `json:"unit"`
	UnitName string    `json:"unit_name,omitempty"`
	Commune  string    `json:"commune,omitempty"`
	Team     uuid.UUID `json:"team,omitzero"`
	Kind     string    `json:"kind"`
	Occurred string    `json:"occurred,omitempty"`
	Exact    bool      `json:"exact"` // found by the identity number
	Score    int       `json:"score"` // hundredths of a bit
}

// FindingQuery asks for findings of a register. Zero fields do not narrow.
type FindingQuery struct {
	Verdict string
	Unit    string // in which it lies, list:code
	Team    uuid.UUID
	After   uuid.UUID
	Limit   int
}

// Findings lists findings by activity, and where the next page begins.
func (s *Service) Findings(ctx context.Context, register string, q FindingQuery) (out []RegisterFinding, next uuid.UUID, err error) {
	verdict, err := verdictOf(q.Verdict)
	if err != nil {
		return nil, next, err
	}
	err = s.cfg.View(ctx, func(r store.Reader) error {
		reg, err := find(r, register)
		if err != nil {
			return err
		}
		out, next = []RegisterFinding{}, uuid.Nil
		err = r.EachRegisterFinding(store.RegisterFindingQuery{Register: reg.ID, Verdict: verdict, Team: q.Team, After: q.After}, func(f store.RegisterFinding) error {
			switch {
			case !s.lies(f.Unit, q.Unit):
				return nil
			case q.Limit > 0 && len(out) == q.Limit:
				next = out[len(out)-1].Activity
				return errEnough
			}
			out = append(out, s.finding(&f))
			return nil
		})
		return enough(err)
	})
	return out, next, err
}

var errEnough = errors.New("a page is full")

func enough(err error) error {
	if errors.Is(err, errEnough) {
		return nil
	}
	return err
}

func (s *Service) finding(f *store.RegisterFinding) RegisterFinding {
	v := RegisterFinding{Activity: f.Activity, Verdict: verdictWords[f.Verdict], Reasons: []string{}, Unit: f.Unit, Commune: f.Commune, Team: f.Team, Kind: f.Kind, Occurred: f.Occurred, Exact: f.Exact, Score: f.Score}
	if f.Reasons != "" {
		v.Reasons = strings.Split(f.Reasons, ",")
	}
	if f.Row != (store.KeyedHash{}) {
		v.Row = hex.EncodeToString(f.Row[:])
	}
	v.UnitName = s.unitName(f.Unit)
	return v
}

func (s *Service) unitName(unit string) string {
	u, _ := s.cfg.Definitions().Unit(unit)
	return u.Name
}

// RegisterRow is a row of a register. Who it is about is there only if it was asked
// for.
type RegisterRow struct {
	Row      string     `json:"row"`
	State    string     `json:"state"` // found, only or gone
	Unit     string     `json:"unit,omitempty"`
	UnitName string     `json:"unit_name,omitempty"`
	Commune  string     `json:"commune,omitempty"`
	Kind     string     `json:"kind,omitempty"`
	Day      string     `json:"day,omitempty"`
	Done     bool       `json:"done"`
	Import   uuid.UUID  `json:"import"`
	Person   *RowPerson `json:"person,omitempty"`
}

// RowPerson is who a row is about.
type RowPerson struct {
	Number string `json:"id_number,omitempty"`
	Name   string `json:"full_name,omitempty"`
	Birth  string `json:"birth_date,omitempty"`
	Sex    string `json:"sex,omitempty"`
}

// RowQuery asks for rows of a register. State is found, only or gone.
type RowQuery struct {
	State string
	Unit  string
	After string
	Limit int
}

// Rows lists rows by key, and where the next page begins.
func (s *Service) Rows(ctx context.Context, register string, q RowQuery) (out []RegisterRow, next string, err error) {
	if !slices.Contains([]string{"", "found", "only", "gone"}, q.State) {
		return nil, "", syncproto.Errorf(syncproto.CodeInvalidInput, "rows are found, only or gone, not %q", q.State)
	}
	var after store.KeyedHash
	if q.After != "" {
		if after, err = keyOf(q.After); err != nil {
			return nil, "", err
		}
	}
	err = s.cfg.View(ctx, func(r store.Reader) error {
		reg, err := find(r, register)
		if err != nil {
			return err
		}
		out, next = []RegisterRow{}, ""
		return enough(r.EachRegisterRow(store.RegisterRowQuery{Register: reg.ID, State: q.State, After: after}, func(row store.RegisterRow) error {
			switch {
			case !s.lies(row.Unit, q.Unit):
				return nil
			case q.Limit > 0 && len(out) == q.Limit:
				next = out[len(out)-1].Row
				return errEnough
			}
			out = append(out, s.rowView(&row, q.State))
			return nil
		}))
	})
	return out, next, err
}

func (s *Service) rowView(row *store.RegisterRow, state string) RegisterRow {
	if row.Gone {
		state = "gone"
	}
	return RegisterRow{Row: hex.EncodeToString(row.Key[:]), State: state, Unit: row.Unit, UnitName: s.unitName(row.Unit), Commune: row.Commune, Kind: row.Kind, Day: row.Day, Done: row.Done, Import: row.Import}
}

func keyOf(s string) (store.KeyedHash, error) {
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != 16 {
		return store.KeyedHash{}, syncproto.Errorf(syncproto.CodeNotFound, "there is no such row")
	}
	return store.KeyedHash(b), nil
}

// Row shows one row with whom it is about. allow is asked before anything is
// opened, with the row's unit; its error is passed on.
func (s *Service) Row(ctx context.Context, register, key string, allow func(unit string) error) (out RegisterRow, err error) {
	k, err := keyOf(key)
	if err != nil {
		return out, err
	}
	var row store.RegisterRow
	err = s.cfg.View(ctx, func(r store.Reader) error {
		reg, err := find(r, register)
		if err != nil {
			return err
		}
		var there, matched bool
		if row, there, err = r.RegisterRow(reg.ID, k); err != nil || !there {
			return errors.Join(err, syncproto.Errorf(syncproto.CodeNotFound, "there is no such row"))
		}
		err = r.EachRegisterFinding(store.RegisterFindingQuery{Register: reg.ID, Row: k, Limit: 1}, func(store.RegisterFinding) error {
			matched = true
			return nil
		})
		state := "only"
		if matched {
			state = "found"
		}
		out = s.rowView(&row, state)
		return err
	})
	if err != nil {
		return out, err
	}
	if err := allow(row.Unit); err != nil {
		return RegisterRow{}, err
	}
	e, err := s.open(&row)
	if err != nil {
		return out, err
	}
	out.Person = personOf(&e)
	return out, nil
}

func personOf(e *RowEntry) *RowPerson {
	p := &RowPerson{Number: string(e.Number), Name: e.Name, Sex: e.Sex}
	if e.Birth.Year != 0 {
		p.Birth = e.Birth.String()
	}
	return p
}
