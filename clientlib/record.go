package clientlib

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"thonsync/clientlib/changelog"
	"thonsync/syncproto"
	"thonsync/syncproto/merge"
)

// RecordInput is a new activity. Values come either as typed rows, or by field
// name in Fields, or both; a name wins over a row.
type RecordInput struct {
	Person      uuid.UUID      // author; uuid.Nil for the current person
	Kind        string         // code of a known kind
	Unit        string         // list:code; "" for the device's home unit
	Occurred    syncproto.Date // zero for today
	Result      string         // one of the kind's results
	Operational syncproto.Row  // the kind's own fields
	Personal    syncproto.Row  // person fields and the kind's own
	Fields      map[string]string
}

// Recorded is what Record made.
type Recorded struct {
	ID       uuid.UUID
	Warnings []Warning
}

// Warning is something odd in an input that was taken all the same.
type Warning struct {
	Field  string
	VI, EN string
}

const (
	queryState     = `SELECT unit, team, person, beacon_ms, beacon_tag, revoked IS NOT NULL FROM device`
	queryPerson    = `SELECT pin IS NOT NULL FROM person WHERE id = $1`
	queryUnitKnown = `SELECT 1 FROM record WHERE collection = 1 AND lookup = $1 AND flags & 1 LIMIT 1`
)

// acting is what a new change takes over from the device's state.
type acting struct {
	unit   string
	team   uuid.UUID
	person uuid.UUID // current, uuid.Nil for none
	beacon syncproto.BeaconMark
	// revoked says that nothing new may be recorded.
	revoked bool

	free map[uuid.UUID]bool // people who were found to be free to act
}

// readActed is readActing from memory where nothing has changed since.
func (d *Device) readActed(ctx context.Context, q changelog.Querier) (*acting, error) {
	if d.acting == nil {
		a, err := readActing(ctx, q)
		if err != nil {
			return nil, err
		}
		a.free = make(map[uuid.UUID]bool)
		d.acting = &a
	}
	if d.acting.revoked {
		return nil, errRevoked
	}
	return d.acting, nil
}

func readActing(ctx context.Context, q changelog.Querier) (acting, error) {
	var a acting
	var team, person, tag []byte
	if err := q.QueryRowContext(ctx, queryState).Scan(&a.unit, &team, &person, &a.beacon.MS, &tag, &a.revoked); err != nil {
		return a, fmt.Errorf("reading the device's state: %w", err)
	}
	copy(a.team[:], team)
	copy(a.person[:], person)
	copy(a.beacon.Tag[:], tag)
	return a, nil
}

// author settles who acts: a person of this device, who has given the PIN where
// one is set.
func (a *acting) author(ctx context.Context, q changelog.Querier, want uuid.UUID) (uuid.UUID, error) {
	if want == uuid.Nil {
		want = a.person
	}
	if want == uuid.Nil {
		return want, oneError("person", ruleNoPerson)
	}
	if a.free[want] {
		return want, nil
	}
	var locked bool
	err := q.QueryRowContext(ctx, queryPerson, want[:]).Scan(&locked)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return want, oneError("person", ruleUnknownPerson)
	case err != nil:
		return want, fmt.Errorf("reading a person: %w", err)
	case locked && want != a.person:
		return want, oneError("person", rulePersonPIN)
	}
	a.free[want] = true
	return want, nil
}

// Record stores a new activity, durable when it returns. The kind's definition
// is checked: required fields, types and options. Errors about the input are
// FieldErrors.
func (d *Device) Record(ctx context.Context, in RecordInput) (Recorded, error) {
	var out Recorded
	err := d.change(ctx, func(ctx context.Context, q changelog.Querier) error {
		a, err := d.readActed(ctx, q)
		if err != nil {
			return err
		}
		author, err := a.author(ctx, q, in.Person)
		if err != nil {
			return err
		}
		kind := d.kinds[in.Kind]
		if kind == nil {
			return oneError("kind", ruleUnknownKind)
		}
		operational, personal, err := d.newRows(ctx, q, kind, &in, a)
		if err != nil {
			return err
		}
		out.Warnings = append(doubts(personal), d.future(operational)...)
		h := d.header(a, author, syncproto.OpCreate, uuid.Nil)
		e, err := d.append(ctx, q, kind.Code, h, operational, personal)
		if err != nil {
			return err
		}
		out.ID = e.Record
		return d.putNew(ctx, q, &e)
	})
	if err != nil {
		return Recorded{}, err
	}
	return out, nil
}

// newRows makes both rows of a new activity and checks them.
func (d *Device) newRows(ctx context.Context, q changelog.Querier, kind *syncproto.Kind, in *RecordInput, a *acting) (operational, personal syncproto.Row, err error) {
	p, err := ParseFields(kind, in.Fields)
	if err != nil {
		return nil, nil, err
	}
	unit, result, occurred := firstOf(p.Unit, in.Unit, a.unit), firstOf(p.Result, in.Result), p.Occurred
	if occurred.Year == 0 {
		occurred = in.Occurred
	}
	if occurred.Year == 0 {
		occurred = d.today()
	}
	common := []syncproto.Field{
		{Num: syncproto.FieldUnit, Value: syncproto.TextValue(unit)},
		{Num: syncproto.ActivityKind, Value: syncproto.TextValue(kind.Code)},
		{Num: syncproto.ActivityOccurred, Value: syncproto.DateValue(occurred)},
	}
	if a.team != uuid.Nil {
		common = append(common, syncproto.Field{Num: syncproto.ActivityTeam, Value: syncproto.UUIDValue(a.team)})
	}
	if result != "" {
		common = append(common, syncproto.Field{Num: syncproto.ActivityResult, Value: syncproto.TextValue(result)})
	}
	own := withoutNulls(overlay(in.Operational, p.Operational))
	personal = withoutNulls(overlay(in.Personal, p.Personal))
	errs := checkRows(kind, own, personal)
	errs = append(errs, checkComplete(kind, result, own, personal)...)
	own, bad := withConsent(kind, own, personal, occurred)
	errs = append(errs, bad...)
	if known, err := d.unitKnown(ctx, q, unit, a.unit); err != nil {
		return nil, nil, err
	} else if !known {
		errs = append(errs, ruleUnit.of(fieldUnit))
	}
	if len(errs) > 0 {
		return nil, nil, errs
	}
	return overlay(common, own), personal, nil
}

func firstOf(texts ...string) string {
	for _, s := range texts {
		if s != "" {
			return s
		}
	}
	return ""
}

func overlay(rows ...[]syncproto.Field) syncproto.Row {
	var all []syncproto.Field
	for _, r := range rows {
		all = append(all, r...)
	}
	return syncproto.NewRow(all...)
}

func withoutNulls(row syncproto.Row) syncproto.Row {
	out := make(syncproto.Row, 0, len(row))
	for _, f := range row {
		if !f.Value.IsNull() {
			out = append(out, f)
		}
	}
	return out
}

func (d *Device) unitKnown(ctx context.Context, q changelog.Querier, unit, home string) (bool, error) {
	if unit == home && unit != "" {
		return true, nil
	}
	var one int
	err := q.QueryRowContext(ctx, queryUnitKnown, unit).Scan(&one)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("looking up a unit: %w", err)
	}
	return true, nil
}

// indochina is the country's one time zone; it has no summer time.
var indochina = time.FixedZone("UTC+7", 7*60*60)

func (d *Device) today() syncproto.Date {
	t := time.UnixMilli(d.opts.Clock.NowMS()).In(indochina)
	return syncproto.Date{Year: t.Year(), Month: int(t.Month()), Day: t.Day()}
}

func (d *Device) future(operational syncproto.Row) []Warning {
	if v := operational.Value(syncproto.ActivityOccurred); v.Compare(syncproto.DateValue(d.today())) > 0 {
		return []Warning{warnFuture.warn(fieldOccurred)}
	}
	return nil
}

func (d *Device) header(a *acting, author uuid.UUID, op syncproto.Op, record uuid.UUID) syncproto.Header {
	return syncproto.Header{
		Schema: syncproto.Schema, Collection: syncproto.CollectionActivity, Op: op, Record: record,
		StampMS: d.opts.Clock.NowMS(), Author: author, Beacon: a.beacon,
	}
}

// append judges a change as the centre will and adds it to the log.
func (d *Device) append(ctx context.Context, q changelog.Querier, kind string, h syncproto.Header, operational, personal syncproto.Row) (changelog.Entry, error) {
	c := syncproto.Change{Header: h, Operational: operational, Personal: personal}
	if f := syncproto.Judge(&c, kind, knownHere{d}); f != nil {
		return changelog.Entry{}, oneError(string(f.Reason), ruleNotGeneral)
	}
	return d.log.Append(ctx, q, h, operational, personal)
}

// knownHere answers for what has been looked up already: units are checked
// before a change is judged.
type knownHere struct{ d *Device }

func (k knownHere) Kind(code string) (*syncproto.Kind, bool) {
	kind, ok := k.d.kinds[code]
	return kind, ok
}

func (knownHere) UnitKnown(string) bool { return true }

// putNew stores the record of a creating change, which no other change can
// concern yet.
func (d *Device) putNew(ctx context.Context, q changelog.Querier, e *changelog.Entry) error {
	g := &gathered{}
	g.addOwn(e)
	s := merge.Record(g.changes, merge.Rulings{}, nil)
	return d.putRecord(ctx, q, e.Record, g, &s)
}
