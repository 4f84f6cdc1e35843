package console_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"thonsync/server/console"
)

func get(t *testing.T, path string, header ...string) *http.Response {
	t.Helper()
	h, err := console.Handler()
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, http.NoBody)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func read(t *testing.T, r io.Reader) string {
	t.Helper()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// The page holds no script and no style of its own, forbids both, and names
// files that are there, kept for ever, and the same packed or not.
func TestPageAndItsFiles(t *testing.T) {
	page := get(t, "/console/audit?action=view")
	text := read(t, page.Body)
	policy := page.Header.Get("Content-Security-Policy")
	if !strings.Contains(policy, "script-src 'self';") || strings.Contains(policy, "unsafe") || !strings.Contains(policy, "default-src 'none'") {
		t.Errorf("policy %q", policy)
	}
	if page.Header.Get("Cache-Control") != "no-store" || regexp.MustCompile(`<script[^>]*>[^<]|<style|style=|\son\w+=`).MatchString(text) {
		t.Errorf("%v\n%s", page.Header, text)
	}
	files := regexp.MustCompile(`"(/console/a/[^"]+)"`).FindAllStringSubmatch(text, -1)
	if len(files) < 2 {
		t.Fatalf("%d files in\n%s", len(files), text)
	}
	for _, m := range files {
		plain, packed := get(t, m[1]), get(t, m[1], "Accept-Encoding", "br, gzip")
		if plain.StatusCode != 200 || !strings.Contains(plain.Header.Get("Cache-Control"), "immutable") || packed.Header.Get("Content-Encoding") != "gzip" {
			t.Fatalf("%s: %d %v", m[1], plain.StatusCode, plain.Header)
		}
		z, err := gzip.NewReader(bytes.NewReader([]byte(read(t, packed.Body))))
		if err != nil {
			t.Fatal(err)
		}
		if body := read(t, plain.Body); body == "" || body != read(t, z) {
			t.Errorf("%s packed is another file", m[1])
		}
	}
	if got := get(t, "/console/a/gone.js").StatusCode; got != http.StatusNotFound {
		t.Errorf("a file that is gone: %d", got)
	}
}

// The language is asked for once, and Vietnamese unless it is.
func TestPageLanguage(t *testing.T) {
	if text := read(t, get(t, "/console").Body); !strings.Contains(text, `<html lang="vi">`) {
		t.Error("the page does not begin in Vietnamese")
	}
	r := get(t, "/console?lang=en")
	if text := read(t, r.Body); !strings.Contains(text, `<html lang="en">`) || len(r.Cookies()) != 1 {
		t.Errorf("asked for English: %v", r.Header)
	}
}
