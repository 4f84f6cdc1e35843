package signin

import "testing"

// A link to the sign-in page cannot send people elsewhere after it.
func TestNextLeadsNowhereElse(t *testing.T) {
	for next, want := range map[string]string{
		"/reports/monthly?unit=x:1": "/reports/monthly?unit=x:1", "/": "/",
		"": "/account", "https://evil.example/": "/account", "//evil.example": "/account", "///evil.example": "/account",
		"/\\evil.example": "/account", "\\\\evil.example": "/account", "javascript:alert(1)": "/account", "evil.example": "/account",
		"/a\r\nSet-Cookie: x=y": "/account", "http:/evil.example": "/account", "/\tevil": "/account",
	} {
		if got := safeNext(next, "/account"); got != want {
			t.Errorf("%q leads to %q, want %q", next, got, want)
		}
	}
}

// Every error that a person can cause has words in both languages, and every
// action of the access log a name.
func TestErrorsHaveWords(t *testing.T) {
	for _, e := range errorTexts {
		if got := sayError(e.err); got != e.say || got.vi == "" || got.en == "" || got.vi == got.en {
			t.Errorf("%v: %+v", e.err, got)
		}
	}
	for a, say := range actionTexts {
		if say.vi == "" || say.en == "" {
			t.Errorf("%s has no name", a)
		}
	}
}
