package house

import (
	"bytes"
	"fmt"
	"path"
	"regexp"
	"strings"
)

// pageRules look at what the pages promise a reader.
func pageRules() []rule {
	return []rule{
		{"links", "a reader who follows a link arrives", brokenLinks},
		{"make-targets", "a command that a page names can be typed", unknownTargets},
	}
}

var (
	fenced = regexp.MustCompile("(?ms)^(```|~~~).*?^(```|~~~)[ \t]*$")
	link   = regexp.MustCompile(`\]\(([^()\s]+)\)`)
)

// brokenLinks reports relative links of Markdown pages that lead to no file and no folder.
func brokenLinks(tr *tree) []string {
	there := map[string]bool{".": true}
	for _, f := range tr.files {
		for p := f.path; p != "."; p = path.Dir(p) {
			there[p] = true
		}
	}
	var breaches []string
	for _, f := range tr.files {
		if path.Ext(f.path) != ".md" || f.isForeign() {
			continue
		}
		for _, m := range link.FindAllSubmatch(fenced.ReplaceAll(f.data, nil), -1) {
			target, _, _ := strings.Cut(string(m[1]), "#")
			if target == "" || strings.Contains(target, "://") || strings.HasPrefix(target, "mailto:") {
				continue
			}
			if !there[path.Join(path.Dir(f.path), target)] {
				breaches = append(breaches, fmt.Sprintf("%s: the link to %s leads nowhere", f.path, target))
			}
		}
	}
	return breaches
}

var (
	targetUsed    = regexp.MustCompile("`make (?:-s )?([a-z][a-z-]*)|(?m)^(?:\\$ )?make (?:-s )?([a-z][a-z-]*)")
	targetDefined = regexp.MustCompile(`(?m)^([a-z][a-z-]*):`)
)

// unknownTargets reports make targets that a page names in a command and the Makefile lacks.
func unknownTargets(tr *tree) []string {
	defined := map[string]bool{}
	for _, f := range tr.files {
		if f.path == "Makefile" {
			for _, m := range targetDefined.FindAllSubmatch(f.data, -1) {
				defined[string(m[1])] = true
			}
		}
	}
	var breaches []string
	for _, f := range tr.files {
		if path.Ext(f.path) != ".md" || f.isForeign() {
			continue
		}
		for _, m := range targetUsed.FindAllSubmatch(f.data, -1) {
			if name := string(bytes.Join(m[1:], nil)); !defined[name] {
				breaches = append(breaches, fmt.Sprintf("%s: make %s is no target of the Makefile", f.path, name))
			}
		}
	}
	return breaches
}
