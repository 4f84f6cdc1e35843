package house

import (
	"bytes"
	"fmt"
	"path"
	"regexp"
	"strings"
)

// pattern is text that must not stand in the tree. Patterns are put together from pieces so that
// this file does not hold them itself.
type pattern struct {
	what string
	find *regexp.Regexp
	in   *regexp.Regexp // which files; nil means every text file
}

var unfinished = []pattern{{
	what: "an unfinished mark: finish it, or write an issue and say what does not work",
	find: regexp.MustCompile(`\b(TO` + `DO|FIX` + `ME|XX` + `X|HA` + `CK)\b`),
	in:   regexp.MustCompile(`\.(go|js|mjs|ts|tsx|css|html|sql|sh|yml|yaml|mod)$|^Makefile$|^\.ci/`),
}}

var machinePaths = []pattern{{
	what: "a path of somebody's machine: use a relative path, a temporary folder or an example such as /srv/thonsync",
	find: regexp.MustCompile(`(^|[^A-Za-z0-9_.~])(/wo` + `rk/|/home/[a-z]|/Use` + `rs/[A-Za-z]|/ro` + `ot/|[A-Z]:\\Use` + `rs\\)`),
}}

var registries = []pattern{{
	what: "the host of a package registry: name the package; leave addresses out of lock files",
	find: regexp.MustCompile(`\b(proxy\.gol` + `ang\.org|sum\.gol` + `ang\.org|goproxy\.(io|cn)|registry\.np` + `mjs\.org|registry\.yar` + `npkg\.com|` +
		`deb\.deb` + `ian\.org|security\.deb` + `ian\.org|archive\.ub` + `untu\.com|files\.python` + `hosted\.org|py` + `pi\.org|static\.cra` + `tes\.io)\b`),
}}

var outsideTalk = []pattern{{
	what: "a page outside the project: cite ARCHITECTURE.md or syncproto/PROTOCOL.md",
	find: regexp.MustCompile(`\bdesi` + `gn\.md\b`),
}}

// textRules look at the bytes of text files.
func textRules() []rule {
	return []rule{
		{"unfinished", "what is committed is finished", find(unfinished)},
		{"machine-paths", "the tree means the same on every machine", find(machinePaths)},
		{"registries", "who mirrors a registry must not find another's address in a lock file", find(registries)},
		{"outside", "the project is explained by its own pages", find(outsideTalk)},
		{"line-ends", "hashes are taken over bytes: LF, no byte order mark, a last line end", lineEnds},
	}
}

// find gives a check for patterns.
func find(patterns []pattern) func(*tree) []string {
	return func(tr *tree) []string {
		var breaches []string
		for _, f := range tr.files {
			if !f.isText() || f.isForeign() {
				continue
			}
			for _, p := range patterns {
				if p.in != nil && !p.in.MatchString(f.path) {
					continue
				}
				for _, at := range p.find.FindAllIndex(f.data, -1) {
					line := 1 + bytes.Count(f.data[:at[0]], []byte("\n"))
					breaches = append(breaches, fmt.Sprintf("%s:%d: %q: %s", f.path, line, strings.TrimSpace(string(f.data[at[0]:at[1]])), p.what))
				}
			}
		}
		return breaches
	}
}

// lineEnds reports carriage returns, byte order marks, left merge marks and a missing last line
// end. Fuzz corpora and vectors are bytes, not text.
func lineEnds(tr *tree) []string {
	var breaches []string
	report := func(f *file, what string) { breaches = append(breaches, f.path+": "+what) }
	for _, f := range tr.files {
		if !f.isText() || f.isForeign() || strings.Contains(f.path, "testdata/fuzz/") || len(f.data) == 0 {
			continue
		}
		if bytes.Contains(f.data, []byte("\r\n")) {
			report(f, "has CRLF line ends; save it with LF")
		}
		if bytes.HasPrefix(f.data, []byte("\xef\xbb\xbf")) {
			report(f, "begins with a byte order mark; save it without")
		}
		if bytes.HasPrefix(f.data, []byte("<<<<"+"<<< ")) || bytes.Contains(f.data, []byte("\n<<<<"+"<<< ")) {
			report(f, "has marks of an unfinished git merge")
		}
		if !bytes.HasSuffix(f.data, []byte("\n")) && !f.within("testdata/vectors") && path.Ext(f.path) != ".svg" {
			report(f, "has no line end at its end")
		}
	}
	return breaches
}
