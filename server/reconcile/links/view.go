package links

import (
	"context"
	"encoding/hex"
	"slices"
	"strings"

	"github.com/google/uuid"

	"thonsync/server/reconcile/linkage"
	"thonsync/server/store"
	"thonsync/syncproto"
)

// States of a pair, as they are shown.
const (
	Suggested = "suggested"
	Linked    = "linked"
	Apart     = "apart"
)

func stateName(s store.PairState) string {
	return map[store.PairState]string{store.PairSuggested: Suggested, store.PairLinked: Linked, store.PairApart: Apart}[s]
}

func stateOf(name string) store.PairState {
	return map[string]store.PairState{Suggested: store.PairSuggested, Linked: store.PairLinked, Apart: store.PairApart}[name]
}

// Side is one record of a pair. It names nobody.
type Side struct {
	Record   uuid.UUID `json:"record"`
	Unit     string    `json:"unit" doc:"home unit, list:code"`
	Place    string    `json:"place" doc:"name of the village and of its commune"`
	Kind     string    `json:"kind,omitempty"`
	KindVI   string    `json:"kind_vi,omitempty"`
	KindEN   string    `json:"kind_en,omitempty"`
	Occurred string    `json:"occurred,omitempty" doc:"YYYY, YYYY-MM or YYYY-MM-DD"`
}

// FieldEvidence is what one field says of a pair.
type FieldEvidence struct {
	Field string  `json:"field"`
	Level string  `json:"level" doc:"missing, same, marks, near, partly or differs"`
	Bits  float64 `json:"bits" doc:"weight: binary logarithm of how much likelier this is for one person (m) than for two (u)"`
}

// EventView is one thing that was decided of a pair.
type EventView struct {
	AtMS   int64  `json:"at_ms"`
	Actor  string `json:"actor"`
	Act    string `json:"act" doc:"link, apart, undo, reopened or erased"`
	Reason string `json:"reason,omitempty"`
}

// PairView is a pair without personal fields.
type PairView struct {
	A        Side            `json:"a"`
	B        Side            `json:"b"`
	State    string          `json:"state" doc:"suggested, linked or apart; empty where nothing is known of the pair"`
	Exact    bool            `json:"exact" doc:"the same identity number"`
	Bits     float64         `json:"bits" doc:"match weight: the sum of the fields and of the odds beforehand"`
	Prior    float64         `json:"prior_bits" doc:"the odds before anything is compared"`
	Evidence []FieldEvidence `json:"evidence"`
	Events   []EventView     `json:"events,omitempty"`
	Group    []uuid.UUID     `json:"group,omitempty" doc:"records that are linked with either, the earliest first: the survivor"`
}

// Query asks for pairs. Zero fields do not narrow.
type Query struct {
	State  string `json:"state,omitempty"`
	Exact  bool   `json:"exact,omitempty"`
	Unit   string `json:"unit,omitempty"` // both records lie in it
	Cursor string `json:"cursor,omitempty"`
	Limit  int    `json:"limit,omitempty"`
	// Within narrows to pairs both of whose records lie in these units; nil for
	// all.
	Within []string `json:"-"`
}

// List is one page of pairs, by falling weight.
type List struct {
	Items  []PairView     `json:"items"`
	Next   string         `json:"next,omitempty"`
	Counts map[string]int `json:"counts,omitempty"` // of all pairs, by state; not for a narrowed view
}

const defaultLimit = 50

// lookPairs bounds how many pairs one page looks at when most are out of scope.
const lookPairs = 5000

// List lists pairs.
func (s *Service) List(ctx context.Context, q Query) (List, error) {
	out := List{Items: []PairView{}}
	from, err := parseCursor(q.Cursor)
	if err != nil {
		return out, err
	}
	if q.State != "" && stateOf(q.State) == 0 {
		return out, syncproto.Errorf(syncproto.CodeInvalidInput, "state is suggested, linked or apart")
	}
	if q.Limit <= 0 {
		q.Limit = defaultLimit
	}
	scopes := [][]string{q.Within}
	if q.Unit != "" {
		scopes = append(scopes, []string{q.Unit})
	}
	return out, s.cfg.Store.View(ctx, func(r store.Reader) error {
		list, err := r.Pairs(store.PairQuery{State: stateOf(q.State), ExactOnly: q.Exact, Before: from, Limit: lookPairs})
		if err != nil {
			return err
		}
		out.Items, out.Next = out.Items[:0], ""
		for i := range list {
			v, err := s.viewPair(r, &list[i], noNames)
			if err != nil {
				return err
			}
			if s.inScope(v, scopes) {
				out.Items = append(out.Items, v)
			}
			if full := len(out.Items) == q.Limit; full && i+1 < len(list) || i+1 == lookPairs {
				out.Next = cursorOf(&list[i])
				break
			}
		}
		if q.Within == nil && q.Unit == "" {
			out.Counts, err = counts(r)
		}
		return err
	})
}

func counts(r store.Reader) (map[string]int, error) {
	n, err := r.PairCounts()
	out := map[string]int{Suggested: 0, Linked: 0, Apart: 0}
	for s, c := range n {
		out[stateName(s)] = c
	}
	return out, err
}

func (s *Service) inScope(v PairView, scopes [][]string) bool {
	defs := s.cfg.Ingest.Definitions()
	for _, units := range scopes {
		if units != nil && !(defs.Within(v.A.Unit, units) && defs.Within(v.B.Unit, units)) {
			return false
		}
	}
	return true
}

// InScope tells whether both records of a pair lie in units; nil for everywhere.
func (s *Service) InScope(v PairView, units []string) bool { return s.inScope(v, [][]string{units}) }

// viewPair shows a pair. The weight of a listed pair is that with which it was
// found; only a single one is weighed with the frequencies of names of today.
func (s *Service) viewPair(r store.Reader, p *store.Pair, names *linkage.Names) (PairView, error) {
	v := PairView{State: stateName(p.State), Exact: p.Exact, Bits: float64(p.Score) / 100, Prior: linkage.PriorBits, Evidence: []FieldEvidence{}}
	for side, id := range map[*Side]uuid.UUID{&v.A: p.A, &v.B: p.B} {
		rec, there, err := r.Record(id)
		if err != nil || !there {
			return v, orNoPair(err)
		}
		*side = s.sideOf(&rec)
	}
	c, err := s.compareTwo(r, p.A, p.B, names)
	if err != nil || c == nil {
		return v, err
	}
	for f, e := range c.Evidence {
		v.Evidence = append(v.Evidence, FieldEvidence{Field: linkage.Field(f).String(), Level: e.Level.String(), Bits: round(e.Bits)})
	}
	if names != noNames {
		v.Bits, v.Exact = round(c.Bits), c.Evidence[linkage.FieldNumber].Level == linkage.LevelSame
	}
	return v, nil
}

func (s *Service) sideOf(rec *store.Record) Side {
	defs := s.cfg.Ingest.Definitions()
	out := Side{Record: rec.ID, Unit: rec.Unit, Kind: rec.Kind, Occurred: rec.Occurred}
	if k, ok := defs.Kind(rec.Kind); ok {
		out.KindVI, out.KindEN = k.NameVI, k.NameEN
	}
	var names []string
	for i, key := range defs.Ancestors(rec.Unit) {
		if u, ok := defs.Unit(key); ok && i < 2 {
			names = append(names, u.Name)
		}
	}
	out.Place = strings.Join(names, ", ")
	return out
}

func round(bits float64) float64 { return float64(scoreOf(&linkage.Comparison{Bits: bits})) / 100 }

// weighed is a comparison with the frequencies of names of the records' commune.
type weighed struct {
	c     *linkage.Comparison
	names *linkage.Names
}

func (w weighed) exact() bool {
	return w.c != nil && w.c.Evidence[linkage.FieldNumber].Level == linkage.LevelSame
}

func (w weighed) score() int {
	if w.c == nil {
		return 0
	}
	return scoreOf(w.c)
}

func (w weighed) suggests() bool { return w.c != nil && linkage.Judge(w.c) != linkage.Apart }

// comparisonOf weighs one pair.
func (s *Service) comparisonOf(ctx context.Context, key pairKey) (weighed, error) {
	var unit string
	err := s.cfg.Store.View(ctx, func(r store.Reader) error {
		p, _, err := r.Person(key.a)
		unit = p.Unit
		return err
	})
	if err != nil {
		return weighed{}, err
	}
	defs := s.cfg.Ingest.Definitions()
	c, err := s.loadCommune(ctx, defs, defs.Commune(unit))
	if err != nil {
		return weighed{}, err
	}
	out := weighed{names: c.names}
	return out, s.cfg.Store.View(ctx, func(r store.Reader) (err error) {
		out.c, err = s.compareTwo(r, key.a, key.b, c.names)
		return err
	})
}

// Pair shows one pair: what each field says, what was decided and with whom
// either is linked. It fails with CodeScope unless both records name somebody or
// something was decided of them.
func (s *Service) Pair(ctx context.Context, a, b uuid.UUID) (PairView, error) {
	key := keyOf(a, b)
	if err := s.CatchUp(ctx); err != nil {
		return PairView{}, err
	}
	w, err := s.comparisonOf(ctx, key)
	if err != nil {
		return PairView{}, err
	}
	var v PairView
	return v, s.cfg.Store.View(ctx, func(r store.Reader) error {
		p, known, err := r.Pair(key.a, key.b)
		if err != nil || !known && w.c == nil {
			return orNoPair(err)
		}
		if !known {
			p = store.Pair{A: key.a, B: key.b, Exact: w.exact(), Score: w.score()}
		}
		if v, err = s.viewPair(r, &p, w.names); err != nil {
			return err
		}
		return v.fill(r, key)
	})
}

func (v *PairView) fill(r store.Reader, key pairKey) error {
	events, err := r.LinkEvents(key.a, key.b, 100)
	if err != nil {
		return err
	}
	for _, e := range events {
		v.Events = append(v.Events, EventView{e.AtMS, e.Actor, e.Act, e.Reason})
	}
	for _, id := range []uuid.UUID{key.a, key.b} {
		list, err := group(r, id)
		if err != nil {
			return err
		}
		if len(list) > 1 {
			v.Group = append(v.Group, list...)
		}
	}
	slices.SortFunc(v.Group, func(a, b uuid.UUID) int { return slices.Compare(a[:], b[:]) })
	v.Group = slices.Compact(v.Group)
	return nil
}

// A cursor is weight, a and b of the last pair, in hex.
func cursorOf(p *store.Pair) string {
	b := []byte{byte(p.Score >> 24), byte(p.Score >> 16), byte(p.Score >> 8), byte(p.Score)}
	return hex.EncodeToString(append(append(b, p.A[:]...), p.B[:]...))
}

func parseCursor(c string) (*store.Pair, error) {
	if c == "" {
		return nil, nil
	}
	b, err := hex.DecodeString(c)
	if err != nil || len(b) != 36 {
		return nil, syncproto.Errorf(syncproto.CodeInvalidInput, "the cursor is not one that a page before has given")
	}
	score := int32(uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3]))
	return &store.Pair{Score: int(score), A: uuid.UUID(b[4:20]), B: uuid.UUID(b[20:])}, nil
}
