package syncproto

import (
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Definitions answers what a replica knows of reference data. Implementations
// must be safe for the caller's concurrency.
type Definitions interface {
	Kind(code string) (*Kind, bool)
	UnitKnown(key string) bool
}

// Finding is why a change cannot become part of a record yet. Needs names the
// definition that would cure it ("kind:CC", "unit:gso-2025-06:00988",
// "record:...", "schema:2"), or is empty if nothing would.
type Finding struct {
	Reason Reason
	Needs  string
}

// Judge tells whether a change fits the definitions. It returns nil for a
// change that may take part in merging. It looks at one change alone; for a
// change that is not a creation pass the kind of its record in kind ("" if the
// record is unknown or has no kind).
func Judge(c *Change, kind string, defs Definitions) *Finding {
	if c.Header.Check() != nil {
		return &Finding{Reason: ReasonBadFrame}
	}
	coll, ok := CollectionOf(c.Header.Collection)
	if !ok {
		return &Finding{ReasonUnknownCollection, needSchema(c)}
	}
	for comp, row := range [...]Row{Operational: c.Operational, Personal: c.Personal} {
		for _, f := range row {
			if reason := checkValue(f.Value); reason != "" {
				return &Finding{Reason: reason}
			}
			if f.Num >= FirstKindField && coll.Num == CollectionActivity {
				continue
			}
			def, ok := coll.Field(Compartment(comp), f.Num)
			if !ok {
				return &Finding{ReasonUnknownField, needSchema(c)}
			}
			if f.Value.Type() != def.Type && !f.Value.IsNull() {
				return &Finding{Reason: ReasonBadValue}
			}
		}
	}
	if f := judgeUnit(c, defs); f != nil {
		return f
	}
	if coll.Num == CollectionActivity {
		return judgeActivity(c, kind, defs)
	}
	if coll.Num == CollectionQuestion {
		return judgeQuestion(c)
	}
	if coll.Num == CollectionKind {
		if v, ok := c.Operational.Get(KindDefinition); ok {
			if _, err := ParseKind(v.Text()); err != nil {
				return &Finding{Reason: ReasonBadValue}
			}
		}
	}
	return nil
}

func needSchema(c *Change) string {
	if c.Header.Schema > Schema {
		return "schema"
	}
	return ""
}

func judgeUnit(c *Change, defs Definitions) *Finding {
	v, ok := c.Operational.Get(FieldUnit)
	if !ok {
		if c.Header.Op == OpCreate {
			return &Finding{Reason: ReasonBadFrame}
		}
		return nil
	}
	if _, _, ok := SplitUnitKey(v.Text()); !ok {
		return &Finding{Reason: ReasonBadValue}
	}
	if c.Header.Collection != CollectionUnit && !defs.UnitKnown(v.Text()) {
		return &Finding{ReasonUnknownUnit, "unit:" + v.Text()}
	}
	return nil
}

func judgeActivity(c *Change, kind string, defs Definitions) *Finding {
	if v, ok := c.Operational.Get(ActivityKind); ok {
		kind = v.Text()
	} else if c.Header.Op == OpCreate {
		return &Finding{Reason: ReasonBadFrame}
	}
	if f := judgeConsent(c); f != nil {
		return f
	}
	if kind == "" {
		return nil
	}
	k, ok := defs.Kind(kind)
	if !ok {
		return &Finding{ReasonUnknownKind, "kind:" + kind}
	}
	if v, ok := c.Operational.Get(ActivityResult); ok && !v.IsNull() && !HasOption(k.Results, v.Text()) {
		return &Finding{ReasonUnknownField, "kind:" + kind}
	}
	for comp, row := range [...]Row{Operational: c.Operational, Personal: c.Personal} {
		for _, f := range row {
			if f.Num < FirstKindField {
				continue
			}
			if finding := judgeKindField(k, Compartment(comp), f); finding != nil {
				return finding
			}
		}
	}
	return nil
}

func judgeKindField(k *Kind, comp Compartment, f Field) *Finding {
	def, ok := k.Field(comp, f.Num)
	if !ok {
		return &Finding{ReasonUnknownField, "kind:" + k.Code}
	}
	if f.Value.IsNull() {
		return nil
	}
	if f.Value.Type() != def.Type.ValueType() {
		return &Finding{Reason: ReasonBadValue}
	}
	switch def.Type {
	case KindInt:
		n := f.Value.Int()
		if def.Min != nil && n < *def.Min || def.Max != nil && n > *def.Max {
			return &Finding{Reason: ReasonBadValue}
		}
	case KindChoice:
		if !HasOption(def.Options, f.Value.Text()) {
			return &Finding{ReasonUnknownField, "kind:" + k.Code}
		}
	case KindChoices:
		for _, s := range f.Value.List() {
			if !HasOption(def.Options, s) {
				return &Finding{ReasonUnknownField, "kind:" + k.Code}
			}
		}
	}
	return nil
}

// checkValue gives ReasonBadText for text that would deceive a reader or break
// a file, and "" otherwise.
func checkValue(v Value) Reason {
	switch v.Type() {
	case TypeText:
		if !CleanText(v.str) {
			return ReasonBadText
		}
	case TypeList:
		for _, s := range v.List() {
			if !CleanText(s) {
				return ReasonBadText
			}
		}
	case TypeDate:
		if !v.Date().Valid() {
			return ReasonBadValue
		}
	}
	return ""
}

// CleanText reports whether s is valid UTF-8 in NFC without control characters
// (tab and newline are allowed), without bidirectional controls (which make
// text read differently from what it is) and without noncharacters.
func CleanText(s string) bool {
	if plainText(s) {
		return true
	}
	if !utf8.ValidString(s) || !norm.NFC.IsNormalString(s) {
		return false
	}
	for _, c := range s {
		if unicode.IsControl(c) && c != '\n' && c != '\t' || unicode.Is(unicode.Bidi_Control, c) || noncharacter(c) {
			return false
		}
	}
	return true
}

// plainText reports whether s is printable ASCII, as most texts of records are:
// choices and codes. They need no second look.
func plainText(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

func noncharacter(c rune) bool { return c&0xFFFE == 0xFFFE || c >= 0xFDD0 && c <= 0xFDEF }
