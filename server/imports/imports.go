// Package imports turns the files of an office into changes of the centre's own
// log: units, teams, members, kinds and guides. Good rows land, bad rows come
// back with the rule that they break, and repeating an import changes nothing.
package imports

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/google/uuid"

	"thonsync/clientlib/changelog"
	"thonsync/server/ingest"
	"thonsync/server/ownlog"
	"thonsync/server/store"
	"thonsync/syncproto"
)

// What names a kind of file.
type What string

// The kinds of file, in the order in which they build on each other.
const (
	Units   What = "units"
	Kinds   What = "kinds"
	Guides  What = "guides"
	Teams   What = "teams"
	Members What = "members"
)

// Further kinds of file, of which each can be imported at any time.
const (
	Criteria  What = "criteria"
	Targets   What = "targets"
	Trainings What = "trainings"
)

// All lists the kinds of file in the order in which to import them.
func All() []What { return []What{Units, Kinds, Guides, Teams, Members} }

// Target is the centre that an import writes to.
type Target interface {
	Store() store.Store
	Ingest() *ingest.Service
	// WriteOwn writes changes into the centre's own log and takes them in.
	WriteOwn(ctx context.Context, drafts []ownlog.Draft) ([]changelog.Entry, error)
}

// Options tell how to import.
type Options struct {
	DryRun      bool `json:"dry_run"`
	VoidMissing bool `json:"void_missing"` // retract what the file no longer lists
}

// BadRow is a row that was left out. It never holds the row's values.
type BadRow struct {
	Row    int    `json:"row"` // in the file; the first row of data is 2 in a CSV file, 1 in a JSON list
	Column string `json:"column,omitempty"`
	Rule   string `json:"rule"`
}

// Result counts what an import did, or would do in a dry run.
type Result struct {
	What    What     `json:"what"`
	New     int      `json:"new"`
	Changed int      `json:"changed"`
	Same    int      `json:"same"`
	Missing int      `json:"missing"` // recorded, but not in the file
	Voided  int      `json:"voided"`
	Bad     []BadRow `json:"bad"`
	DryRun  bool     `json:"dry_run"`
	// Kept says why nothing was retracted although it was asked for: a row that
	// could not be read may be the very one that seems to be missing.
	Kept string `json:"kept,omitempty"`
}

// wanted is a record as the file has it.
type wanted struct {
	row      int
	key      string
	op       syncproto.Row
	personal syncproto.Row
}

// held is a record as the centre has it.
type held struct {
	id       uuid.UUID
	op       syncproto.Row
	personal syncproto.Row
	matched  bool // a row of the file is this
}

// Run imports one file. It fails as a whole only if the file cannot be read as
// what it is said to be.
func Run(ctx context.Context, t Target, what What, file []byte, o Options) (Result, error) {
	res := Result{What: what, DryRun: o.DryRun, Bad: []BadRow{}}
	present, err := load(ctx, t, what)
	if err != nil {
		return res, err
	}
	rows, err := read(what, file, &reference{defs: t.Ingest().Definitions(), teams: present.teams, people: present.people}, &res)
	if err != nil {
		return res, err
	}
	if o.VoidMissing && (len(res.Bad) > 0 || len(rows) == 0) {
		o.VoidMissing = false
		res.Kept = "nothing was retracted: mend the rows that were left out, and import again"
		if len(rows) == 0 {
			res.Kept = "nothing was retracted: the file lists nothing at all"
		}
	}
	drafts := plan(collections[what], rows, present.byKey, o, &res)
	if o.DryRun || len(drafts) == 0 {
		return res, nil
	}
	_, err = t.WriteOwn(ctx, drafts)
	return res, err
}

var collections = map[What]uint32{
	Units: syncproto.CollectionUnit, Kinds: syncproto.CollectionKind, Guides: syncproto.CollectionGuide,
	Teams: syncproto.CollectionTeam, Members: syncproto.CollectionMember,
	Criteria: syncproto.CollectionCriteria, Targets: syncproto.CollectionTarget, Trainings: syncproto.CollectionTraining,
}

// present is what the centre has of a collection.
type present struct {
	byKey map[string][]*held
	teams map[string]uuid.UUID // by village
	// people are members by village and name; uuid.Nil where several have the name.
	people map[string]uuid.UUID
}

func load(ctx context.Context, t Target, what What) (*present, error) {
	collection, ok := collections[what]
	if !ok {
		return nil, syncproto.Errorf(syncproto.CodeInvalidInput, "%q cannot be imported: choose units, kinds, guides, teams, members, criteria, targets or trainings", what)
	}
	p := &present{byKey: map[string][]*held{}, teams: map[string]uuid.UUID{}, people: map[string]uuid.UUID{}}
	err := t.Store().View(ctx, func(r store.Reader) error {
		if what == Trainings {
			if err := p.loadPeople(t, r); err != nil {
				return err
			}
		}
		if what == Members || what == Trainings {
			q := store.RecordQuery{Collection: syncproto.CollectionTeam, ExistsOnly: true, WithoutHistory: true}
			if err := r.EachRecord(q, func(rec store.Record) error { p.teams[rec.Unit] = rec.ID; return nil }); err != nil {
				return err
			}
		}
		return r.EachRecord(store.RecordQuery{Collection: collection, ExistsOnly: true}, func(rec store.Record) error {
			if rec.Void {
				return nil
			}
			h := &held{id: rec.ID}
			var err error
			if h.op, err = ingest.Shown(&rec); err != nil {
				return err
			}
			if what == Members {
				if h.personal, err = t.Ingest().Personal(r, &rec); err != nil {
					return err
				}
			}
			key := keyOf(what, h.op, h.personal)
			p.byKey[key] = append(p.byKey[key], h)
			return nil
		})
	})
	return p, err
}

// loadPeople reads members by their names.
func (p *present) loadPeople(t Target, r store.Reader) error {
	q := store.RecordQuery{Collection: syncproto.CollectionMember, ExistsOnly: true}
	return r.EachRecord(q, func(rec store.Record) error {
		if rec.Void {
			return nil
		}
		personal, err := t.Ingest().Personal(r, &rec)
		if err != nil {
			return err
		}
		key := rec.Unit + "\x00" + personal.Value(syncproto.PersonFullName).Text()
		if _, ok := p.people[key]; ok {
			rec.ID = uuid.Nil
		}
		p.people[key] = rec.ID
		return nil
	})
}

// keyOf says what makes two rows the same thing. Members of one team are told
// apart by their names; of several bearers of a name the one whose other values
// agree is meant, if there is one.
func keyOf(what What, op, personal syncproto.Row) string {
	switch what {
	case Units, Teams:
		return op.Value(syncproto.FieldUnit).Text()
	case Kinds:
		return op.Value(syncproto.KindCode).Text()
	case Guides:
		return op.Value(syncproto.GuideCode).Text()
	case Criteria:
		return op.Value(syncproto.UnitValidFrom).Date().String()
	case Targets:
		return strings.Join([]string{op.Value(syncproto.FieldUnit).Text(), op.Value(syncproto.TargetMeasure).Text(), op.Value(syncproto.UnitValidFrom).Date().String()}, "\x00")
	case Trainings:
		return strings.Join([]string{op.Value(syncproto.FieldUnit).Text(), op.Value(syncproto.TrainingMember).UUID().String(),
			op.Value(syncproto.TrainingClass).Text(), op.Value(syncproto.TrainingHeld).Date().String()}, "\x00")
	default:
		return op.Value(syncproto.FieldUnit).Text() + "\x00" + personal.Value(syncproto.PersonFullName).Text()
	}
}

// plan compares what is wanted with what is held.
func plan(collection uint32, rows []wanted, have map[string][]*held, o Options, res *Result) []ownlog.Draft {
	var rest []wanted
	for _, w := range rows {
		w.op = placed(w.op, have[w.key])
		if h := match(have[w.key], &w, true); h == nil {
			rest = append(rest, w)
			continue
		}
		res.Same++
	}
	var drafts []ownlog.Draft
	for _, w := range rest {
		h := match(have[w.key], &w, false)
		if h == nil {
			res.New++
			drafts = append(drafts, draft(collection, syncproto.OpCreate, uuid.Nil, difference(w.op, nil), difference(w.personal, nil)))
			continue
		}
		res.Changed++
		drafts = append(drafts, draft(collection, syncproto.OpSet, h.id, difference(w.op, h.op), difference(w.personal, h.personal)))
	}
	return append(drafts, missing(collection, rows, have, o, res)...)
}

// placed leaves a unit where a reorganisation has put it: a list from before
// names the parent that it had then, and means nothing by it.
func placed(op syncproto.Row, have []*held) syncproto.Row {
	parent := op.Value(syncproto.UnitParent)
	for _, h := range have {
		former := strings.Fields(h.op.Value(syncproto.UnitFormer).Text())
		if parent != syncproto.Null() && slices.Contains(former, parent.Text()) {
			return slices.DeleteFunc(slices.Clone(op), func(f syncproto.Field) bool { return f.Num == syncproto.UnitParent })
		}
	}
	return op
}

// match finds a held record for a row that no other row has taken; with exact
// only one that the row would not change.
func match(list []*held, w *wanted, exact bool) *held {
	for _, h := range list {
		if h.matched || exact && len(difference(w.op, h.op))+len(difference(w.personal, h.personal)) > 0 {
			continue
		}
		h.matched = true
		return h
	}
	return nil
}

// listOf is the list version that a key belongs to; "" for kinds and guides,
// of which there is one list.
func listOf(key string) string {
	list, _, found := strings.Cut(key, ":")
	if !found {
		return ""
	}
	return list
}

// missing counts, and retracts if asked to, what the file no longer lists. A
// file speaks of the list versions that it names and of no other: a list of
// villages does not take communes away.
func missing(collection uint32, rows []wanted, have map[string][]*held, o Options, res *Result) []ownlog.Draft {
	var drafts []ownlog.Draft
	named := map[string]bool{}
	for _, w := range rows {
		named[listOf(w.key)] = true
	}
	for _, key := range slices.Sorted(maps.Keys(have)) {
		if !named[listOf(key)] {
			continue
		}
		for _, h := range have[key] {
			if h.matched {
				continue
			}
			res.Missing++
			if o.VoidMissing {
				res.Voided++
				reason := syncproto.Row{{Num: syncproto.VoidReason, Value: syncproto.TextValue("other")}}
				drafts = append(drafts, draft(collection, syncproto.OpVoid, h.id, reason, nil))
			}
		}
	}
	return drafts
}

func draft(collection uint32, op syncproto.Op, record uuid.UUID, operational, personal syncproto.Row) ownlog.Draft {
	return ownlog.Draft{
		Header:      syncproto.Header{Collection: collection, Op: op, Record: record},
		Operational: operational, Personal: personal,
	}
}

// difference gives the fields of want that differ from have. A field that the
// file does not have is left as it is; one that it has empty is cleared.
func difference(want, have syncproto.Row) syncproto.Row {
	var out syncproto.Row
	for _, f := range want {
		if have.Value(f.Num) != f.Value {
			out = append(out, f)
		}
	}
	return out
}
