package httpapi

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humafiber"
	"github.com/gofiber/fiber/v2"

	"thonsync/server/accounts"
	"thonsync/syncproto"
)

// Access finds out who sends a request and what lies in whose units.
// Implementations must be safe for concurrent use.
type Access interface {
	// Token finds who holds a token: the API token, or that of another program;
	// accounts.ErrSignIn if nobody does, *accounts.TooOften if it asks too often.
	Token(ctx context.Context, token string) (accounts.Caller, error)
	// Session finds who holds a session's token; accounts.ErrSignIn if nobody.
	Session(ctx context.Context, token string) (accounts.Caller, error)
	// Within tells whether a unit lies in one of units; false for a unit that is
	// not known.
	Within(unit string, units []string) bool
	// Whole tells whether everything that this server holds lies in units.
	Whole(units []string) bool
}

// Reach says how far into the units what a route shows reaches.
type Reach int

// How far a route reaches.
const (
	// ReachNone shows nothing of any unit.
	ReachNone Reach = iota
	// ReachUnit shows one unit, which the handler asks UnitFor about.
	ReachUnit
	// ReachServer shows the whole server: an officer only where all of it is his.
	ReachServer
	// ReachOwn shows the caller's own account, also while it must set its second
	// factor.
	ReachOwn
)

// Permit says who may use a route. The zero value lets nobody.
type Permit struct {
	Open  bool // anybody, also who has not signed in
	Roles []accounts.Role
	Reach Reach
	// Part lets tokens of other programs that may read it in; none does without.
	Part accounts.Part
}

var (
	everyRole = []accounts.Role{accounts.Province, accounts.Officer, accounts.Auditor}
	operators = []accounts.Role{accounts.Province, accounts.Officer}
	province  = []accounts.Role{accounts.Province}
	readers   = []accounts.Role{accounts.Province, accounts.Auditor}
)

// Permits that routes and mounts have in common.
var (
	// Anybody needs no sign-in.
	Anybody = Permit{Open: true}
	// OwnAccountOnly shows whoever has signed in his own account.
	OwnAccountOnly = Permit{Roles: everyRole, Reach: ReachOwn}
	// AuditReaders show the access log.
	AuditReaders = Permit{Roles: readers}
	// OneUnit shows a unit, which the handler asks UnitFor about.
	OneUnit = Permit{Roles: operators, Reach: ReachUnit}
	// ProvinceOnly is for province operators.
	ProvinceOnly = Permit{Roles: province}
)

// permits is the one list of who may use which route. A route that is missing
// here answers nobody. Mounts bring their own permits.
var permits = map[string]Permit{
	"OPTIONS /v1/exchange": Anybody, // protects itself end to end
	"POST /v1/exchange":    Anybody,
	"OPTIONS /v1/keys":     Anybody,
	"GET /v1/keys":         Anybody,
	"GET /healthz":         Anybody,
	"GET /readyz":          Anybody,
	"GET /version":         Anybody,
	"GET /openapi.json":    Anybody,
	"GET /docs":            Anybody,
	"GET /":                Anybody, // says what this server is, and nothing that was recorded

	"GET /v1/changes":                {Roles: operators, Reach: ReachUnit, Part: accounts.PartChanges},
	"GET /v1/tokens":                 {Roles: province},
	"POST /v1/tokens":                {Roles: province},
	"POST /v1/tokens/{id}/revoke":    {Roles: province},
	"GET /v1/webhooks":               {Roles: province},
	"POST /v1/webhooks":              {Roles: province},
	"POST /v1/webhooks/{id}/{what}":  {Roles: province},
	"GET /v1/deliveries":             {Roles: province},
	"POST /v1/deliveries/{id}/retry": {Roles: province},
	"GET /v1/health":                 {Roles: operators, Reach: ReachUnit, Part: accounts.PartHealth},
	"GET /v1/health/devices/{id}":    {Roles: operators, Reach: ReachUnit, Part: accounts.PartHealth},
	"POST /v1/health/dismiss":        {Roles: operators, Reach: ReachUnit},
	"POST /v1/health/undo":           {Roles: operators, Reach: ReachUnit},

	"GET /metrics":                       {Roles: province, Part: accounts.PartStatus},
	"GET /v1/account":                    {Roles: everyRole, Reach: ReachOwn},
	"GET /v1/accounts":                   {Roles: readers},
	"POST /v1/accounts":                  {Roles: province},
	"POST /v1/accounts/{id}/reset":       {Roles: province},
	"PUT /v1/accounts/{id}/role":         {Roles: province},
	"PUT /v1/accounts/{id}/disabled":     {Roles: province},
	"GET /v1/audit":                      {Roles: readers},
	"GET /v1/audit/verdict":              {Roles: readers},
	"GET /v1/devices":                    {Roles: operators, Reach: ReachUnit},
	"GET /v1/devices/{origin}":           {Roles: operators, Reach: ReachUnit},
	"POST /v1/devices/{origin}/revoke":   {Roles: operators, Reach: ReachUnit},
	"POST /v1/devices/{origin}/release":  {Roles: operators, Reach: ReachUnit},
	"GET /v1/requests":                   {Roles: province},
	"POST /v1/requests":                  {Roles: province},
	"GET /v1/requests/{number}":          {Roles: province},
	"POST /v1/requests/{number}/steps":   {Roles: province},
	"POST /v1/requests/{number}/correct": {Roles: province},
	"POST /v1/requests/{number}/answer":  {Roles: province},
	"POST /v1/requests/{number}/erase":   {Roles: province},
	"POST /v1/requests/{number}/sheet":   {Roles: province},
	"GET /v1/events":                     {Roles: everyRole}, // names of parts, no data
	"GET /v1/overview":                   {Roles: operators, Reach: ReachUnit, Part: accounts.PartReports},
	"GET /v1/trend":                      {Roles: operators, Reach: ReachUnit, Part: accounts.PartReports},
	"GET /v1/units":                      {Roles: operators, Reach: ReachUnit, Part: accounts.PartReports},
	"GET /v1/units/{unit}":               {Roles: operators, Reach: ReachUnit, Part: accounts.PartReports},
	"GET /v1/teams/{id}":                 {Roles: operators, Reach: ReachUnit},
	"GET /v1/activity":                   {Roles: operators, Reach: ReachUnit, Part: accounts.PartReports},
	"GET /v1/targets":                    {Roles: operators, Reach: ReachUnit},
	"POST /v1/targets":                   {Roles: province},
	"GET /v1/criteria":                   {Roles: operators},
	"POST /v1/criteria":                  {Roles: province},
	"POST /v1/working/{what}/import":     {Roles: province},
	"GET /v1/status":                     {Roles: operators, Reach: ReachServer, Part: accounts.PartStatus},
	"GET /v1/reports":                    {Roles: operators, Part: accounts.PartReports},
	"GET /v1/reports/{name}":             {Roles: operators, Reach: ReachUnit, Part: accounts.PartReports},
	"GET /v1/reports/{name}/{format}":    {Roles: operators, Reach: ReachUnit, Part: accounts.PartReports},

	"GET /v1/conflicts":                           {Roles: operators, Reach: ReachUnit},
	"GET /v1/conflicts/summary":                   {Roles: operators, Reach: ReachUnit},
	"GET /v1/conflicts/records/{id}":              {Roles: operators, Reach: ReachUnit},
	"GET /v1/conflicts/shapes/{shape}":            {Roles: operators, Reach: ReachUnit},
	"GET /v1/conflicts/settled":                   {Roles: operators, Reach: ReachUnit},
	"POST /v1/conflicts/settle":                   {Roles: operators, Reach: ReachUnit},
	"POST /v1/conflicts/settle-alike":             {Roles: operators, Reach: ReachUnit},
	"POST /v1/conflicts/settled/{id}/undo":        {Roles: operators, Reach: ReachUnit},
	"POST /v1/conflicts/ask":                      {Roles: operators, Reach: ReachUnit},
	"GET /v1/registers":                           {Roles: operators, Reach: ReachUnit},
	"GET /v1/registers/{id}":                      {Roles: operators, Reach: ReachUnit},
	"GET /v1/registers/{id}/teams":                {Roles: operators, Reach: ReachUnit},
	"GET /v1/registers/{id}/findings":             {Roles: operators, Reach: ReachUnit},
	"GET /v1/registers/{id}/rows":                 {Roles: operators, Reach: ReachUnit},
	"GET /v1/registers/{id}/rows/{row}":           {Roles: province},
	"POST /v1/registers/{id}/undo":                {Roles: province},
	"GET /v1/registers/profiles":                  {Roles: province},
	"POST /v1/registers/profiles":                 {Roles: province},
	"POST /v1/registers/profiles/drop":            {Roles: province},
	"POST /v1/registers/uploads":                  {Roles: province},
	"GET /v1/registers/uploads/{id}":              {Roles: province},
	"POST /v1/registers/uploads/{id}/parts":       {Roles: province},
	"POST /v1/registers/uploads/{id}/preview":     {Roles: province},
	"POST /v1/registers/uploads/{id}/import":      {Roles: province},
	"GET /v1/registers/uploads/{id}/bad/{format}": {Roles: province},

	"GET /v1/links":                     {Roles: operators, Reach: ReachUnit},
	"GET /v1/links/helped":              {Roles: operators, Reach: ReachUnit},
	"GET /v1/links/{id}/{other}":        {Roles: operators, Reach: ReachUnit},
	"POST /v1/links/{id}/{other}/link":  {Roles: operators, Reach: ReachUnit},
	"POST /v1/links/{id}/{other}/apart": {Roles: operators, Reach: ReachUnit},
	"POST /v1/links/{id}/{other}/undo":  {Roles: operators, Reach: ReachUnit},
	"POST /v1/links/{id}/{other}/alike": {Roles: operators, Reach: ReachUnit},
	"POST /v1/links/scan":               {Roles: province},

	"GET /v1/reorganisations":                       {Roles: everyRole},
	"POST /v1/reorganisations":                      {Roles: province},
	"GET /v1/reorganisations/{id}":                  {Roles: everyRole},
	"GET /v1/reorganisations/{id}/touched":          {Roles: readers},
	"GET /v1/reorganisations/{id}/touched/{format}": {Roles: readers},
	"GET /v1/reorganisations/{id}/queue":            {Roles: operators, Reach: ReachUnit},
	"POST /v1/reorganisations/{id}/place":           {Roles: operators, Reach: ReachUnit},
	"POST /v1/reorganisations/{id}/apply":           {Roles: province},
	"POST /v1/reorganisations/{id}/undo":            {Roles: province},
	"POST /v1/reorganisations/{id}/drop":            {Roles: province},
}

// SessionCookie carries the token of a session. The prefix makes browsers refuse
// it from any other site and over plain HTTP; they take it on localhost.
const SessionCookie = "__Host-thonsync-session"

// Where people sign in, look after their account, and work.
const (
	SignInPath  = "/signin"
	AccountPath = "/account"
	ConsolePath = "/console"
)

type (
	callerKey  struct{}
	addressKey struct{}
)

// CallerOf gives who sends the request that ctx belongs to; false on open routes
// for somebody who has not signed in.
func CallerOf(ctx context.Context) (accounts.Caller, bool) {
	c, ok := ctx.Value(callerKey{}).(accounts.Caller)
	return c, ok
}

// AddressOf gives the address from which the request of a mount comes.
func AddressOf(ctx context.Context) string {
	a, _ := ctx.Value(addressKey{}).(string)
	return a
}

var (
	errSignIn = &Problem{Code: codeSignIn, Status: http.StatusUnauthorized,
		Detail: "Sign in on the page " + SignInPath + ", or send the header Authorization: Bearer TOKEN with a token made by thonsync token new, or that of the file keys/api-token in the data folder"}
	errFactor = &Problem{Code: codeSignIn, Status: http.StatusUnauthorized,
		Detail: "This account must set its second factor first: do it on the page /account"}
	errForm = &Problem{Code: codeForm, Status: http.StatusForbidden,
		Detail: "A request that changes something needs the header X-CSRF-Token with the value that /v1/account gives"}
	// errHidden is for what a role must not see, as for what is not there.
	errHidden = syncproto.Errorf(syncproto.CodeScope, "there is no such thing here")
)

// identify finds who sends a request; errSignIn if nobody can be found out.
func (s *Server) identify(ctx context.Context, authorization, session string) (accounts.Caller, error) {
	if s.opts.Access == nil {
		return accounts.Caller{}, errSignIn
	}
	if token, ok := strings.CutPrefix(authorization, "Bearer "); ok {
		c, err := s.opts.Access.Token(ctx, token)
		if often, ok := errors.AsType[*accounts.TooOften](err); ok {
			return c, &Problem{Code: syncproto.CodeOverload, Status: http.StatusTooManyRequests, Detail: often.Error()}
		}
		return c, signInOr(err)
	}
	if session == "" {
		return accounts.Caller{}, errSignIn
	}
	c, err := s.opts.Access.Session(ctx, session)
	if err != nil {
		return accounts.Caller{}, signInOr(err)
	}
	return c, nil
}

// signInOr tells a session that is over from a fault.
func signInOr(err error) error {
	if errors.Is(err, accounts.ErrSignIn) {
		return errSignIn
	}
	return err
}

// admits decides about one request.
func (s *Server) admits(p Permit, c *accounts.Caller, method, csrf string) error {
	switch {
	case c.Pending && p.Reach != ReachOwn:
		return errFactor
	case !slices.Contains(p.Roles, c.Role):
		return errHidden
	case c.Program && (p.Part == "" || !slices.Contains(c.Parts, p.Part) || method != http.MethodGet && method != http.MethodHead):
		return errHidden
	case p.Reach == ReachServer && c.Role == accounts.Officer && !s.opts.Access.Whole(c.Units):
		return errHidden
	case method != http.MethodGet && method != http.MethodHead && c.CSRF != "" && !c.CheckCSRF(csrf):
		return errForm
	}
	return nil
}

// headerCSRF carries what a form would send.
const headerCSRF = "X-CSRF-Token"

// guard is the handler before the others of a route.
func (s *Server) guard(p Permit) fiber.Handler {
	return func(c *fiber.Ctx) error {
		if p.Open {
			return c.Next()
		}
		caller, err := s.identify(c.UserContext(), c.Get(fiber.HeaderAuthorization), c.Cookies(SessionCookie))
		if err != nil {
			return err
		}
		c.Locals(localCaller, caller)
		if err := s.admits(p, &caller, c.Method(), c.Get(headerCSRF)); err != nil {
			return err
		}
		c.Set(fiber.HeaderCacheControl, "no-store")
		c.SetUserContext(context.WithValue(c.UserContext(), callerKey{}, caller))
		return c.Next()
	}
}

// route registers handlers with the guard that the list of permits wants.
func (s *Server) route(method, path string, handlers ...fiber.Handler) {
	handlers = append([]fiber.Handler{s.guard(permits[method+" "+path])}, handlers...)
	s.app.Add(method, path, handlers...)
	if method == fiber.MethodGet {
		s.app.Add(fiber.MethodHead, path, handlers...)
	}
}

// guardAPI is guard for routes of the JSON API.
func (s *Server) guardAPI(ctx huma.Context, next func(huma.Context)) {
	op := ctx.Operation()
	p := permits[op.Method+" "+op.Path]
	if p.Open {
		next(ctx)
		return
	}
	fc := humafiber.Unwrap(ctx)
	caller, err := s.identify(ctx.Context(), ctx.Header("Authorization"), fc.Cookies(SessionCookie))
	if err == nil {
		fc.Locals(localCaller, caller)
		err = s.admits(p, &caller, ctx.Method(), ctx.Header(headerCSRF))
	}
	if err != nil {
		if err := s.writeProblem(fc, err); err != nil {
			s.log.ErrorContext(ctx.Context(), "no answer could be written", "error", err)
		}
		return
	}
	ctx.SetHeader(fiber.HeaderCacheControl, "no-store")
	next(wholeBody{huma.WithValue(ctx, callerKey{}, caller), fc.Request().Body()})
}

// wholeBody gives huma the body that readBody has taken in: it would look for a
// stream, which is used up by then.
type wholeBody struct {
	humaContext
	body []byte
}

// humaContext has a name of its own because the interface has a method Context.
type humaContext = huma.Context

// BodyReader gives the body.
func (w wholeBody) BodyReader() io.Reader { return bytes.NewReader(w.body) }

// Unwrap lets the adapter find its own context.
func (w wholeBody) Unwrap() huma.Context { return w.humaContext }

// declare completes an operation by what the list of permits says.
func declare(op huma.Operation) huma.Operation {
	p := permits[op.Method+" "+op.Path]
	if p.Open {
		return op
	}
	op.Security = []map[string][]string{{"token": {}}, {"session": {}}}
	roles := make([]string, len(p.Roles))
	for i, r := range p.Roles {
		roles[i] = string(r)
	}
	op.Extensions = map[string]any{"x-roles": roles}
	if p.Part != "" {
		op.Extensions["x-token-part"] = string(p.Part)
	}
	op.Description = strings.TrimSpace(op.Description + " Roles: " + strings.Join(roles, ", ") + ". Others get not-found, as for what is not there.")
	return op
}

// UnitFor gives the unit that a caller may see where he asked for one: his only
// one if he named none, and CodeScope for one that is not his.
func UnitFor(a Access, c accounts.Caller, asked string) (string, error) {
	switch {
	case c.Role != accounts.Officer:
		return asked, nil
	case asked == "" && len(c.Units) == 1:
		return c.Units[0], nil
	case asked == "":
		return "", syncproto.Errorf(syncproto.CodeInvalidInput, "this account has several units: name one of them, as unit=LIST:CODE")
	case !a.Within(asked, c.Units):
		return "", errHidden
	}
	return asked, nil
}

// unitFor is UnitFor for the caller of a request.
func (s *Server) unitFor(ctx context.Context, asked string) (string, error) {
	c, ok := CallerOf(ctx)
	if !ok {
		return "", errSignIn
	}
	return UnitFor(s.opts.Access, c, asked)
}

// signInPage gives where to sign in and come back from.
func signInPage(c *fiber.Ctx) string {
	return SignInPath + "?next=" + url.QueryEscape(c.OriginalURL())
}
