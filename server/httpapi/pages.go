package httpapi

import (
	"bytes"
	"cmp"
	_ "embed" // page templates
	"html/template"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gofiber/fiber/v2"
)

// Pages without any script: one that says what this server is, one that lists
// the routes of the OpenAPI document.
var (
	//go:embed front.html
	frontText string
	//go:embed docs.html
	docsText string

	frontTemplate = template.Must(template.New("front").Parse(frontText))
	docsTemplate  = template.Must(template.New("docs").Parse(docsText))
)

func (s *Server) openAPI(c *fiber.Ctx) error {
	b, err := s.Document()
	if err != nil {
		return err
	}
	c.Set(fiber.HeaderContentType, "application/json")
	return c.Send(b)
}

type docRoute struct{ Method, Path, Summary, Description string }

// docs lists the routes from the same document that programs read.
func (s *Server) docs(c *fiber.Ctx) error {
	var routes []docRoute
	for path, item := range s.api.OpenAPI().Paths {
		for method, op := range operations(item) {
			routes = append(routes, docRoute{method, path, op.Summary, op.Description})
		}
	}
	slices.SortFunc(routes, func(a, b docRoute) int { return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Method, b.Method)) })
	return sendPage(c, docsTemplate, map[string]any{"Version": s.opts.Version, "Routes": routes})
}

// operations gives the operations of one path by method.
func operations(item *huma.PathItem) map[string]*huma.Operation {
	out := map[string]*huma.Operation{
		http.MethodGet: item.Get, http.MethodPost: item.Post, http.MethodPut: item.Put, http.MethodPatch: item.Patch, http.MethodDelete: item.Delete,
	}
	maps.DeleteFunc(out, func(_ string, op *huma.Operation) bool { return op == nil })
	return out
}

// frontPage says in Vietnamese and English what this server is. It holds no
// code and nothing that was recorded.
func (s *Server) frontPage(c *fiber.Ctx) error {
	return sendPage(c, frontTemplate, map[string]any{
		"Point": s.opts.Version.Role == "point", "Version": s.opts.Version.Program,
		"Console": slices.ContainsFunc(s.opts.Mounts, func(m Mount) bool { return m.Prefix == ConsolePath }),
		"SignIn":  (c.Secure() || fromThisMachine(c)) && slices.ContainsFunc(s.opts.Mounts, func(m Mount) bool { return m.Prefix == SignInPath }),
		"English": strings.HasPrefix(strings.ToLower(c.Get(fiber.HeaderAcceptLanguage)), "en"),
	})
}

func sendPage(c *fiber.Ctx, t *template.Template, data any) error {
	var buf bytes.Buffer
	if err := t.Execute(&buf, data); err != nil {
		return err
	}
	c.Set(fiber.HeaderContentType, fiber.MIMETextHTMLCharsetUTF8)
	return c.Send(buf.Bytes())
}
