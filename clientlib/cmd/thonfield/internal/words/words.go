// Package words holds every text that thonfield shows to people, in Vietnamese
// and in English, in one catalogue file, and writes dates the way they are
// written in Viet Nam. It knows no device and does no I/O.
package words

import (
	_ "embed" // the catalogue
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"thonsync/clientlib"
	"thonsync/syncproto"
)

// Lang is a language that texts exist in.
type Lang string

// The languages.
const (
	VI Lang = "vi"
	EN Lang = "en"
)

//go:embed catalogue.json
var catalogueJSON []byte

// catalogue gives per key the text per language.
var catalogue = func() map[string]map[Lang]string {
	m := make(map[string]map[Lang]string)
	if err := json.Unmarshal(catalogueJSON, &m); err != nil {
		panic(fmt.Sprintf("words: the catalogue is not valid JSON: %v", err))
	}
	return m
}()

// Choose gives the language to speak: what was asked for, else what the locale
// (such as en_US.UTF-8) names, else Vietnamese.
func Choose(asked, locale string) Lang {
	for _, s := range []string{asked, locale} {
		switch {
		case strings.HasPrefix(strings.ToLower(s), "vi"):
			return VI
		case strings.HasPrefix(strings.ToLower(s), "en"):
			return EN
		}
	}
	return VI
}

// T gives the text of a key with {name} replaced by the value that follows name
// in args. An unknown key gives the key itself, so that nothing is hidden.
func (l Lang) T(key string, args ...any) string {
	text, ok := catalogue[key][l]
	if !ok {
		return key
	}
	for i := 0; i+1 < len(args); i += 2 {
		text = strings.ReplaceAll(text, fmt.Sprintf("{%v}", args[i]), fmt.Sprint(args[i+1]))
	}
	return text
}

// Pick gives the Vietnamese or the English form of a text that came from
// elsewhere; where one is missing, the other.
func (l Lang) Pick(vi, en string) string {
	if (l == EN && en != "") || vi == "" {
		return en
	}
	return vi
}

// Has reports whether the catalogue has the key.
func Has(key string) bool { return catalogue[key] != nil }

// Keys lists all keys with the prefix, sorted.
func Keys(prefix string) []string {
	var keys []string
	for k := range catalogue {
		if strings.HasPrefix(k, prefix) {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	return keys
}

// Code says what a failure with the code means and what to do next.
func (l Lang) Code(c syncproto.Code) string {
	if key := "code." + string(c); Has(key) {
		return l.T(key)
	}
	return l.T("code.internal")
}

// Reason says why a record was not plainly accepted, as the end of a sentence.
func (l Lang) Reason(r syncproto.Reason) string {
	if key := "reason." + string(r); Has(key) {
		return l.T(key)
	}
	return l.T("reason.other")
}

// Custody says honestly how far a record has got.
func (l Lang) Custody(c clientlib.Custody) string {
	switch {
	case c.Stage != clientlib.StageAskedBack:
		return l.T("stage." + c.Stage.String())
	case c.Reason != "" && c.Reason != clientlib.ReasonConflict && c.Reason != clientlib.ReasonQuestion:
		return l.T("stage.kept-back", "reason", l.Reason(c.Reason))
	default:
		return l.T("stage.asked-back")
	}
}
