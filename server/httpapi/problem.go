package httpapi

import (
	"encoding/json"
	"errors"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gofiber/fiber/v2"

	"thonsync/syncproto"
)

// statusOf is the one map from code to HTTP status. Codes are stable; statuses
// only help proxies and browsers.
var statusOf = map[syncproto.Code]int{
	syncproto.CodeMalformed:    http.StatusBadRequest,
	syncproto.CodeTooLarge:     http.StatusRequestEntityTooLarge,
	syncproto.CodeVersion:      http.StatusUpgradeRequired,
	syncproto.CodeSignature:    http.StatusForbidden,
	syncproto.CodeChain:        http.StatusUnprocessableEntity,
	syncproto.CodeGap:          http.StatusConflict,
	syncproto.CodeFork:         http.StatusConflict,
	syncproto.CodeForeignKey:   http.StatusForbidden,
	syncproto.CodeUnknownPeer:  http.StatusForbidden,
	syncproto.CodeOldKey:       http.StatusConflict,
	syncproto.CodeUnreadable:   http.StatusUnprocessableEntity,
	syncproto.CodeCredential:   http.StatusForbidden,
	syncproto.CodeCodeSpent:    http.StatusForbidden,
	syncproto.CodeScope:        http.StatusNotFound,
	syncproto.CodeOverload:     http.StatusServiceUnavailable,
	syncproto.CodeDiskFull:     http.StatusInsufficientStorage,
	syncproto.CodeNewerSchema:  http.StatusServiceUnavailable,
	syncproto.CodeInUse:        http.StatusServiceUnavailable,
	syncproto.CodeInvalidInput: http.StatusUnprocessableEntity,
	syncproto.CodeNotFound:     http.StatusNotFound,
	syncproto.CodeReplay:       http.StatusConflict,
	syncproto.CodeInternal:     http.StatusInternalServerError,
	syncproto.CodeUpstream:     http.StatusBadGateway,
}

// Codes of plain HTTP faults, which have no counterpart in the protocol.
const (
	codeMethod    syncproto.Code = "method-not-allowed"
	codeEncoding  syncproto.Code = "content-encoding"
	codeMediaType syncproto.Code = "media-type"
	codeSignIn    syncproto.Code = "sign-in"
	codeTimeout   syncproto.Code = "timeout"
	codeForm      syncproto.Code = "form-token"
)

// codeOfStatus names faults that the HTTP library finds before a handler runs.
var codeOfStatus = map[int]syncproto.Code{
	http.StatusBadRequest:                  syncproto.CodeMalformed,
	http.StatusUnauthorized:                codeSignIn,
	http.StatusNotFound:                    syncproto.CodeScope,
	http.StatusMethodNotAllowed:            codeMethod,
	http.StatusRequestTimeout:              codeTimeout,
	http.StatusRequestEntityTooLarge:       syncproto.CodeTooLarge,
	http.StatusUnsupportedMediaType:        codeMediaType,
	http.StatusNotAcceptable:               codeMediaType,
	http.StatusUnprocessableEntity:         syncproto.CodeInvalidInput,
	http.StatusRequestHeaderFieldsTooLarge: syncproto.CodeTooLarge,
	http.StatusServiceUnavailable:          syncproto.CodeOverload,
}

type title struct{ vi, en string }

// titles are what a person may be shown; the detail beside them is English and
// for whoever runs the program.
var titles = map[syncproto.Code]title{
	syncproto.CodeOverload:    {"Máy chủ đang bận, sẽ tự gửi lại", "Busy; will be tried again"},
	syncproto.CodeDiskFull:    {"Máy chủ hết chỗ chứa", "The server's storage is full"},
	syncproto.CodeCodeSpent:   {"Mã ghép không còn dùng được", "The joining code can no longer be used"},
	syncproto.CodeCredential:  {"Thiết bị chưa được cấp quyền", "The device has no valid credential"},
	syncproto.CodeUnknownPeer: {"Thiết bị chưa được cấp quyền", "The device is not known here"},
	syncproto.CodeScope:       {"Không tìm thấy", "Not found"},
	syncproto.CodeNotFound:    {"Không tìm thấy", "Not found"},
	syncproto.CodeTooLarge:    {"Dữ liệu gửi lên quá lớn", "Too large"},
	syncproto.CodeVersion:     {"Cần cập nhật ứng dụng", "Update the program"},
	syncproto.CodeOldKey:      {"Khóa của máy chủ đã đổi", "The server's key has changed"},
	syncproto.CodeInternal:    {"Máy chủ gặp lỗi", "The server met a fault"},
	codeSignIn:                {"Cần đăng nhập", "Sign in first"},
	codeForm:                  {"Trang đã cũ, hãy tải lại", "The page is old: load it again"},
	codeTimeout:               {"Kết nối quá chậm", "The connection was too slow"},
}

var defaultTitle = title{"Yêu cầu không thực hiện được", "The request cannot be carried out"}

// retryable tells which faults go away by themselves.
var retryable = map[syncproto.Code]bool{
	syncproto.CodeOverload: true, syncproto.CodeDiskFull: true, syncproto.CodeInUse: true,
	syncproto.CodeInternal: true, syncproto.CodeUpstream: true, syncproto.CodeOldKey: true, codeTimeout: true,
}

// Problem is an error answer after RFC 9457.
type Problem struct {
	Type      string         `json:"type" doc:"urn:thonsync:error: and the code"`
	Title     string         `json:"title" doc:"for people, in the language asked for"`
	Status    int            `json:"status"`
	Detail    string         `json:"detail,omitempty" doc:"what happened, to what, and what to do next; English"`
	Code      syncproto.Code `json:"code" doc:"stable name of the error"`
	Retryable bool           `json:"retryable" doc:"whether the same request may succeed later"`
	RequestID string         `json:"request_id,omitempty"`
	Versions  []int          `json:"versions,omitempty" doc:"protocol versions spoken here, with code version"`
}

// Error gives code and detail.
func (p *Problem) Error() string { return string(p.Code) + ": " + p.Detail }

// GetStatus lets huma write the right status.
func (p *Problem) GetStatus() int { return p.Status }

// ContentType marks the body as a problem.
func (p *Problem) ContentType(string) string { return problemType }

const problemType = "application/problem+json"

// newProblem builds the answer for err. Only the message of a *syncproto.Error
// may leave the process; any other error becomes "internal" without its text,
// which could hold SQL or a citizen's number.
func newProblem(err error) *Problem {
	p := &Problem{Code: syncproto.CodeInternal, Detail: "The server met a fault. Look for request_id in its log."}
	var fe *fiber.Error
	var pe *syncproto.Error
	var ready *Problem
	switch {
	case errors.As(err, &ready):
		c := *ready
		p = &c
	case errors.As(err, &pe):
		p.Code = pe.Code
		if pe.Code != syncproto.CodeInternal {
			p.Detail = pe.Message
		}
	case errors.As(err, &fe):
		p = httpProblem(fe.Code)
	}
	return p.complete()
}

// httpProblem describes a fault that the HTTP library found.
func httpProblem(status int) *Problem {
	code, ok := codeOfStatus[status]
	if !ok && status >= 500 {
		code = syncproto.CodeInternal
	} else if !ok {
		code = syncproto.CodeMalformed
	}
	return &Problem{Code: code, Status: status, Detail: http.StatusText(status)}
}

func (p *Problem) complete() *Problem {
	if p.Status == 0 {
		p.Status = http.StatusInternalServerError
		if s, ok := statusOf[p.Code]; ok {
			p.Status = s
		}
	}
	p.Type = "urn:thonsync:error:" + string(p.Code)
	p.Retryable = retryable[p.Code]
	if p.Code == syncproto.CodeVersion {
		p.Versions = []int{syncproto.Version}
	}
	return p
}

// translate sets the title for the reader's languages. Vietnamese unless
// English comes first.
func (p *Problem) translate(acceptLanguage string) {
	t, ok := titles[p.Code]
	if !ok {
		t = defaultTitle
	}
	p.Title = t.vi
	if strings.HasPrefix(strings.ToLower(strings.TrimSpace(acceptLanguage)), "en") {
		p.Title = t.en
	}
}

// retryAfter is implemented by errors that know when to come back.
type retryAfter interface{ RetryAfter() time.Duration }

// pauseFor gives the Retry-After of an answer, spread so that clients turned
// away together do not come back together.
func pauseFor(err error, spread func(n int64) int64) time.Duration {
	pause := 4 * time.Second
	var r retryAfter
	if errors.As(err, &r) {
		pause = r.RetryAfter()
	}
	return pause + time.Duration(spread(int64(pause)+1))
}

func randomSpread(n int64) int64 { return rand.Int64N(n) } //nolint:gosec // it spreads retries; guessing it gains nothing

// writeProblem is the only place where an error becomes an answer.
func (s *Server) writeProblem(c *fiber.Ctx, err error) error {
	p := newProblem(err)
	p.translate(c.Get(fiber.HeaderAcceptLanguage))
	p.RequestID = requestID(c)
	c.Locals(localCode, string(p.Code))
	if p.Status >= 500 {
		s.log.LogAttrs(c.UserContext(), levelOf(p.Code), "request failed", attrs(c, p.Status, err)...)
	}
	if p.Status == http.StatusTooManyRequests || p.Status == http.StatusServiceUnavailable || p.Status == http.StatusInsufficientStorage {
		secs := max(1, int(pauseFor(err, s.spread)/time.Second))
		c.Set(fiber.HeaderRetryAfter, strconv.Itoa(secs))
	}
	c.Response().ResetBody()
	c.Status(p.Status)
	body, merr := json.Marshal(p)
	if merr != nil {
		return merr
	}
	c.Set(fiber.HeaderContentType, problemType)
	return c.Send(body)
}

// humaError adapts huma's own findings (validation, mostly) to problems. The
// texts are huma's: they name parameters, never values.
func humaError(status int, msg string, errs ...error) huma.StatusError {
	for _, err := range errs {
		var pe *syncproto.Error
		if errors.As(err, &pe) {
			return newProblem(pe)
		}
	}
	p := httpProblem(status)
	if status < 500 {
		p.Detail = msg
		for _, err := range errs {
			var d *huma.ErrorDetail
			if errors.As(err, &d) {
				p.Detail += "; " + d.Location + ": " + d.Message
			}
		}
	}
	return p.complete()
}
