package clientlib

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"thonsync/clientlib/changelog"
	"thonsync/syncproto"
)

// checkRows checks typed values against the kind: known fields, types, options
// and clean text.
func checkRows(kind *syncproto.Kind, operational, personal syncproto.Row) FieldErrors {
	var errs FieldErrors
	for comp, row := range [...]syncproto.Row{syncproto.Operational: operational, syncproto.Personal: personal} {
		for _, f := range row {
			if bad := checkField(kind, syncproto.Compartment(comp), f); bad != nil {
				errs = append(errs, bad.of(fieldName(kind, syncproto.Compartment(comp), f.Num)))
			}
		}
	}
	return errs
}

func checkField(kind *syncproto.Kind, comp syncproto.Compartment, f syncproto.Field) *rule {
	v := f.Value
	if f.Num >= syncproto.FirstKindField {
		def, ok := kind.Field(comp, f.Num)
		if !ok {
			return &ruleUnknownField
		}
		if v.IsNull() {
			return nil
		}
		if v.Type() != def.Type.ValueType() {
			return &ruleValueType
		}
		return checkOptions(def, v)
	}
	if comp == syncproto.Operational && kind.Person && isConsentField(f.Num) {
		return checkConsentField(f)
	}
	coll, _ := syncproto.CollectionOf(syncproto.CollectionActivity)
	def, ok := coll.Field(comp, f.Num)
	switch {
	case !ok || comp != syncproto.Personal || f.Num == syncproto.VoidNote:
		return &ruleUnknownField
	case !kind.Person && f.Num != syncproto.PersonNote:
		return &ruleNoPersonKind
	case v.IsNull():
		return nil
	case v.Type() != def.Type:
		return &ruleValueType
	}
	if v.Type() == syncproto.TypeText {
		// The rules by name hold for typed values as well.
		if parsed, bad := parsePersonField(f.Num, v.Text()); bad != nil {
			return bad
		} else if parsed != v {
			return &ruleNotGeneral
		}
	}
	return nil
}

func checkOptions(def *syncproto.KindField, v syncproto.Value) *rule {
	switch def.Type {
	case syncproto.KindChoice:
		if !syncproto.HasOption(def.Options, v.Text()) {
			return &ruleOption
		}
	case syncproto.KindChoices:
		for _, s := range v.List() {
			if !syncproto.HasOption(def.Options, s) {
				return &ruleOptions
			}
		}
	case syncproto.KindText:
		_, bad := parseText(v.Text())
		return bad
	}
	return nil
}

// checkComplete checks that a new activity has all that its kind requires.
func checkComplete(kind *syncproto.Kind, result string, operational, personal syncproto.Row) FieldErrors {
	var errs FieldErrors
	if len(kind.Results) > 0 {
		if result == "" {
			errs = append(errs, ruleRequired.of(fieldResult))
		} else if !syncproto.HasOption(kind.Results, result) {
			errs = append(errs, ruleOption.of(fieldResult))
		}
	}
	if kind.NeedsName() && personal.Value(syncproto.PersonFullName).IsNull() {
		errs = append(errs, ruleRequired.of("full_name"))
	}
	for i := range kind.Fields {
		f := &kind.Fields[i]
		row := operational
		if f.Personal {
			row = personal
		}
		if f.Required && row.Value(f.Num).IsNull() {
			errs = append(errs, ruleRequired.of(f.Name))
		}
	}
	return errs
}

// fieldName gives the word for a field of an activity, its number where it has
// none here.
func fieldName(kind *syncproto.Kind, comp syncproto.Compartment, num uint32) string {
	if kind != nil {
		if f, ok := kind.Field(comp, num); ok {
			return f.Name
		}
	}
	coll, _ := syncproto.CollectionOf(syncproto.CollectionActivity)
	if def, ok := coll.Field(comp, num); ok {
		return def.Name
	}
	return fmt.Sprintf("field %d", num)
}

// Kinds lists the known kinds, by code.
func (d *Device) Kinds(ctx context.Context) ([]*syncproto.Kind, error) {
	var out []*syncproto.Kind
	err := d.view(ctx, func(context.Context, changelog.Querier) error {
		out = slices.SortedFunc(maps.Values(d.kinds), func(a, b *syncproto.Kind) int { return strings.Compare(a.Code, b.Code) })
		return nil
	})
	return out, err
}

// Kind finds a kind by its code; CodeNotFound if it is not known here.
func (d *Device) Kind(ctx context.Context, code string) (*syncproto.Kind, error) {
	var k *syncproto.Kind
	err := d.view(ctx, func(context.Context, changelog.Querier) error {
		if k = d.kinds[code]; k == nil {
			return syncproto.Errorf(syncproto.CodeNotFound, "the kind is not known on this device: sync first")
		}
		return nil
	})
	return k, err
}

// loadKinds reads the definitions of kinds from their records.
func (d *Device) loadKinds(ctx context.Context, q changelog.Querier) error {
	rows, err := q.QueryContext(ctx, `SELECT operational FROM record WHERE collection = $1 AND flags & $2 = $3`,
		syncproto.CollectionKind, flagExists|flagVoid, flagExists)
	if err != nil {
		return fmt.Errorf("reading kinds: %w", err)
	}
	defer rows.Close()
	kinds := make(map[string]*syncproto.Kind)
	for rows.Next() {
		var b []byte
		if err := rows.Scan(&b); err != nil {
			return fmt.Errorf("reading kinds: %w", err)
		}
		row, err := syncproto.DecodeRow(b)
		if err != nil {
			return err
		}
		// A definition of a newer program may not parse here; its kind is then
		// unknown, which every user of kinds can deal with.
		if k, err := syncproto.ParseKind(row.Value(syncproto.KindDefinition).Text()); err == nil {
			kinds[k.Code] = k
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("reading kinds: %w", err)
	}
	d.kinds = kinds
	return nil
}
