package clientlib

import (
	"context"
	"slices"

	"github.com/google/uuid"

	"thonsync/clientlib/changelog"
	"thonsync/syncproto"
	"thonsync/syncproto/merge"
)

// EditInput sets fields of an activity. Null values in rows, and empty texts in
// Fields, clear a field.
type EditInput struct {
	Person      uuid.UUID      // author; uuid.Nil for the current person
	Unit        string         // "" to leave
	Occurred    syncproto.Date // zero to leave
	Result      string         // "" to leave
	Operational syncproto.Row
	Personal    syncproto.Row
	Fields      map[string]string // by name, as for RecordInput
}

// Edit sets fields of an activity. The change names every value of others that
// it replaces; a field in conflict is settled by setting it. Editing a retracted
// record takes the retraction back.
func (d *Device) Edit(ctx context.Context, id uuid.UUID, in EditInput) ([]Warning, error) {
	var warnings []Warning
	err := d.change(ctx, func(ctx context.Context, q changelog.Querier) (err error) {
		warnings, err = d.edit(ctx, q, id, in)
		return err
	})
	if err != nil {
		return nil, err
	}
	return warnings, nil
}

func (d *Device) edit(ctx context.Context, q changelog.Querier, id uuid.UUID, in EditInput) ([]Warning, error) {
	a, g, s, author, err := d.startEdit(ctx, q, id, in.Person)
	if err != nil {
		return nil, err
	}
	shown := s.Row(syncproto.Operational)
	kind := d.kinds[shown.Value(syncproto.ActivityKind).Text()]
	if kind == nil {
		return nil, oneError("kind", ruleUnknownKind)
	}
	operational, personal, err := d.editRows(ctx, q, kind, &in, a.unit)
	if err != nil {
		return nil, err
	}
	warnings := append(doubts(overlay(s.Row(syncproto.Personal), personal)), d.future(operational)...)
	h := d.header(a, author, syncproto.OpSet, id)
	h.Refs = d.references(g, s, operational, personal)
	if _, err := d.append(ctx, q, kind.Code, h, operational, personal); err != nil {
		return nil, err
	}
	return warnings, d.rebuild(ctx, q, id)
}

// startEdit reads what an edit or a retraction starts from.
func (d *Device) startEdit(ctx context.Context, q changelog.Querier, id, person uuid.UUID) (*acting, *gathered, *merge.State, uuid.UUID, error) {
	a, err := d.readActed(ctx, q)
	if err != nil {
		return nil, nil, nil, uuid.Nil, err
	}
	author, err := a.author(ctx, q, person)
	if err != nil {
		return nil, nil, nil, uuid.Nil, err
	}
	g, err := d.gather(ctx, q, id)
	if err != nil {
		return nil, nil, nil, uuid.Nil, err
	}
	s := g.state()
	switch {
	case !s.Exists || g.collection != syncproto.CollectionActivity:
		return nil, nil, nil, uuid.Nil, unknownRecord(id)
	case s.Erased:
		return nil, nil, nil, uuid.Nil, oneError("record", ruleErased)
	}
	return a, g, &s, author, nil
}

func unknownRecord(id uuid.UUID) error {
	return syncproto.Errorf(syncproto.CodeNotFound, "record %s is not on this device", id)
}

// editRows makes both rows of an edit and checks them.
func (d *Device) editRows(ctx context.Context, q changelog.Querier, kind *syncproto.Kind, in *EditInput, home string) (operational, personal syncproto.Row, err error) {
	p, err := ParseFields(kind, in.Fields)
	if err != nil {
		return nil, nil, err
	}
	own, personal := overlay(in.Operational, p.Operational), overlay(in.Personal, p.Personal)
	errs := checkRows(kind, own, personal)
	errs = append(errs, checkCleared(kind, p.cleared, own, personal)...)
	own = datedConsent(kind, own, d.today())
	var common []syncproto.Field
	if unit := firstOf(p.Unit, in.Unit); unit != "" {
		if known, err := d.unitKnown(ctx, q, unit, home); err != nil {
			return nil, nil, err
		} else if !known {
			errs = append(errs, ruleUnit.of(fieldUnit))
		}
		common = append(common, syncproto.Field{Num: syncproto.FieldUnit, Value: syncproto.TextValue(unit)})
	}
	if occurred := p.Occurred; occurred.Year != 0 || in.Occurred.Year != 0 {
		if occurred.Year == 0 {
			occurred = in.Occurred
		}
		common = append(common, syncproto.Field{Num: syncproto.ActivityOccurred, Value: syncproto.DateValue(occurred)})
	}
	if result := firstOf(p.Result, in.Result); result != "" {
		if !syncproto.HasOption(kind.Results, result) {
			errs = append(errs, ruleOption.of(fieldResult))
		}
		common = append(common, syncproto.Field{Num: syncproto.ActivityResult, Value: syncproto.TextValue(result)})
	}
	operational = overlay(common, own)
	if len(errs) == 0 && len(operational)+len(personal) == 0 {
		errs = oneError("fields", ruleNothing)
	}
	if len(errs) > 0 {
		return nil, nil, errs
	}
	return operational, personal, nil
}

// checkCleared refuses to clear what a kind requires.
func checkCleared(kind *syncproto.Kind, common []string, operational, personal syncproto.Row) FieldErrors {
	var errs FieldErrors
	for _, name := range common {
		errs = append(errs, ruleRequired.of(name))
	}
	if v, ok := personal.Get(syncproto.PersonFullName); ok && v.IsNull() && kind.NeedsName() {
		errs = append(errs, ruleRequired.of("full_name"))
	}
	for i := range kind.Fields {
		f := &kind.Fields[i]
		row := operational
		if f.Personal {
			row = personal
		}
		if v, ok := row.Get(f.Num); ok && v.IsNull() && f.Required {
			errs = append(errs, ruleRequired.of(f.Name))
		}
	}
	return errs
}

// references lists the standing changes of others that a change setting these
// rows replaces, per compartment. The device's own branch needs no naming; what
// cannot be read here does not stand among the values and so is never named.
func (d *Device) references(g *gathered, s *merge.State, operational, personal syncproto.Row) [2][]syncproto.Ref {
	targets := append(s.Targets(syncproto.Operational, numbers(operational)...), s.VoidBy...)
	var refs [2][]syncproto.Ref
	refs[syncproto.Operational] = d.foreign(g, targets, syncproto.MaxRefs)
	refs[syncproto.Personal] = d.foreign(g, s.Targets(syncproto.Personal, numbers(personal)...), syncproto.MaxRefs-len(refs[syncproto.Operational]))
	return refs
}

func numbers(row syncproto.Row) []uint32 {
	out := make([]uint32, len(row))
	for i, f := range row {
		out[i] = f.Num
	}
	return out
}

// foreign turns ids into references, leaving out those that the current branch
// supersedes anyway. Beyond the limit the rest stays in conflict, visibly, and a
// second edit settles it.
func (d *Device) foreign(g *gathered, ids []merge.ID, limit int) []syncproto.Ref {
	current := d.Origin()
	slices.SortFunc(ids, merge.ID.Compare)
	var refs []syncproto.Ref
	for _, id := range slices.Compact(ids) {
		if len(refs) == limit {
			break
		}
		if id.Origin != current || !slices.Contains(g.written, id) {
			refs = append(refs, syncproto.Ref(id))
		}
	}
	return refs
}

// Void retracts an activity. reason is mistake, duplicate, test or other; note
// is free text and may be empty. The retraction names every standing change of
// others, so whoever changed the record unseen meets a conflict, not a loss.
func (d *Device) Void(ctx context.Context, id, person uuid.UUID, reason, note string) error {
	return d.change(ctx, func(ctx context.Context, q changelog.Querier) error { return d.void(ctx, q, id, person, reason, note) })
}

func (d *Device) void(ctx context.Context, q changelog.Querier, id, person uuid.UUID, reason, note string) error {
	if !slices.Contains([]string{"mistake", "duplicate", "test", "other"}, reason) {
		return oneError("void_reason", ruleReason)
	}
	text, bad := parseText(note)
	if bad != nil {
		return oneError("void_note", *bad)
	}
	a, g, s, author, err := d.startEdit(ctx, q, id, person)
	if err != nil {
		return err
	}
	operational := syncproto.NewRow(syncproto.Field{Num: syncproto.VoidReason, Value: syncproto.TextValue(reason)})
	var personal syncproto.Row
	if note != "" {
		personal = syncproto.NewRow(syncproto.Field{Num: syncproto.VoidNote, Value: text})
	}
	h := d.header(a, author, syncproto.OpVoid, id)
	h.Refs[syncproto.Operational] = d.foreign(g, append(slices.Clone(s.Live), s.VoidBy...), syncproto.MaxRefs)
	if _, err := d.append(ctx, q, s.Row(syncproto.Operational).Value(syncproto.ActivityKind).Text(), h, operational, personal); err != nil {
		return err
	}
	return d.rebuild(ctx, q, id)
}
