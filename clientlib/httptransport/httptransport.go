// Package httptransport carries exchanges over HTTP: a clientlib.Transport on
// net/http. It is kept apart because net/http doubles the size of the browser
// app, which brings a transport of its own.
package httptransport

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"strconv"
	"time"

	"thonsync/clientlib"
	"thonsync/syncproto"
)

// Paths and media types of the exchange routes.
const (
	PathExchange  = "/v1/exchange"
	PathKeys      = "/v1/keys"
	MediaExchange = "application/vnd.thonsync.exchange"
	MediaKeys     = "application/vnd.thonsync.keys"
	MediaProblem  = "application/problem+json"
)

// Limits of one HTTP exchange. Chunks start small, so a slow link gets through
// long before the whole-exchange limit.
const (
	defaultTimeout = 2 * time.Minute
	dialTimeout    = 15 * time.Second
	maxProblem     = 16 << 10
	maxRetryAfter  = 24 * time.Hour
)

// Transport implements clientlib.Transport. It is safe for concurrent use.
type Transport struct {
	client *http.Client
}

// New makes a transport; timeout bounds one whole exchange, 0 for two minutes.
// It follows no redirects, keeps no cookies and asks for no compression: none
// has a place in an exchange, and a captive portal uses all of them.
func New(timeout time.Duration) *Transport {
	if timeout <= 0 {
		timeout = defaultTimeout
	}
	dialer := &net.Dialer{Timeout: dialTimeout, KeepAlive: 30 * time.Second}
	return &Transport{client: &http.Client{
		Timeout:       timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			Proxy: http.ProxyFromEnvironment, DialContext: dialer.DialContext, DisableCompression: true, ForceAttemptHTTP2: true,
			TLSHandshakeTimeout: dialTimeout, IdleConnTimeout: 90 * time.Second, MaxIdleConnsPerHost: 2,
		},
	}}
}

// Close lets idle connections go.
func (t *Transport) Close() { t.client.CloseIdleConnections() }

// Exchange posts a request and gives the answer or, for 409 with a key notice,
// the notice. A problem comes back as *clientlib.ServerError.
func (t *Transport) Exchange(ctx context.Context, server string, body []byte) (clientlib.Reply, error) {
	resp, b, err := t.do(ctx, http.MethodPost, server+PathExchange, body)
	if err != nil {
		return clientlib.Reply{}, err
	}
	switch {
	case resp.StatusCode == http.StatusOK:
		return clientlib.Reply{Answer: b}, nil
	case resp.StatusCode == http.StatusConflict && mediaOf(resp) == MediaKeys:
		return clientlib.Reply{Notice: b}, nil
	}
	return clientlib.Reply{}, problem(resp, b)
}

// Keys fetches the server's key notice.
func (t *Transport) Keys(ctx context.Context, server string) ([]byte, error) {
	resp, b, err := t.do(ctx, http.MethodGet, server+PathKeys, nil)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		return nil, problem(resp, b)
	}
	return b, nil
}

func (t *Transport) do(ctx context.Context, method, url string, body []byte) (*http.Response, []byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(body))
	if err != nil {
		return nil, nil, syncproto.Wrap(syncproto.CodeInvalidInput, err, "the server's address cannot be used: correct it")
	}
	if body != nil {
		req.Header.Set("Content-Type", MediaExchange)
	}
	req.Header.Set("Accept", MediaExchange+", "+MediaKeys+", "+MediaProblem)
	resp, err := t.client.Do(req)
	if err != nil {
		return nil, nil, unreached(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, syncproto.MaxMessageBytes+1))
	if err != nil {
		return nil, nil, unreached(err)
	}
	if len(b) > syncproto.MaxMessageBytes {
		return nil, nil, syncproto.Errorf(syncproto.CodeTooLarge, "the server sent more than %d bytes: something on the way replied instead of it", syncproto.MaxMessageBytes)
	}
	return resp, b, nil
}

func unreached(err error) error {
	return syncproto.Wrap(syncproto.CodeUpstream, err, "the server could not be reached: try again when there is a signal")
}

func mediaOf(resp *http.Response) string {
	m, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if err != nil {
		return ""
	}
	return m
}

// problem reads a problem document (RFC 9457) with the extension member code.
// Anything else came from something on the way.
func problem(resp *http.Response, b []byte) error {
	after := retryAfter(resp.Header.Get("Retry-After"))
	var p struct {
		Code   syncproto.Code `json:"code"`
		Title  string         `json:"title"`
		Detail string         `json:"detail"`
	}
	if mediaOf(resp) != MediaProblem || len(b) > maxProblem || json.Unmarshal(b, &p) != nil || p.Code == "" {
		code := syncproto.CodeUpstream
		if resp.StatusCode == http.StatusServiceUnavailable || resp.StatusCode == http.StatusTooManyRequests {
			code = syncproto.CodeOverload
		}
		return &clientlib.ServerError{RetryAfter: after,
			Err: syncproto.Wrap(code, fmt.Errorf("HTTP status %d", resp.StatusCode), "something on the way replied instead of the server: check the network")}
	}
	text := p.Detail
	if text == "" {
		text = p.Title
	}
	return &clientlib.ServerError{RetryAfter: after, Err: &syncproto.Error{Code: p.Code, Message: text}}
}

// retryAfter reads seconds; dates are not used on exchange routes, because the
// phone's clock may be wrong.
func retryAfter(s string) time.Duration {
	n, err := strconv.Atoi(s)
	if errors.Is(err, strconv.ErrSyntax) || n < 0 {
		return 0
	}
	return min(time.Duration(min(n, int(maxRetryAfter/time.Second)))*time.Second, maxRetryAfter)
}
