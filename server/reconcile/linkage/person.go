// Package linkage finds records that may be about the same person, and says
// why: probabilistic record linkage after Fellegi and Sunter (A Theory for
// Record Linkage, JASA 1969), with frequencies of names by commune. It is pure;
// it decides nothing but what is so certain that no person needs to look.
package linkage

import (
	"strings"

	"thonsync/syncproto"
	"thonsync/syncproto/fold"
)

// Hash is a keyed hash of an identity or telephone number; its key never leaves
// the centre. The zero value says that there is no number.
type Hash [16]byte

// Person is what one record says of a citizen.
type Person struct {
	Number  Hash
	Phone   Hash
	Name    string // NFC
	Birth   syncproto.Date
	Sex     string // "male", "female" or ""
	Village string // list:code of where it was recorded
	Commune string // list:code

	words   []string // of the name, folded
	plain   string   // the name folded
	typed   string   // the name folded, without what is left of typing marks
	joined  string   // typed without spaces
	written string   // the name in lower case
}

// Prepare fills in what comparing needs. Call it once, before anything else.
func (p *Person) Prepare() {
	p.written = strings.ToLower(strings.Join(strings.Fields(p.Name), " "))
	p.plain = fold.Key(p.written)
	p.typed = fold.Untelex(p.written)
	p.words = strings.Fields(p.typed)
	p.joined = strings.ReplaceAll(p.typed, " ", "")
}

func (p *Person) family() string {
	if len(p.words) == 0 {
		return ""
	}
	return p.words[0]
}

func (p *Person) given() string {
	if len(p.words) == 0 {
		return ""
	}
	return p.words[len(p.words)-1]
}

func (p *Person) middle() string {
	if len(p.words) < 3 {
		return ""
	}
	return strings.Join(p.words[1:len(p.words)-1], " ")
}

// wholeBirth reports whether day and month are known. The first of January is
// what people write who do not know.
func wholeBirth(d syncproto.Date) bool {
	return d.Month != 0 && d.Day != 0 && (d.Month != 1 || d.Day != 1)
}
