package sheet

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"thonsync/syncproto"
)

// tcvn3 is the encoding VN3 of TCVN 5712:1993 as its fonts use it: what stands
// at a place of Latin 1 that no Vietnamese text has there. Capitals with tones
// have no places of their own: capital fonts show the small ones large.
var tcvn3 = func() map[rune]rune {
	m := map[rune]rune{
		0xA1: 'Ă', 0xA2: 'Â', 0xA3: 'Ê', 0xA4: 'Ô', 0xA5: 'Ơ', 0xA6: 'Ư', 0xA7: 'Đ',
		0xA8: 'ă', 0xA9: 'â', 0xAA: 'ê', 0xAB: 'ô', 0xAC: 'ơ', 0xAD: 'ư', 0xAE: 'đ',
	}
	for first, letters := range map[rune]string{
		0xB5: "àảãáạ", 0xBB: "ằẳẵắ", 0xC6: "ặầẩẫấậè", 0xCE: "ẻẽéẹềểễếệìỉ", 0xDC: "ĩíịò", 0xE1: "ỏõóọồổỗốộờởỡớợù",
		0xF1: "ủũúụừửữứựỳỷỹýỵ",
	} {
		for _, c := range letters {
			m[first] = c
			first++
		}
	}
	return m
}()

// fromTCVN3 reads what looks like Latin letters as TCVN3.
func fromTCVN3(s string) string {
	return strings.Map(func(r rune) rune {
		if v, ok := tcvn3[r]; ok {
			return v
		}
		return r
	}, s)
}

// strange counts what Vietnamese text does not have: letters of other alphabets,
// signs inside words, capitals inside words of small letters.
func strange(s string) (n int) {
	var before rune
	for _, r := range s {
		letter := unicode.IsLetter(r)
		switch {
		case r < 0x80:
		case !letter && unicode.IsLetter(before), letter && !vietnamese[r]:
			n++
		}
		if unicode.IsUpper(r) && unicode.IsLower(before) {
			n++
		}
		before = r
	}
	for word := range strings.FieldsSeq(s) {
		if !isASCII(word) {
			n += oddVowels(word)
		}
	}
	return n
}

// oddVowels counts runs of vowels that no Vietnamese syllable has: one encoding
// read as another often makes Vietnamese letters, but rarely syllables.
func oddVowels(word string) (n int) {
	var run []rune
	end := func() {
		if len(run) > 0 && !rhymes[string(run)] {
			n++
		}
		run = run[:0]
	}
	tones := 0
	for _, r := range norm.NFD.String(strings.ToLower(word)) {
		switch {
		case strings.ContainsRune("aeiouy", r):
			run = append(run, r)
		case strings.ContainsRune("\u0302\u0306\u031b", r) && len(run) > 0:
			run = append(run, r)
		case r >= 0x300 && r < 0x370:
			tones++
		default:
			end()
		}
	}
	end()
	return n + max(0, tones-1)
}

// rhymes holds the vowels of syllables, decomposed and without tones.
var rhymes = func() map[string]bool {
	m := map[string]bool{}
	for _, v := range strings.Fields("a ă â e ê i o ô ơ u ư y ai ao au ay âu ây eo êu ia iai iao iau iay iă iâ iâu iây ie iê iêu io iô iơ ioi iôi iơi iu iua iư iưa iươ " +
		"oa oă oai oao oay oe oeo oi ôi ơi oo ua uâ uă uai uao uau uay uây ue uê uêu ui uo uô uôi uơ uy uya uyê uyu uyt ưa ưi ươ ươi ươu ưu yê yêu ya yo yu ye") {
		m[norm.NFD.String(v)] = true
	}
	return m
}()

// vietnamese holds the letters beyond ASCII.
var vietnamese = func() map[rune]bool {
	m := map[rune]bool{'đ': true, 'Đ': true}
	for _, base := range "aăâeêioôơuưy" {
		for _, tone := range []string{"", "\u0300", "\u0309", "\u0303", "\u0301", "\u0323"} {
			for _, r := range norm.NFC.String(string(base) + tone) {
				m[r], m[unicode.ToUpper(r)] = true, true
			}
		}
	}
	return m
}()

// decode settles, cell by cell, what text in TCVN3 fonts is, since workbooks mix
// fonts; it makes all text NFC and refuses rows with text that cannot be clean.
func (t *Table) decode(encoding string) {
	t.Encoding = encoding
	old, all := 0, 0
	for i := range t.Rows {
		r := &t.Rows[i]
		for j, c := range r.Cells {
			if !isASCII(c) {
				all++
				c = norm.NFC.String(c)
				if as := fromTCVN3(c); strange(as) < strange(c) {
					c = as
					old++
				}
				r.Cells[j] = c
			}
			if !syncproto.CleanText(c) {
				r.Bad = "a cell holds characters that no text has: it may be in a font of its own; type it anew"
			}
		}
	}
	if all > 0 && old*2 > all {
		t.Encoding = "tcvn3"
	}
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}
