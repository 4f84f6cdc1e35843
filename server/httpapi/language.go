package httpapi

import "net/http"

// langCookie keeps the language that a reader chose.
const langCookie = "thonsync-lang"

// English reports whether pages are for a reader of English: Vietnamese unless
// the reader asked for English, now by the parameter lang or once before.
func English(w http.ResponseWriter, r *http.Request) bool {
	english := false
	if c, err := r.Cookie(langCookie); err == nil {
		english = c.Value == "en"
	}
	if l := r.URL.Query().Get("lang"); l == "vi" || l == "en" {
		english = l == "en"
		http.SetCookie(w, &http.Cookie{Name: langCookie, Value: l, Path: "/", MaxAge: 365 * 86400, HttpOnly: true, Secure: true, SameSite: http.SameSiteLaxMode})
	}
	return english
}
