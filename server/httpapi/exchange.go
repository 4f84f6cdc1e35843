package httpapi

import (
	"errors"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gofiber/fiber/v2"

	"thonsync/syncproto"
)

// Media types of the protocol.
const (
	TypeExchange = "application/vnd.thonsync.exchange"
	TypeKeys     = "application/vnd.thonsync.keys"
)

// exchange answers POST /v1/exchange.
func (s *Server) exchange(c *fiber.Ctx) error {
	leave, err := s.gate.enter(c.UserContext())
	if err != nil {
		s.meter.exchange(err, 0, 0)
		return err
	}
	defer leave()
	// BodyRaw, because Body would decompress without a limit; it is the buffer
	// that readBody made, which nobody uses again.
	body := c.BodyRaw()
	answer, err := s.opts.Exchange.Exchange(c.UserContext(), body)
	s.meter.exchange(err, len(body), len(answer))
	if err != nil && answer != nil && errors.Is(err, &syncproto.Error{Code: syncproto.CodeOldKey}) {
		c.Status(http.StatusConflict).Set(fiber.HeaderContentType, TypeKeys)
		return c.Send(answer)
	}
	if err != nil {
		return err
	}
	c.Set(fiber.HeaderContentType, TypeExchange)
	c.Set(fiber.HeaderCacheControl, "no-store")
	return c.Send(answer)
}

// keys answers GET /v1/keys.
func (s *Server) keys(c *fiber.Ctx) error {
	notice, err := s.opts.Exchange.Keys(c.UserContext())
	if err != nil {
		return err
	}
	c.Set(fiber.HeaderContentType, TypeKeys)
	c.Set(fiber.HeaderCacheControl, "no-cache")
	return c.Send(notice)
}

// describeExchange adds the two routes of the protocol to the OpenAPI document.
// They bypass huma because their bodies are not JSON.
func describeExchange(doc *huma.OpenAPI) {
	binary := &huma.Schema{Type: "string", Format: "binary"}
	problem := &huma.Response{Description: "Problem after RFC 9457; act on its code", Content: map[string]*huma.MediaType{
		problemType: {Schema: &huma.Schema{Type: "object"}},
	}}
	doc.AddOperation(&huma.Operation{
		OperationID: "exchange", Method: http.MethodPost, Path: "/v1/exchange", Tags: []string{"protocol"},
		Summary:     "One exchange between a replica and the next one up",
		Description: "The body is an encapsulated request, the answer an encapsulated answer. Both protect themselves end to end; see the written protocol.",
		RequestBody: &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{TypeExchange: {Schema: binary}}},
		Responses: map[string]*huma.Response{
			"200": {Description: "The answer", Content: map[string]*huma.MediaType{TypeExchange: {Schema: binary}}},
			"409": {Description: "The request was for a key no longer in use: the current key notice", Content: map[string]*huma.MediaType{TypeKeys: {Schema: binary}}},
			"503": problem, "default": problem,
		},
	})
	doc.AddOperation(&huma.Operation{
		OperationID: "keys", Method: http.MethodGet, Path: "/v1/keys", Tags: []string{"protocol"},
		Summary: "The server's signed key notice",
		Responses: map[string]*huma.Response{
			"200":     {Description: "Key notice", Content: map[string]*huma.MediaType{TypeKeys: {Schema: binary}}},
			"default": problem,
		},
	})
}
