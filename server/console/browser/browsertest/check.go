package browsertest

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"

	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// axeFile is where npm puts axe-core, seen from the tests' folder.
var axeFile = filepath.Join("..", "node_modules", "axe-core", "axe.min.js")

// screens is where pictures go, seen from the tests' folder.
var screens = filepath.Join("..", "..", "..", "docs", "screens")

// Check looks at the page as it stands, wide and at phone size: axe-core finds
// nothing serious, nothing is cut off at the side. With SCREENS set it takes a
// picture of both as docs/screens/NAME-wide.png and NAME-phone.png.
func (p *Page) Check(name string) {
	p.t.Helper()
	p.Settled()
	p.look(name, "wide")
	p.narrow()
	p.look(name, "phone")
	p.wide()
}

// Light fails the test if what was loaded since Open is too heavy.
func (p *Page) Light() {
	p.t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.weight < 1<<10 || p.weight > maxWeight {
		p.t.Errorf("the page's first load costs %.0f bytes; at most %d", p.weight, maxWeight)
	}
	p.t.Logf("first load: %.1f KB as sent, answers of the API included", p.weight/1024)
}

func (p *Page) look(name, size string) {
	p.t.Helper()
	var over []string
	p.Value(`(() => {
		const room = document.documentElement.clientWidth;
		if (document.documentElement.scrollWidth <= room) return [];
		return [...document.querySelectorAll("main *")].filter(e => e.getBoundingClientRect().right > room + 1).slice(0, 5).map(e => e.outerHTML.slice(0, 160));
	})()`, &over)
	if len(over) > 0 {
		p.t.Errorf("%s: the page scrolls sideways because of\n%s", size, strings.Join(over, "\n"))
	}
	p.axe(size)
	if os.Getenv("SCREENS") == "" || name == "" {
		return
	}
	var picture []byte
	p.run("taking a picture", chromedp.Evaluate(`window.scrollTo(0, 0)`, nil), chromedp.CaptureScreenshot(&picture))
	if err := os.WriteFile(filepath.Join(screens, name+"-"+size+".png"), picture, 0o644); err != nil {
		p.t.Fatal(err)
	}
}

type violation struct {
	ID     string `json:"id"`
	Impact string `json:"impact"`
	Help   string `json:"help"`
	Nodes  []struct {
		HTML    string `json:"html"`
		Summary string `json:"failureSummary"`
	} `json:"nodes"`
}

// axe fails the test for every serious or critical finding.
func (p *Page) axe(size string) {
	p.t.Helper()
	source, err := os.ReadFile(axeFile)
	if err != nil {
		p.t.Fatalf("axe-core is missing: type make console: %v", err)
	}
	await := func(e *runtime.EvaluateParams) *runtime.EvaluateParams { return e.WithAwaitPromise(true) }
	var found string
	p.run("running axe-core",
		chromedp.Evaluate(`window.axe ? true : (() => {`+string(source)+`; return true})()`, nil),
		chromedp.Evaluate(`axe.run(document, {resultTypes: ["violations"]}).then(r => JSON.stringify(r.violations))`, &found, await))
	var list []violation
	if err := json.Unmarshal([]byte(found), &list); err != nil {
		p.t.Fatalf("axe-core's answer: %v", err)
	}
	for _, v := range list {
		if v.Impact != "serious" && v.Impact != "critical" {
			continue
		}
		for _, n := range v.Nodes {
			p.t.Errorf("%s: %s (%s): %s\n%s\n%s", size, v.ID, v.Impact, v.Help, n.HTML, n.Summary)
		}
	}
}
