package console

import (
	"bytes"
	"compress/gzip"
	"embed"
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"mime"
	"net/http"
	"path"
	"strings"

	"thonsync/server/accounts"
	"thonsync/server/httpapi"
)

// Path is where the console is served.
const Path = httpapi.ConsolePath

// assets is the folder of the files below Path. Their names hold a hash of what
// is in them, so browsers may keep them for ever.
const assets = Path + "/a/"

//go:embed dist
var dist embed.FS

// policy lets the page load and call this server alone, and run no script that
// stands in the page.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
	"form-action 'self'; frame-ancestors 'none'; base-uri 'none'"

// file is one file as it is sent.
type file struct {
	mime        string
	plain, gzip []byte
}

// handler serves the console. It is safe for concurrent use.
type handler struct {
	files map[string]file
	pages map[bool][]byte // by whether it is in English
}

// Handler gives the handler of the console.
func Handler() (http.Handler, error) {
	h := &handler{files: map[string]file{}, pages: map[bool][]byte{}}
	list, err := dist.ReadDir("dist")
	if err != nil {
		return nil, fmt.Errorf("console: %w", err)
	}
	for _, e := range list {
		data, err := dist.ReadFile("dist/" + e.Name())
		if err != nil {
			return nil, fmt.Errorf("console: %w", err)
		}
		packed, err := pack(data)
		if err != nil {
			return nil, err
		}
		h.files[e.Name()] = file{mimeOf(e.Name()), data, packed}
	}
	return h, h.makePages()
}

// Mount gives the console with who may use it: whoever has signed in. What each
// may see is decided by the API that the pages read.
func Mount() (httpapi.Mount, error) {
	h, err := Handler()
	return httpapi.Mount{Prefix: Path, Permit: httpapi.Permit{Roles: accounts.Roles()}, Handler: h}, err
}

func mimeOf(name string) string {
	switch path.Ext(name) {
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	}
	return mime.TypeByExtension(path.Ext(name))
}

func pack(data []byte) ([]byte, error) {
	var buf bytes.Buffer
	w, err := gzip.NewWriterLevel(&buf, gzip.BestCompression)
	if err == nil {
		_, err = w.Write(data)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		return nil, fmt.Errorf("console: packing: %w", err)
	}
	return buf.Bytes(), nil
}

// manifest says which files the page begins with.
type manifest struct {
	Script  string   `json:"script"`
	Preload []string `json:"preload"` // what the script imports
	Style   string   `json:"style"`
}

var shell = template.Must(template.New("console").Parse(`<!doctype html>
<html lang="{{if .English}}en{{else}}vi{{end}}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Thonsync</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="{{.Assets}}{{.Style}}">
{{range .Preload}}<link rel="modulepreload" href="{{$.Assets}}{{.}}">
{{end}}<script type="module" src="{{.Assets}}{{.Script}}"></script>
</head>
<body>
<div id="app"></div>
<noscript>{{if .English}}This page needs JavaScript: turn it on in the browser's settings.{{else}}Trang này cần JavaScript: hãy bật trong phần cài đặt của trình duyệt.{{end}}</noscript>
</body>
</html>
`))

func (h *handler) makePages() error {
	data, err := dist.ReadFile("dist/manifest.json")
	if err != nil {
		return fmt.Errorf("console: %w", err)
	}
	var m manifest
	if err := json.Unmarshal(data, &m); err != nil {
		return fmt.Errorf("console: manifest: %w", err)
	}
	for _, english := range []bool{false, true} {
		var buf bytes.Buffer
		if err := shell.Execute(&buf, struct {
			manifest
			Assets  string
			English bool
		}{m, assets, english}); err != nil {
			return fmt.Errorf("console: page: %w", err)
		}
		h.pages[english] = buf.Bytes()
	}
	return nil
}

// ServeHTTP answers with a file, or with the page for every other address: which
// page that is, its script finds out.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		http.Error(w, "Pages are read with GET.", http.StatusMethodNotAllowed)
		return
	}
	w.Header().Set("Content-Security-Policy", policy)
	if name, ok := strings.CutPrefix(r.URL.Path, assets); ok {
		h.asset(w, r, name)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write(h.pages[httpapi.English(w, r)]) // a reader that is gone has nobody to tell
}

func (h *handler) asset(w http.ResponseWriter, r *http.Request, name string) {
	f, ok := h.files[name]
	if !ok {
		http.Error(w, "There is no such file: load the page again.", http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", f.mime)
	w.Header().Set("Cache-Control", "private, max-age=31536000, immutable")
	w.Header().Set("Vary", "Accept-Encoding")
	body := f.plain
	if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		w.Header().Set("Content-Encoding", "gzip")
		body = f.gzip
	}
	_, _ = io.Copy(w, bytes.NewReader(body)) // a reader that is gone has nobody to tell
}
