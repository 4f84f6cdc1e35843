package clientlib

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// fold gives the key under which text is found: decomposed, marks dropped, đ
// as d, lower case. It serves finding, never comparing for identity.
func fold(s string) string {
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
