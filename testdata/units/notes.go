package units

import "sync"

// NotePart is a sentence, or a shorter piece, that synthetic notes are made
// from. {who} and {who2} stand for a relative, {village} for a village, {day}
// for a date, {hour} for an hour of the evening, {n} for a small and {m} for a
// larger number.
type NotePart struct {
	// Slot says where the text may stand: situation, action, follow, bare, place,
	// detail, or who_male and who_female (the word before a given name in {who}).
	Slot string
	// Kinds are the kind codes that the text fits, separated by spaces, or "person"
	// for the kinds about a person, or "*" for all.
	Kinds string
	Text  string
}

// NoteParts returns every part of a note.
func NoteParts() []NotePart { return noteParts() }

var noteParts = sync.OnceValue(func() []NotePart {
	var out []NotePart
	for _, r := range table("note_parts.csv", "slot", "kinds", "text") {
		out = append(out, NotePart{r[0], r[1], r[2]})
	}
	return out
})
