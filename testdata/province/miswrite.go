package province

import (
	"strings"

	"golang.org/x/text/unicode/norm"
)

// telexKeys are the keys that make a mark in the Telex way of typing.
var telexKeys = map[rune]string{
	'\u0300': "f", '\u0301': "s", '\u0309': "r", '\u0303': "x", '\u0323': "j",
	'\u0306': "w", '\u031b': "w",
}

var toneMarks = []rune{'\u0300', '\u0301', '\u0309', '\u0303', '\u0323'}

// wrote gives a name as a volunteer may have written it.
func (w *census) wrote(name string) string {
	e := &w.rates
	if w.per(e.MiddleLeft) {
		if parts := strings.Fields(name); len(parts) > 2 {
			name = strings.Join(append(parts[:1], parts[2:]...), " ")
		}
	}
	n := w.rng.IntN(10_000)
	for _, c := range []struct {
		rate int
		do   func(string) string
	}{{e.MarksDropped, plainLetters}, {e.MarkWrong, w.wrongMark}, {e.TelexLeft, w.telex}, {e.NameTyped, w.typo}} {
		if n < c.rate {
			return norm.NFC.String(c.do(name))
		}
		n -= c.rate
	}
	return name
}

// plainLetters drops all marks.
func plainLetters(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == 'đ':
			return 'd'
		case r == 'Đ':
			return 'D'
		case r >= 0x300 && r < 0x370:
			return -1
		}
		return r
	}, norm.NFD.String(s))
}

// wrongMark exchanges, drops or adds one tone.
func (w *census) wrongMark(s string) string {
	runes := []rune(norm.NFD.String(s))
	var at []int
	for i, r := range runes {
		if strings.ContainsRune(string(toneMarks), r) {
			at = append(at, i)
		}
	}
	if len(at) == 0 {
		for i, r := range runes {
			if strings.ContainsRune("aeiouy", r) {
				return string(runes[:i+1]) + string(toneMarks[w.rng.IntN(len(toneMarks))]) + string(runes[i+1:])
			}
		}
		return s
	}
	i := at[w.rng.IntN(len(at))]
	if chance(w.rng, 40) {
		return string(runes[:i]) + string(runes[i+1:])
	}
	runes[i] = toneMarks[w.rng.IntN(len(toneMarks))]
	return string(runes)
}

// telex leaves the keys of one word as they were typed: Nguyễn, Nguyeenx.
func (w *census) telex(s string) string {
	words := strings.Fields(s)
	i := w.rng.IntN(len(words))
	var b strings.Builder
	tail := ""
	var last rune
	for _, r := range norm.NFD.String(words[i]) {
		switch {
		case r == 'đ':
			b.WriteString("dd")
		case r == 'Đ':
			b.WriteString("Dd")
		case r == '\u0302':
			b.WriteRune(last) // a circumflex is the letter twice
		case telexKeys[r] == "w":
			b.WriteString("w")
		case telexKeys[r] != "":
			tail += telexKeys[r]
		default:
			b.WriteRune(r)
		}
		last = r
	}
	words[i] = b.String() + tail
	return strings.Join(words, " ")
}

// typo changes one letter: wrong, missing, doubled, or exchanged with the next.
func (w *census) typo(s string) string {
	runes := []rune(norm.NFC.String(s))
	i := 1 + w.rng.IntN(len(runes)-1)
	if runes[i] == ' ' {
		i--
	}
	switch w.rng.IntN(4) {
	case 0:
		runes[i] = rune("abcdeghiklmnopqrstuvxy"[w.rng.IntN(22)])
		return string(runes)
	case 1:
		return string(runes[:i]) + string(runes[i+1:])
	case 2:
		return string(runes[:i+1]) + string(runes[i:])
	}
	if i+1 < len(runes) {
		runes[i], runes[i+1] = runes[i+1], runes[i]
	}
	return string(runes)
}
