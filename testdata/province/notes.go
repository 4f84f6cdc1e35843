package province

import (
	"strconv"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"thonsync/testdata/units"
)

// sentence is a text cut at its placeholders: literal, placeholder, literal ...
type sentence []string

// noteBook holds the parts of notes in the form that drawing needs. Immutable.
type noteBook struct {
	// situations by kind code hold the fitting ones three times, the general once.
	situations           map[string]*picker[sentence]
	action, follow, bare picker[sentence]
	place, detail        picker[sentence]
	relatives            [2]picker[sentence] // by sex of the person named
}

var loadNotes = sync.OnceValue(func() *noteBook {
	b := &noteBook{situations: map[string]*picker[sentence]{}}
	for _, k := range units.Kinds() {
		b.situations[k.Code] = &picker[sentence]{}
	}
	slots := map[string]*picker[sentence]{
		"action": &b.action, "follow": &b.follow, "bare": &b.bare,
		"place": &b.place, "detail": &b.detail,
		"who_male": &b.relatives[0], "who_female": &b.relatives[1],
	}
	for _, part := range units.NoteParts() {
		s := cut(part.Text)
		if p := slots[part.Slot]; p != nil {
			p.add(s, 1)
			continue
		}
		for _, k := range units.Kinds() {
			if part.Kinds == "*" || part.Kinds == "person" && k.Person {
				b.situations[k.Code].add(s, 1)
			} else if strings.Contains(" "+part.Kinds+" ", " "+k.Code+" ") {
				b.situations[k.Code].add(s, 3)
			}
		}
	}
	return b
})

// cut splits "a {n} b" into "a ", "n", " b"; odd indexes are placeholders.
func cut(text string) sentence {
	return strings.FieldsFunc(strings.NewReplacer("{", "\x00{", "}", "}\x00").Replace(text),
		func(r rune) bool { return r == 0 })
}

// note draws a note for an activity: one to three sentences, or a few words.
func (g *ActivityGen) note(st *teamState, kind string, on Date) string {
	var b strings.Builder
	if chance(st.rng, 18) {
		g.write(&b, st, g.notes.bare.pick(st.rng), on)
		return b.String()
	}
	situation := g.notes.situations[kind]
	g.write(&b, st, situation.pick(st.rng), on)
	if chance(st.rng, 85) {
		b.WriteByte(' ')
		g.write(&b, st, g.notes.action.pick(st.rng), on)
	}
	if chance(st.rng, 45) {
		b.WriteByte(' ')
		g.write(&b, st, g.notes.follow.pick(st.rng), on)
	}
	return b.String()
}

// phrase draws one text from a picker.
func (g *ActivityGen) phrase(st *teamState, from *picker[sentence], on Date) string {
	var b strings.Builder
	g.write(&b, st, from.pick(st.rng), on)
	return b.String()
}

// write fills the placeholders of a sentence. One that begins with a placeholder
// gets a capital letter.
func (g *ActivityGen) write(b *strings.Builder, st *teamState, s sentence, on Date) {
	for i, piece := range s {
		if piece[0] != '{' {
			b.WriteString(piece)
			continue
		}
		text := g.placeholder(st, piece, on)
		if i == 0 {
			r, size := utf8.DecodeRuneInString(text)
			b.WriteRune(unicode.ToUpper(r))
			text = text[size:]
		}
		b.WriteString(text)
	}
}

func (g *ActivityGen) placeholder(st *teamState, name string, on Date) string {
	rng := st.rng
	switch name {
	case "{n}":
		return strconv.Itoa(between(rng, 2, 9))
	case "{m}":
		return strconv.Itoa(5 * between(rng, 2, 12))
	case "{hour}":
		return strconv.Itoa(between(rng, 6, 9))
	case "{day}":
		d := on.plus(between(rng, 1, 21))
		return string([]byte{
			'0' + byte(d.D/10), '0' + byte(d.D%10), '/', '0' + byte(d.M/10), '0' + byte(d.M%10),
		})
	case "{village}":
		return lowerFirst(g.province.Villages[st.village].FullName())
	default: // {who}, {who2}
		sex := rng.IntN(2)
		relative := g.notes.relatives[sex].pick(rng)[0]
		group := g.province.personGroup(rng, st.village)
		return relative + " " + g.tables.groups[group].given[sex].pick(rng)
	}
}
