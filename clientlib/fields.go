package clientlib

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"thonsync/syncproto"
)

// Names of an activity's common fields in ParseFields.
const (
	fieldUnit     = "unit"
	fieldOccurred = "occurred"
	fieldResult   = "result"
)

const maxTextRunes = 2000

// Parsed is what ParseFields read.
type Parsed struct {
	Operational, Personal syncproto.Row // the kind's own fields; the person's and the kind's own
	Unit, Result          string        // "" where not given
	Occurred              syncproto.Date
	Warnings              []Warning
	cleared               []string // common fields given as empty
}

// ParseFields reads values by field name for an activity of kind: unit,
// occurred and result, the person fields (id_number, full_name, birth_date, sex,
// phone, address, note) and the kind's own. Dates are DD/MM/YYYY, MM/YYYY, YYYY
// or ISO 8601; choices are separated by commas; empty texts become null. Its
// errors are FieldErrors that name every field at fault and no value.
func ParseFields(kind *syncproto.Kind, values map[string]string) (Parsed, error) {
	var p Parsed
	var errs FieldErrors
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if bad := p.take(kind, name, strings.TrimSpace(values[name])); bad != nil {
			errs = append(errs, bad.of(name))
		}
	}
	if len(errs) > 0 {
		return Parsed{}, errs
	}
	p.Operational, p.Personal = syncproto.NewRow(p.Operational...), syncproto.NewRow(p.Personal...)
	p.Warnings = doubts(p.Personal)
	return p, nil
}

// take reads one value; it gives the rule that the value does not fit.
func (p *Parsed) take(kind *syncproto.Kind, name, text string) *rule {
	if text == "" && (name == fieldUnit || name == fieldOccurred || name == fieldResult) {
		p.cleared = append(p.cleared, name)
		return nil
	}
	switch name {
	case fieldUnit:
		p.Unit = text
		return nil
	case fieldOccurred:
		d, bad := parseDate(text)
		p.Occurred = d
		return bad
	case fieldResult:
		p.Result = text
		if !syncproto.HasOption(kind.Results, text) {
			return &ruleOption
		}
		return nil
	}
	if f, ok := kind.FieldByName(name); ok {
		v, bad := parseKindField(f, text)
		if bad != nil {
			return bad
		}
		p.set(f.Compartment(), f.Num, v)
		return nil
	}
	if num, ok := consentFields[name]; ok && kind.Person {
		v, bad := parseConsent(num, text)
		if bad != nil {
			return bad
		}
		p.set(syncproto.Operational, num, v)
		return nil
	}
	coll, _ := syncproto.CollectionOf(syncproto.CollectionActivity)
	def, ok := coll.FieldByName(name)
	if !ok || def.Compartment != syncproto.Personal || def.Num == syncproto.VoidNote {
		return &ruleUnknownField
	}
	if !kind.Person && def.Num != syncproto.PersonNote {
		return &ruleNoPersonKind
	}
	v, bad := parsePersonField(def.Num, text)
	if bad != nil {
		return bad
	}
	p.set(syncproto.Personal, def.Num, v)
	return nil
}

func (p *Parsed) set(comp syncproto.Compartment, num uint32, v syncproto.Value) {
	if comp == syncproto.Personal {
		p.Personal = append(p.Personal, syncproto.Field{Num: num, Value: v})
		return
	}
	p.Operational = append(p.Operational, syncproto.Field{Num: num, Value: v})
}

func parseKindField(f *syncproto.KindField, text string) (syncproto.Value, *rule) {
	if text == "" {
		return syncproto.Null(), nil
	}
	switch f.Type {
	case syncproto.KindInt:
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || n < 0 {
			return syncproto.Null(), &ruleInt
		}
		return syncproto.IntValue(n), nil
	case syncproto.KindBool:
		return parseBool(text)
	case syncproto.KindDate:
		d, bad := parseDate(text)
		return syncproto.DateValue(d), bad
	case syncproto.KindChoice:
		if !syncproto.HasOption(f.Options, text) {
			return syncproto.Null(), &ruleOption
		}
		return syncproto.TextValue(text), nil
	case syncproto.KindChoices:
		return parseChoices(f.Options, text)
	default:
		return parseText(text)
	}
}

func parseChoices(options []syncproto.Option, text string) (syncproto.Value, *rule) {
	items := strings.Split(text, ",")
	for i := range items {
		items[i] = strings.TrimSpace(items[i])
		if !syncproto.HasOption(options, items[i]) || len(items) > syncproto.MaxListItems {
			return syncproto.Null(), &ruleOptions
		}
	}
	return syncproto.ListValue(items...), nil
}

func parseBool(text string) (syncproto.Value, *rule) {
	switch strings.ToLower(text) {
	case "true", "yes", "1", "có", "co":
		return syncproto.BoolValue(true), nil
	case "false", "no", "0", "không", "khong":
		return syncproto.BoolValue(false), nil
	}
	return syncproto.Null(), &ruleBool
}

func parseText(text string) (syncproto.Value, *rule) {
	v := syncproto.TextValue(text)
	switch {
	case !utf8.ValidString(text) || !syncproto.CleanText(v.Text()):
		return syncproto.Null(), &ruleText
	case utf8.RuneCountInString(text) > maxTextRunes:
		return syncproto.Null(), &ruleLong
	}
	return v, nil
}

func parsePersonField(num uint32, text string) (syncproto.Value, *rule) {
	if text == "" {
		return syncproto.Null(), nil
	}
	switch num {
	case syncproto.PersonIDNumber:
		n, err := syncproto.ParseIDNumber(text)
		if err != nil {
			return syncproto.Null(), &ruleIDNumber
		}
		return syncproto.TextValue(string(n)), nil
	case syncproto.PersonBirthDate:
		d, bad := parseDate(text)
		return syncproto.DateValue(d), bad
	case syncproto.PersonSex:
		switch strings.ToLower(syncproto.TextValue(text).Text()) {
		case "male", "nam":
			return syncproto.TextValue("male"), nil
		case "female", "nữ", "nu":
			return syncproto.TextValue("female"), nil
		}
		return syncproto.Null(), &ruleSex
	case syncproto.PersonPhone:
		return parsePhone(text)
	}
	return parseText(text)
}

// parsePhone keeps digits and a leading plus.
func parsePhone(text string) (syncproto.Value, *rule) {
	var b strings.Builder
	for i, c := range text {
		switch {
		case c >= '0' && c <= '9', c == '+' && i == 0:
			b.WriteRune(c)
		case c != ' ' && c != '.' && c != '-':
			return syncproto.Null(), &rulePhone
		}
	}
	if n := len(strings.TrimPrefix(b.String(), "+")); n < 8 || n > 15 {
		return syncproto.Null(), &rulePhone
	}
	return syncproto.TextValue(b.String()), nil
}

// parseDate reads ISO 8601 and the forms people here write: DD/MM/YYYY,
// MM/YYYY and YYYY, with slashes, dots or hyphens.
func parseDate(text string) (syncproto.Date, *rule) {
	parts := strings.FieldsFunc(text, func(c rune) bool { return c == '/' || c == '.' || c == '-' })
	if len(parts) == 0 || len(parts) > 3 {
		return syncproto.Date{}, &ruleDate
	}
	if iso := strings.HasPrefix(text, parts[0]+"-") && len(parts[0]) == 4; !iso {
		slices.Reverse(parts)
	}
	var n [3]int
	for i, s := range parts {
		v, err := strconv.ParseUint(s, 10, 16)
		if err != nil || i == 0 && len(s) != 4 || i > 0 && (len(s) > 2 || v == 0) {
			return syncproto.Date{}, &ruleDate
		}
		n[i] = int(v)
	}
	d := syncproto.Date{Year: n[0], Month: n[1], Day: n[2]}
	if !d.Valid() {
		return syncproto.Date{}, &ruleDate
	}
	return d, nil
}

// doubts compares an identity number with sex and birth date. Cards may
// contradict themselves, so these are warnings.
func doubts(personal syncproto.Row) []Warning {
	number, err := syncproto.ParseIDNumber(personal.Value(syncproto.PersonIDNumber).Text())
	if err != nil {
		return nil
	}
	var out []Warning
	for _, d := range number.Doubts(personal.Value(syncproto.PersonSex).Text(), personal.Value(syncproto.PersonBirthDate).Date()) {
		switch d {
		case syncproto.DoubtSex:
			out = append(out, warnSex.warn("sex"))
		case syncproto.DoubtBirthYear:
			out = append(out, warnBirth.warn("birth_date"))
		}
	}
	return out
}

// CardFields reads the text of an identity card's QR code into values for
// ParseFields. Its errors are FieldErrors for the field "card".
func CardFields(qr string) (map[string]string, []Warning, error) {
	c, err := syncproto.ParseCardQR(qr)
	if err != nil {
		return nil, nil, oneError("card", rule{"mã này không phải của thẻ căn cước", "this is not the code of an identity card"})
	}
	values := map[string]string{"id_number": string(c.Number), "full_name": c.FullName, "sex": c.Sex, "address": c.Address}
	if c.Birth.Year != 0 {
		values["birth_date"] = c.Birth.String()
	}
	maps.DeleteFunc(values, func(_, v string) bool { return v == "" })
	var warnings []Warning
	for _, d := range c.Doubts() {
		warnings = append(warnings, cmp.Or(map[syncproto.Doubt]rule{syncproto.DoubtSex: warnSex}[d], warnBirth).warn(string(d)))
	}
	return values, warnings, nil
}

// valueText gives v as ParseFields would read it.
func valueText(v syncproto.Value) string {
	switch v.Type() {
	case syncproto.TypeInt:
		return strconv.FormatInt(v.Int(), 10)
	case syncproto.TypeText:
		return v.Text()
	case syncproto.TypeBool:
		return strconv.FormatBool(v.Bool())
	case syncproto.TypeUUID:
		return v.UUID().String()
	case syncproto.TypeDate:
		return v.Date().String()
	case syncproto.TypeList:
		return strings.Join(v.List(), ",")
	}
	return ""
}
