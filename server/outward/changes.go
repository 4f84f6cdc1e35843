// Package outward tells other systems what changed here: a feed of records that
// they follow with a cursor, and webhooks that are told of events. Nothing that
// leaves by it says who a citizen or a team's member is.
package outward

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"slices"

	"github.com/google/uuid"

	"thonsync/server/ingest"
	"thonsync/server/store"
	"thonsync/syncproto"
)

// States of a record in the feed.
const (
	Present   = "present"
	Void      = "void"         // retracted; fields stay for whoever counted it
	Erased    = "erased"       // forget everything of it but the id
	Withdrawn = "withdrawn"    // kept apart or held: do not count it now
	Left      = "out-of-scope" // moved out of the units that may be read
)

// Change is a record as it is now. Times are Unix ms.
type Change struct {
	Record     uuid.UUID      `json:"record"`
	Collection string         `json:"collection" enum:"activity,team,unit,kind,guide"`
	State      string         `json:"state" enum:"present,void,erased,withdrawn,out-of-scope"`
	Conflict   bool           `json:"conflict,omitempty" doc:"a field has more than one standing value: the one shown may change"`
	Fields     map[string]any `json:"fields,omitempty" doc:"operational values by the names of the catalogue; absent for tombstones"`
	KindFields map[string]any `json:"kind_fields,omitempty" doc:"operational values of the activity's kind, by the names of its definition"`
	EarliestMS int64          `json:"earliest_ms,omitempty" doc:"it was made between this, where known, and latest_ms"`
	LatestMS   int64          `json:"latest_ms,omitempty"`
}

// Page is a page of the feed.
type Page struct {
	Changes   []Change `json:"changes"`
	Next      string   `json:"next" doc:"cursor to go on from; keep it once the changes are stored"`
	More      bool     `json:"more" doc:"there is more now: ask again at once"`
	Restarted bool     `json:"restarted,omitempty" doc:"the cursor was of a history that is not known here: everything is told again"`
}

// Reference is what the feed reads of units and kinds.
type Reference interface {
	Kind(code string) (*syncproto.Kind, bool)
	Lies(unit string, in []string) bool
}

// Feed serves the feed. It is safe for concurrent use.
type Feed struct {
	View      func(ctx context.Context, f func(store.Reader) error) error
	Reference func() Reference
	Epoch     func() syncproto.Epoch
}

// Bounds of a page: changes told, and records looked at for it, which one view
// of the store must not make long.
const (
	MaxPage  = 1000
	maxLooks = 4000
	step     = 500
)

// told are the collections that others hear of: not members and devices, which
// are about persons.
var told = map[uint32]bool{
	syncproto.CollectionActivity: true, syncproto.CollectionTeam: true, syncproto.CollectionUnit: true,
	syncproto.CollectionKind: true, syncproto.CollectionGuide: true,
}

// untold are fields of activities that are about one citizen.
var untold = map[uint32]bool{
	syncproto.ActivityConsent: true, syncproto.ActivityConsentHow: true, syncproto.ActivityConsentOn: true,
	syncproto.ActivityConsentText: true, syncproto.ActivityConsentLang: true,
}

var errCursor = syncproto.Errorf(syncproto.CodeInvalidInput, "the cursor is none of this server: leave it out to begin from the start")

const cursorVersion = 1

func encodeCursor(epoch syncproto.Epoch, p store.Place) string {
	b := append([]byte{cursorVersion}, epoch[:]...)
	b = binary.AppendUvarint(b, p.Came)
	return base64.RawURLEncoding.EncodeToString(binary.AppendUvarint(b, p.Rewrote))
}

func decodeCursor(s string) (epoch syncproto.Epoch, p store.Place, err error) {
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil || len(b) < 19 || b[0] != cursorVersion {
		return epoch, p, errCursor
	}
	copy(epoch[:], b[1:])
	came, n := binary.Uvarint(b[17:])
	if n <= 0 {
		return epoch, p, errCursor
	}
	rewrote, m := binary.Uvarint(b[17+n:])
	if m <= 0 || 17+n+m != len(b) {
		return epoch, p, errCursor
	}
	return epoch, store.Place{Came: came, Rewrote: rewrote}, nil
}

// place finds where a cursor stands in the present history. What a later history
// does not have, because it began from a backup, is told again.
func (f *Feed) place(r store.Reader, cursor string) (p store.Place, restarted bool, err error) {
	if cursor == "" {
		return p, false, nil
	}
	epoch, p, err := decodeCursor(cursor)
	if err != nil {
		return p, false, err
	}
	list, err := r.Histories()
	if err != nil {
		return p, false, err
	}
	at := slices.IndexFunc(list, func(h store.History) bool { return h.Epoch == epoch })
	if at < 0 {
		return store.Place{}, true, nil
	}
	for _, later := range list[at+1:] {
		p.Came, p.Rewrote = min(p.Came, later.Came), min(p.Rewrote, later.Rewrote)
	}
	return p, false, nil
}

// Page gives the changes after a cursor in units, nil for everything; "" begins
// from the start. Every change is told at least once to whoever goes on from the
// cursor of the page before.
func (f *Feed) Page(ctx context.Context, cursor string, units []string, limit int) (*Page, error) {
	limit = min(max(limit, 1), MaxPage)
	out := &Page{Changes: []Change{}}
	ref := f.Reference()
	err := f.View(ctx, func(r store.Reader) error {
		at, restarted, err := f.place(r, cursor)
		if err != nil {
			return err
		}
		out.Restarted = restarted
		for looks := 0; ; {
			list, err := r.Placed(at, step)
			if err != nil {
				return err
			}
			for i := range list {
				if len(out.Changes) == limit || looks == maxLooks {
					out.More = true
					break
				}
				looks, at = looks+1, list[i].Place
				c, ok, err := changeOf(ref, &list[i].Record, units)
				if err != nil {
					return err
				}
				if ok {
					out.Changes = append(out.Changes, c)
				}
			}
			if out.More || len(list) < step {
				break
			}
		}
		out.Next = encodeCursor(f.Epoch(), at)
		return nil
	})
	return out, err
}

// changeOf gives what may be told of a record; false for nothing.
func changeOf(ref Reference, rec *store.Record, units []string) (Change, bool, error) {
	coll, ok := syncproto.CollectionOf(rec.Collection)
	if !ok || !told[rec.Collection] {
		return Change{}, false, nil
	}
	c := Change{Record: rec.ID, Collection: coll.Name, State: Present, Conflict: rec.Conflict, EarliestMS: rec.EarliestMS, LatestMS: rec.LatestMS}
	row, err := ingest.Shown(rec)
	if err != nil {
		return c, false, err
	}
	if units != nil && !inScope(ref, rec, units) {
		was, err := wasIn(ref, rec, units)
		return tombstone(c, Left), was, err
	}
	switch {
	case rec.Erased:
		return tombstone(c, Erased), true, nil
	case !rec.Exists:
		return tombstone(c, Withdrawn), rec.Changes > 0, nil
	case rec.Void:
		c.State = Void
	}
	c.Fields, c.KindFields = fieldsOf(ref, coll, rec, row)
	return c, true, nil
}

func tombstone(c Change, state string) Change {
	return Change{Record: c.Record, Collection: c.Collection, State: state}
}

// inScope tells whether a record may be read. Kinds and guides are everybody's.
func inScope(ref Reference, rec *store.Record, units []string) bool {
	return rec.Collection == syncproto.CollectionKind || rec.Collection == syncproto.CollectionGuide || ref.Lies(rec.Unit, units)
}

// wasIn tells whether a record once lay in units: who has read it then must hear
// that it went.
func wasIn(ref Reference, rec *store.Record, units []string) (bool, error) {
	if rec.Changes < 2 {
		return false, nil
	}
	entries, err := ingest.DecodeHistory(rec.History)
	for i := range entries {
		if u := entries[i].Change.Operational.Value(syncproto.FieldUnit).Text(); u != "" && ref.Lies(u, units) {
			return true, err
		}
	}
	return false, err
}

// fieldsOf names operational values. What has no name here is not told.
func fieldsOf(ref Reference, coll *syncproto.Collection, rec *store.Record, row syncproto.Row) (fields, kindFields map[string]any) {
	fields = map[string]any{}
	kind, _ := ref.Kind(rec.Kind)
	for _, v := range row {
		if def, ok := coll.Field(syncproto.Operational, v.Num); ok {
			if rec.Collection != syncproto.CollectionActivity || !untold[v.Num] {
				fields[def.Name] = v.Value.JSON()
			}
			continue
		}
		if kind == nil || rec.Collection != syncproto.CollectionActivity {
			continue
		}
		if def, ok := kind.Field(syncproto.Operational, v.Num); ok {
			if kindFields == nil {
				kindFields = map[string]any{}
			}
			kindFields[def.Name] = v.Value.JSON()
		}
	}
	return fields, kindFields
}
