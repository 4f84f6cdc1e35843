package syncproto

import (
	"encoding/json"
	"slices"
)

// KindFieldType is how a kind's field is asked for and stored.
type KindFieldType string

// The types of kind fields.
const (
	KindText    KindFieldType = "text"
	KindInt     KindFieldType = "int"
	KindBool    KindFieldType = "bool"
	KindDate    KindFieldType = "date"
	KindChoice  KindFieldType = "choice"  // one of Options
	KindChoices KindFieldType = "choices" // any of Options
)

var kindTypes = map[KindFieldType]Type{
	KindText: TypeText, KindInt: TypeInt, KindBool: TypeBool,
	KindDate: TypeDate, KindChoice: TypeText, KindChoices: TypeList,
}

// ValueType is the value type that a field of type t holds.
func (t KindFieldType) ValueType() Type { return kindTypes[t] }

// Option is a choice of a kind's field.
type Option struct {
	Value   string `json:"value"`
	LabelVI string `json:"label_vi"`
	LabelEN string `json:"label_en"`
}

// KindField is a field that a kind adds to activities.
type KindField struct {
	Num      uint32        `json:"num"`
	Name     string        `json:"name"`
	LabelVI  string        `json:"label_vi"`
	LabelEN  string        `json:"label_en"`
	Type     KindFieldType `json:"type"`
	Options  []Option      `json:"options,omitempty"`
	Required bool          `json:"required,omitempty"`
	Personal bool          `json:"personal,omitempty"`
	Min      *int64        `json:"min,omitempty"` // bounds of an int, both inclusive
	Max      *int64        `json:"max,omitempty"`
}

// Compartment tells where the field's value goes.
func (f *KindField) Compartment() Compartment {
	if f.Personal {
		return Personal
	}
	return Operational
}

// Kind is the definition of an activity kind: enough to draw its form, check
// its changes and count its results, so that a new kind needs no new program.
type Kind struct {
	Code   string `json:"code"`
	NameVI string `json:"name_vi"`
	NameEN string `json:"name_en"`
	Person bool   `json:"person"` // about one citizen
	// NameOptional tells that an activity about a citizen may leave the name out,
	// such as a visit to a household that did not agree to be recorded.
	NameOptional bool        `json:"name_optional,omitempty"`
	Results      []Option    `json:"results,omitempty"`
	Stages       []string    `json:"stages,omitempty"` // options of the field "stage" in their order
	Fields       []KindField `json:"fields"`

	// What personal data are processed for, in both languages, and on which lawful
	// basis; see BasisOf.
	PurposeVI string `json:"purpose_vi,omitempty"`
	PurposeEN string `json:"purpose_en,omitempty"`
	Basis     string `json:"basis,omitempty"`
	// ConsentText is the version of the text that is read out before consent.
	ConsentText int64 `json:"consent_text,omitempty"`
	// KeepDays is how long personal fields stay on phones once they are safe; 0
	// for DefaultKeepDays.
	KeepDays int `json:"keep_days,omitempty"`
}

// NeedsName reports whether an activity of the kind must name its citizen.
func (k *Kind) NeedsName() bool { return k.Person && !k.NameOptional }

// ParseKind reads a kind's definition and checks it: numbers from
// FirstKindField on and unique per compartment, known types, free text
// personal, choices with options.
func ParseKind(definition string) (*Kind, error) {
	k := &Kind{}
	if err := json.Unmarshal([]byte(definition), k); err != nil {
		return nil, Wrap(CodeInvalidInput, err, "kind definition is not valid JSON")
	}
	if k.Code == "" || k.NameVI == "" {
		return nil, Errorf(CodeInvalidInput, "kind definition without code or name_vi")
	}
	if k.NameOptional && !k.Person {
		return nil, Errorf(CodeInvalidInput, "kind %s: name_optional belongs to kinds about one citizen", k.Code)
	}
	if err := checkBasis(k); err != nil {
		return nil, err
	}
	seen := make(map[[2]uint32]bool)
	for _, f := range k.Fields {
		key := [2]uint32{f.Num, uint32(f.Compartment())}
		switch {
		case f.Num < FirstKindField || seen[key]:
			return nil, Errorf(CodeInvalidInput, "kind %s: field %s has number %d, which is reserved or used twice", k.Code, f.Name, f.Num)
		case kindTypes[f.Type] == TypeNull:
			return nil, Errorf(CodeInvalidInput, "kind %s: field %s has unknown type %q", k.Code, f.Name, f.Type)
		case f.Type == KindText && !f.Personal:
			return nil, Errorf(CodeInvalidInput, "kind %s: field %s is free text and must be personal", k.Code, f.Name)
		case (f.Type == KindChoice || f.Type == KindChoices) && len(f.Options) == 0:
			return nil, Errorf(CodeInvalidInput, "kind %s: field %s has no options", k.Code, f.Name)
		}
		seen[key] = true
	}
	return k, nil
}

// Field finds a field of the kind by number and compartment.
func (k *Kind) Field(comp Compartment, num uint32) (*KindField, bool) {
	i := slices.IndexFunc(k.Fields, func(f KindField) bool { return f.Num == num && f.Compartment() == comp })
	if i < 0 {
		return nil, false
	}
	return &k.Fields[i], true
}

// FieldByName finds a field of the kind by its word.
func (k *Kind) FieldByName(name string) (*KindField, bool) {
	i := slices.IndexFunc(k.Fields, func(f KindField) bool { return f.Name == name })
	if i < 0 {
		return nil, false
	}
	return &k.Fields[i], true
}

// HasOption reports whether v is one of the options; a list of options that is
// empty allows everything.
func HasOption(options []Option, v string) bool {
	return len(options) == 0 || slices.ContainsFunc(options, func(o Option) bool { return o.Value == v })
}
