package units

import (
	"encoding/json"
	"fmt"
	"sync"
)

// Field types of a kind's own fields.
const (
	TypeText    = "text"    // free text, always personal
	TypeInt     = "int"     // whole number
	TypeBool    = "bool"    // yes or no
	TypeDate    = "date"    // calendar date
	TypeChoice  = "choice"  // one option
	TypeChoices = "choices" // any number of different options
)

// Option is one value that a choice may take. Value is stored and travels, the
// labels are shown.
type Option struct {
	Value   string `json:"value"`
	LabelVI string `json:"label_vi"`
	LabelEN string `json:"label_en"`
}

// Field is one field that only activities of one kind have. Num is at least 32,
// unique within the kind across both compartments and never given to another
// field later; Name is snake_case and never that of a common field.
type Field struct {
	Num      int      `json:"num"`
	Name     string   `json:"name"`
	LabelVI  string   `json:"label_vi"`
	LabelEN  string   `json:"label_en"`
	Type     string   `json:"type"`
	Options  []Option `json:"options,omitempty"`
	Required bool     `json:"required"`
	// Personal puts the field into the personal compartment.
	Personal bool `json:"personal"`
	// Min and Max bound an int, both inclusive; nil for the other types.
	Min *int64 `json:"min,omitempty"`
	Max *int64 `json:"max,omitempty"`
}

// Kind defines one kind of activity.
type Kind struct {
	// Code is the stable short code, such as KH.
	Code   string `json:"code"`
	NameVI string `json:"name_vi"`
	NameEN string `json:"name_en"`
	// Person says that an activity of this kind is about one citizen.
	Person bool `json:"person"`
	// NameOptional says that such an activity may leave the citizen's name out.
	NameOptional bool `json:"name_optional,omitempty"`
	// Basis is the lawful basis on which personal data are processed, and Purpose
	// what for; both are empty for a kind that is about nobody.
	Basis     string `json:"basis,omitempty"`
	PurposeVI string `json:"purpose_vi,omitempty"`
	PurposeEN string `json:"purpose_en,omitempty"`
	// Results are the values of the common field result for this kind.
	Results []Option `json:"results"`
	// Stages are the values of the field stage in their order, empty when the
	// kind has none.
	Stages []string `json:"stages,omitempty"`
	Fields []Field  `json:"fields"`
}

// Guide is a short text for village teams, in two languages.
type Guide struct {
	Code    string `json:"code"`
	TitleVI string `json:"title_vi"`
	TitleEN string `json:"title_en"`
	// Kinds are the codes of the activity kinds that the guide helps with.
	Kinds []string `json:"kinds"`
	Steps []Step   `json:"steps"`
}

// Step is one paragraph of a guide.
type Step struct {
	TextVI string `json:"text_vi"`
	TextEN string `json:"text_en"`
}

// Kinds returns the fourteen kinds in the order they are offered.
func Kinds() []Kind { return kinds() }

// Guides returns the guides in the order they are offered.
func Guides() []Guide { return guides() }

var (
	kinds  = sync.OnceValue(func() []Kind { return parseJSON[[]Kind]("kinds.json") })
	guides = sync.OnceValue(func() []Guide { return parseJSON[[]Guide]("guides.json") })
)

func parseJSON[T any](name string) T {
	var v T
	b, err := files.ReadFile(name)
	if err == nil {
		err = json.Unmarshal(b, &v)
	}
	if err != nil {
		panic(fmt.Sprintf("embedded file %s: %v: rebuild from a clean checkout", name, err))
	}
	return v
}
