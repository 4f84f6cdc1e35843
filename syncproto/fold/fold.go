// Package fold gives the keys under which text is found: decomposed, marks
// dropped, đ as d, lower case. They serve finding, never identity.
package fold

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// Key folds s: "Nguyễn Thị Đào" becomes "nguyen thi dao".
func Key(s string) string {
	var b strings.Builder
	b.Grow(len(s))
	for _, c := range norm.NFD.String(s) {
		switch {
		case unicode.Is(unicode.Mn, c):
		case c == 'đ' || c == 'Đ':
			b.WriteByte('d')
		default:
			b.WriteRune(unicode.ToLower(c))
		}
	}
	return b.String()
}

// Untelex folds s and takes out what is left of typing in the Telex way, where
// keys stand for marks: "Nguyeenx" becomes "nguyen". Words that end in such a
// key by right ("Mas", "Lý Xa" does not) may become others: for finding only.
func Untelex(s string) string {
	words := strings.Fields(Key(s))
	for i, w := range words {
		words[i] = untelexWord(w)
	}
	return strings.Join(words, " ")
}

// untelexWord takes a tone key from the end, doubled vowels and d, and w after
// a vowel.
func untelexWord(w string) string {
	if n := len(w); n > 2 && strings.IndexByte("sfrxj", w[n-1]) >= 0 {
		w = w[:n-1]
	}
	b := make([]byte, 0, len(w))
	for i := range len(w) {
		doubled := len(b) > 0 && w[i] == b[len(b)-1] && strings.IndexByte("aeod", w[i]) >= 0
		horn := w[i] == 'w' && len(b) > 0 && strings.IndexByte("aou", b[len(b)-1]) >= 0
		if !doubled && !horn {
			b = append(b, w[i])
		}
	}
	return string(b)
}
