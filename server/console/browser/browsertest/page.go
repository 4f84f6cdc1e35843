package browsertest

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"

	"thonsync/server/httpapi"
)

// maxWeight is what a page may cost at its first load, in bytes as sent.
const maxWeight = 150 << 10

// patience is how long something may take to appear.
const patience = time.Minute

// browser is a running Chromium.
type browser struct {
	ctx  context.Context
	stop []context.CancelFunc
}

// Program gives the browser's program, and an error that says what to do if there is none.
func Program() (string, error) {
	name := os.Getenv("CHROMIUM")
	if name == "" {
		name = "/usr/bin/chromium"
	}
	if _, err := os.Stat(name); err != nil {
		return "", fmt.Errorf("no browser: install chromium or name its program by CHROMIUM: %w", err)
	}
	return name, nil
}

func (w *World) openBrowser(context.Context) error {
	program, err := Program()
	if err != nil {
		return err
	}
	opts := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(program), chromedp.UserDataDir(filepath.Join(w.dir, "chromium")),
		chromedp.DisableGPU, chromedp.NoFirstRun, chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("lang", "vi-VN"), chromedp.Flag("hide-scrollbars", true), chromedp.Flag("font-render-hinting", "none"))
	if os.Geteuid() == 0 {
		opts = append(opts, chromedp.NoSandbox)
	}
	allocator, stop := chromedp.NewExecAllocator(context.Background(), opts...)
	// It complains of every event that is newer than it is; what matters comes back as an error.
	quiet := func(string, ...any) {}
	ctx, end := chromedp.NewContext(allocator, chromedp.WithErrorf(quiet), chromedp.WithLogf(quiet))
	w.browser = &browser{ctx: ctx, stop: []context.CancelFunc{end, stop}}
	return chromedp.Run(ctx)
}

func (b *browser) close() error {
	err := chromedp.Cancel(b.ctx)
	for _, stop := range b.stop {
		stop()
	}
	return err
}

// tab opens a window with cookies of its own.
func (b *browser) tab() (context.Context, context.CancelFunc, error) {
	c := chromedp.FromContext(b.ctx)
	ex := cdp.WithExecutor(b.ctx, c.Browser)
	own, err := target.CreateBrowserContext().WithDisposeOnDetach(true).Do(ex)
	if err != nil {
		return nil, nil, err
	}
	id, err := target.CreateTarget("about:blank").WithBrowserContextID(own).WithNewWindow(true).Do(ex)
	if err != nil {
		return nil, nil, err
	}
	ctx, cancel := chromedp.NewContext(b.ctx, chromedp.WithTargetID(id))
	return ctx, func() {
		cancel()
		_ = target.DisposeBrowserContext(own).Do(ex) // the browser ends soon anyway
	}, nil
}

// Page is a tab in which somebody has signed in. Its methods fail the test.
type Page struct {
	t    *testing.T
	ctx  context.Context
	base string

	mu      sync.Mutex
	errors  []string
	allowed []string // parts of errors that the test causes on purpose
	weight  float64
}

// As opens a tab in which the account has signed in; "" for nobody at the centre.
func (w *World) As(t *testing.T, account string) *Page {
	t.Helper()
	ctx, cancel, err := w.browser.tab()
	if err != nil {
		t.Fatalf("opening a tab: %v", err)
	}
	t.Cleanup(cancel)
	p := &Page{t: t, ctx: ctx, base: w.Centre.URL}
	if account == AtPoint {
		p.base = w.Point.URL
	}
	chromedp.ListenTarget(ctx, p.listen)
	p.run("opening a tab", network.Enable(), log.Enable(), runtime.Enable())
	if s := w.sessions[account]; s != "" {
		p.run("signing in", network.SetCookie(httpapi.SessionCookie, s).WithURL("https://localhost/").WithPath("/").WithSecure(true).WithHTTPOnly(true))
	}
	p.wide()
	t.Cleanup(p.quiet)
	return p
}

// listen collects errors of the page and counts what it loads.
func (p *Page) listen(ev any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch e := ev.(type) {
	case *runtime.EventExceptionThrown:
		p.errors = append(p.errors, e.ExceptionDetails.Error())
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.APITypeError {
			for _, a := range e.Args {
				p.errors = append(p.errors, string(a.Value)+a.Description)
			}
		}
	case *log.EventEntryAdded:
		if e.Entry.Level == log.LevelError {
			p.errors = append(p.errors, e.Entry.Text+" "+e.Entry.URL)
		}
	case *network.EventLoadingFinished:
		p.weight += e.EncodedDataLength
	}
}

// quiet fails the test if the page reported errors that were not allowed.
func (p *Page) quiet() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, e := range p.errors {
		if !anyIn(e, p.allowed) {
			p.t.Errorf("the page reports: %s", e)
		}
	}
}

func anyIn(text string, parts []string) bool {
	for _, part := range parts {
		if strings.Contains(text, part) {
			return true
		}
	}
	return false
}

// Allow lets the page report errors that hold text.
func (p *Page) Allow(text string) { p.allowed = append(p.allowed, text) }

func (p *Page) run(what string, actions ...chromedp.Action) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	// The first run makes the tab, which must not end with the time for this step.
	if chromedp.FromContext(p.ctx).Target == nil {
		ctx = p.ctx
	}
	if err := chromedp.Run(ctx, actions...); err != nil {
		var text string
		_ = chromedp.Run(p.ctx, chromedp.Evaluate(`document.body ? document.body.innerText : ""`, &text)) // only to tell more
		p.t.Fatalf("%s: %v\nthe page says:\n%s", what, err, text)
	}
}

// until waits for an expression to be true.
func (p *Page) until(what, expression string) {
	p.t.Helper()
	p.run(what, chromedp.ActionFunc(func(ctx context.Context) error {
		for {
			err := chromedp.Poll(expression, nil, chromedp.WithPollingTimeout(patience), chromedp.WithPollingInterval(20*time.Millisecond)).Do(ctx)
			if err == nil || ctx.Err() != nil || !anyIn(err.Error(), left) {
				return err
			}
			// Another page is on its way: wait until it stands, and look there.
			if err := chromedp.WaitReady("body", chromedp.ByQuery).Do(ctx); err != nil && !anyIn(err.Error(), left) {
				return err
			}
		}
	}))
}

// left are the browser's words for a page that has been left meanwhile.
var left = []string{"navigated or closed", "Cannot find context", "context was destroyed"}

// Open goes to an address of the server and waits until the page stands.
func (p *Page) Open(path string) {
	p.t.Helper()
	p.mu.Lock()
	p.weight = 0
	p.mu.Unlock()
	p.run("opening "+path, chromedp.Navigate(p.base+path))
	p.Settled()
}

// Settled waits until nothing on the page is being read or done.
func (p *Page) Settled() {
	p.t.Helper()
	p.until("waiting for the page", `document.querySelector("h1") !== null && document.querySelector("[aria-busy=true], .progress progress:not([value])") === null`)
}

// quote makes a JavaScript string.
func quote(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		return `""`
	}
	return string(b)
}

// See waits until the page shows the text.
func (p *Page) See(text string) {
	p.t.Helper()
	p.until("looking for "+text, `document.body.innerText.includes(`+quote(text)+`)`)
}

// Gone waits until the page does not show the text.
func (p *Page) Gone(text string) {
	p.t.Helper()
	p.until("waiting for the end of "+text, `!document.body.innerText.includes(`+quote(text)+`)`)
}

// Text gives what the page shows.
func (p *Page) Text() string {
	p.t.Helper()
	var text string
	p.run("reading the page", chromedp.Evaluate(`document.body.innerText`, &text))
	return text
}

// Path gives the path and query of the page.
func (p *Page) Path() string {
	p.t.Helper()
	var at string
	p.run("reading the address", chromedp.Evaluate(`location.pathname + location.search`, &at))
	return at
}

// At waits until the address ends with the text.
func (p *Page) At(end string) {
	p.t.Helper()
	p.until("waiting for the address "+end, `(location.pathname + location.search).endsWith(`+quote(end)+`)`)
}

// Click presses the first button or link that can be seen and is called so. What is
// in a row of a table is found by ClickIn.
func (p *Page) Click(name string) {
	p.t.Helper()
	p.press("document", name)
}

// ClickIn presses a button or link in the first row, panel or dialog that shows text.
func (p *Page) ClickIn(text, name string) {
	p.t.Helper()
	p.press(`[...document.querySelectorAll("dialog[open]"), ...document.querySelectorAll("tbody tr, li, .panel")].find(e => e.innerText.includes(`+quote(text)+`))`, name)
}

func (p *Page) press(within, name string) {
	p.t.Helper()
	p.until("pressing "+name, `(() => {
		const all = [...(`+within+`?.querySelectorAll("button, a, summary, [role=button], label.check") ?? [])];
		const named = e => e.innerText.trim() === `+quote(name)+` || e.getAttribute("aria-label") === `+quote(name)+`;
		const e = all.find(e => named(e) && e.getClientRects().length > 0 && !e.disabled);
		e?.click();
		return e !== undefined;
	})()`)
	p.run("after pressing " + name)
}

// Fill writes into the field, or chooses in the list, that is labelled so.
func (p *Page) Fill(label, value string) {
	p.t.Helper()
	p.until("filling "+label, `(() => {
		const l = [...document.querySelectorAll("label")].find(e => e.innerText.trim().startsWith(`+quote(label)+`) && e.getClientRects().length > 0);
		const f = l && (l.control ?? document.getElementById(l.htmlFor));
		if (!f || f.tagName === "SELECT" && ![...f.options].some(o => o.value === `+quote(value)+`)) return false;
		const set = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(f), "value").set;
		f.focus();
		set.call(f, `+quote(value)+`);
		f.dispatchEvent(new Event("input", { bubbles: true }));
		f.dispatchEvent(new Event("change", { bubbles: true }));
		return true;
	})()`)
}

// Keys types keys into whatever has the focus.
func (p *Page) Keys(keys string) {
	p.t.Helper()
	p.run("typing", chromedp.KeyEvent(keys))
}

// Value evaluates JavaScript.
func (p *Page) Value(expression string, out any) {
	p.t.Helper()
	p.run("evaluating "+expression, chromedp.Evaluate(expression, out))
}

// Until waits until a JavaScript expression is true.
func (p *Page) Until(expression string) {
	p.t.Helper()
	p.until("waiting for "+expression, expression)
}

func (p *Page) wide() {
	p.t.Helper()
	p.run("widening", emulation.SetDeviceMetricsOverride(1366, 768, 1, false))
}

func (p *Page) narrow() {
	p.t.Helper()
	p.run("narrowing", emulation.SetDeviceMetricsOverride(390, 844, 1, true))
}
