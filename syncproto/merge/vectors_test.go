package merge_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/uuid"

	"thonsync/syncproto"
	"thonsync/syncproto/merge"
)

const vectorDir = "../../testdata/vectors/merge"

// vector is one file of testdata/vectors/merge; its README explains the form.
type vector struct {
	Format  int
	Name    string
	About   string
	Changes map[string]vChange
	Rulings map[string]vRuling
	Forks   []vFork
	Steps   []vStep
}

type vID struct {
	Origin string
	Seq    uint64
	Open   string
}

type vChange struct {
	vID
	Closed        string
	Op            string
	StampMS       int64 `json:"stamp_ms"`
	BeaconMS      int64 `json:"beacon_ms"`
	Refs          struct{ Operational, Personal []vID }
	Operational   []vField
	Personal      []vField
	PersonalKnown bool `json:"personal_known"`
	Authority     bool
}

type vField struct {
	Field uint32 `json:"field"`
	Value vValue `json:"value"`
}

// vValue is an object with one member, whose name is the type.
type vValue map[string]any

type vRuling struct {
	Change vID
	Number uint64
	Act    string
}

type vFork struct {
	Origin   string
	Partings []struct {
		Branch, Parent uint32
		After          uint64
	}
	Changes []struct {
		Seq    uint64
		Open   string
		Branch uint32
	}
}

type vStep struct {
	Title   string
	Given   []string
	Rulings []string
	Erased  bool
	Wins    []vWin
	Want    vState
}

type vWin struct {
	Compartment string
	Field       uint32
	Winner      string
	Losers      []string
	Why         string
}

type vState struct {
	Exists       bool         `json:"exists"`
	Void         bool         `json:"void"`
	VoidConflict bool         `json:"void_conflict"`
	VoidBy       []string     `json:"void_by"`
	VoidReason   []vField     `json:"void_reason"`
	Partial      bool         `json:"partial"`
	Operational  []vFieldWant `json:"operational"`
	Personal     []vFieldWant `json:"personal"`
	Held         []string     `json:"held"`
	Unauthorised []string     `json:"unauthorised"`
	Ignored      []vIgnored   `json:"ignored"`
	Live         []string     `json:"live"`
}

type vFieldWant struct {
	Field    uint32
	Standing []struct {
		Value vValue
		By    []string
	}
}

type vIgnored struct{ By, Compartment, Target, Reason string }

// loadVectors reads all vector files, strictly: a member that the runner does
// not know would be a promise that nobody checks.
func loadVectors(t *testing.T) []vector {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(vectorDir, "*.json"))
	if err != nil || len(names) < 25 {
		t.Fatalf("%d vector files in %s, %v", len(names), vectorDir, err)
	}
	var all []vector
	for _, name := range names {
		raw, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var v vector
		dec := json.NewDecoder(bytes.NewReader(raw))
		dec.DisallowUnknownFields()
		if err := dec.Decode(&v); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if v.Format != 1 || v.Name+".json" != filepath.Base(name) || len(v.Steps) == 0 {
			t.Fatalf("%s: format %d, name %q, %d steps", name, v.Format, v.Name, len(v.Steps))
		}
		all = append(all, v)
	}
	return all
}

func (v vID) id() merge.ID {
	return merge.ID{Origin: uuid.UUID(unhex(v.Origin)), Seq: v.Seq, Open: unhex(v.Open)}
}

func unhex(s string) [16]byte {
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != 16 {
		panic("not 16 octets in hex: " + s)
	}
	return [16]byte(b)
}

func (v vChange) change() merge.Change {
	refs := func(ids []vID) (out []syncproto.Ref) {
		for _, id := range ids {
			out = append(out, syncproto.Ref(id.id()))
		}
		return out
	}
	return merge.Change{
		ID:            v.id(),
		Closed:        unhex(v.Closed),
		Op:            map[string]syncproto.Op{"create": syncproto.OpCreate, "set": syncproto.OpSet, "void": syncproto.OpVoid}[v.Op],
		StampMS:       v.StampMS,
		BeaconMS:      v.BeaconMS,
		Refs:          [2][]syncproto.Ref{refs(v.Refs.Operational), refs(v.Refs.Personal)},
		Operational:   vRow(v.Operational),
		Personal:      vRow(v.Personal),
		PersonalKnown: v.PersonalKnown,
		NoAuthority:   !v.Authority,
	}
}

func vRow(fields []vField) syncproto.Row {
	var row []syncproto.Field
	for _, f := range fields {
		row = append(row, syncproto.Field{Num: f.Field, Value: f.Value.value()})
	}
	return syncproto.NewRow(row...)
}

func (v vValue) value() syncproto.Value {
	for typ, x := range v {
		s, _ := x.(string)
		switch typ {
		case "null":
			return syncproto.Null()
		case "int":
			n, err := strconv.ParseInt(s, 10, 64)
			return must(syncproto.IntValue(n), err)
		case "text":
			return syncproto.TextValue(s)
		case "bytes":
			b, err := hex.DecodeString(s)
			return must(syncproto.BytesValue(b), err)
		case "bool":
			return syncproto.BoolValue(x.(bool))
		case "uuid":
			return syncproto.UUIDValue(uuid.MustParse(s))
		case "date":
			d, err := syncproto.ParseDate(s)
			return must(syncproto.DateValue(d), err)
		case "list":
			var items []string
			for _, item := range x.([]any) {
				items = append(items, item.(string))
			}
			return syncproto.ListValue(items...)
		}
	}
	panic(fmt.Sprintf("not a value: %v", v))
}

func must(v syncproto.Value, err error) syncproto.Value {
	if err != nil {
		panic(err)
	}
	return v
}

// branches gives the fork map of a vector, nil if it has no forks.
func (v vector) branches() merge.Branches {
	if len(v.Forks) == 0 {
		return nil
	}
	m := new(merge.ForkMap)
	for _, f := range v.Forks {
		for _, p := range f.Partings {
			m.Fork(uuid.UUID(unhex(f.Origin)), p.Branch, p.Parent, p.After)
		}
		for _, c := range f.Changes {
			m.Assign(vID{f.Origin, c.Seq, c.Open}.id(), c.Branch)
		}
	}
	return m
}

// input gives the changes and rulings of a step.
func (v vector) input(s vStep) ([]merge.Change, merge.Rulings) {
	var changes []merge.Change
	for _, name := range s.Given {
		changes = append(changes, v.lookup(name))
	}
	rulings := merge.Rulings{Erased: s.Erased}
	for _, name := range s.Rulings {
		r, ok := v.Rulings[name]
		if !ok {
			panic("no ruling " + name)
		}
		act := map[string]merge.Act{"hold": merge.Hold, "release": merge.Release}[r.Act]
		rulings.Changes = append(rulings.Changes, merge.Ruling{Change: r.Change.id(), Number: r.Number, Act: act})
	}
	return changes, rulings
}

func (v vector) lookup(name string) merge.Change {
	c, ok := v.Changes[name]
	if !ok {
		panic("no change " + name)
	}
	return c.change()
}

func (v vector) ids(names []string) (out []merge.ID) {
	for _, name := range names {
		out = append(out, v.lookup(name).ID)
	}
	return out
}

var compartments = map[string]syncproto.Compartment{"operational": syncproto.Operational, "personal": syncproto.Personal}

// wanted gives the state that a step asks for.
func (v vector) wanted(s vStep) view {
	w := s.Want
	fields := func(list []vFieldWant) (out []merge.Standing) {
		for _, f := range list {
			for _, st := range f.Standing {
				out = append(out, merge.Standing{Num: f.Field, Value: st.Value.value(), By: v.ids(st.By)})
			}
		}
		return out
	}
	want := view{
		Exists: w.Exists, Erased: s.Erased, Partial: w.Partial, Void: w.Void, VoidConflict: w.VoidConflict,
		VoidBy: v.ids(w.VoidBy), VoidReason: vRow(w.VoidReason),
		Operational: fields(w.Operational), Personal: fields(w.Personal),
		Live: v.ids(w.Live), Held: v.ids(w.Held), Unauthorised: v.ids(w.Unauthorised),
	}
	for _, i := range w.Ignored {
		reason := map[string]merge.Reason{"no-authority": merge.NoAuthority, "no-common-field": merge.NoCommonField}[i.Reason]
		want.Ignored = append(want.Ignored, merge.Ignored{
			By: v.lookup(i.By).ID, Compartment: compartments[i.Compartment], Target: v.lookup(i.Target).ID, Reason: reason,
		})
	}
	return want
}

// TestVectors runs every step in the given order, in the opposite order, and
// with everything twice.
func TestVectors(t *testing.T) {
	for _, v := range loadVectors(t) {
		for _, s := range v.Steps {
			t.Run(v.Name+"/"+strings.ReplaceAll(s.Title, " ", "_"), func(t *testing.T) {
				changes, rulings := v.input(s)
				want := v.wanted(s)
				check := func(how string) {
					t.Helper()
					if diff := differ(want, viewOf(merge.Record(changes, rulings, v.branches()))); diff != "" {
						t.Errorf("%s (-want +got):\n%s", how, diff)
					}
				}
				check("as given")
				slices.Reverse(changes)
				slices.Reverse(rulings.Changes)
				check("in the opposite order")
				changes = append(changes, changes...)
				rulings.Changes = append(rulings.Changes, rulings.Changes...)
				check("everything twice")
				v.checkWins(t, s)
			})
		}
	}
}

// checkWins holds the words of a step against its data: the winner gives the
// shown value, and the losers are all other changes that set the field.
func (v vector) checkWins(t *testing.T, s vStep) {
	t.Helper()
	changes, rulings := v.input(s)
	state := merge.Record(changes, rulings, v.branches())
	for _, w := range s.Wins {
		k := compartments[w.Compartment]
		at := state.At(k, w.Field)
		winner := v.lookup(w.Winner)
		if len(at) == 0 || at[0].By[0] != winner.ID || rowOf(winner, k).Value(w.Field) != at[0].Value {
			t.Errorf("%s field %d: %s does not win", w.Compartment, w.Field, w.Winner)
			continue
		}
		if w.Why == "" {
			t.Errorf("%s field %d does not say why", w.Compartment, w.Field)
		}
		var losers []string
		for _, name := range s.Given {
			value, sets := rowOf(v.lookup(name), k).Get(w.Field)
			gives := value == at[0].Value && slices.Contains(at[0].By, v.lookup(name).ID)
			if sets && !gives && (k == syncproto.Operational || v.Changes[name].PersonalKnown) {
				losers = append(losers, name)
			}
		}
		said := slices.Clone(w.Losers)
		slices.Sort(losers)
		slices.Sort(said)
		if !slices.Equal(losers, said) {
			t.Errorf("%s field %d: losers are %v, the vector says %v", w.Compartment, w.Field, losers, said)
		}
	}
}

// TestVectorsAtAPoint takes the personal rows and closed hashes away: what is
// left has to be what the centre has.
func TestVectorsAtAPoint(t *testing.T) {
	for _, v := range loadVectors(t) {
		for _, s := range v.Steps {
			changes, rulings := v.input(s)
			centre := viewOf(merge.Record(changes, rulings, v.branches())).withoutPersonal()
			point := viewOf(merge.Record(blind(changes), rulings, v.branches()))
			if len(point.Personal) > 0 {
				t.Errorf("%s, %s: personal values at a point", v.Name, s.Title)
			}
			if diff := differ(centre, point.withoutPersonal()); diff != "" {
				t.Errorf("%s, %s (-centre +point):\n%s", v.Name, s.Title, diff)
			}
		}
	}
}

// TestVectorNames keeps the list of cases that the rule is promised to have.
func TestVectorNames(t *testing.T) {
	have := map[string]bool{}
	for _, v := range loadVectors(t) {
		have[v.Name] = true
	}
	for _, name := range strings.Fields(`fork cut-anew erased cycle-attempt tie-by-open-hash tie-by-closed-hash
		unseen-target held unauthorised clock-2099 settle equal-values void void-concurrent-edit void-withdrawn
		own-branch partial-edits null`) {
		if !have[name] {
			t.Errorf("no vector %s", name)
		}
	}
}
