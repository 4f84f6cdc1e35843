// Command build bundles the console's pages from src into dist: minified, split
// by page, each file named with a hash of what is in it. The libraries are read
// from node_modules, which `npm ci` fills from the lock file.
//
//	build -root server/console -o dist
package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/evanw/esbuild/pkg/api"
)

func main() {
	root := flag.String("root", "server/console", "the console's folder")
	out := flag.String("o", "dist", "the folder to write, relative to root")
	flag.Parse()
	if err := run(*root, *out); err != nil {
		fmt.Fprintln(os.Stderr, "build:", err)
		os.Exit(1)
	}
}

func run(root, out string) error {
	root, err := filepath.Abs(root)
	if err != nil {
		return fmt.Errorf("finding %s: %w", root, err)
	}
	folder := filepath.Join(root, filepath.FromSlash(out))
	result := api.Build(api.BuildOptions{
		AbsWorkingDir: root, EntryPoints: []string{"src/main.tsx", "src/kit/kit.css"}, Outdir: folder, Outbase: "src",
		Bundle: true, Splitting: true, Format: api.FormatESModule, Target: api.ES2020, Platform: api.PlatformBrowser,
		MinifyWhitespace: true, MinifyIdentifiers: true, MinifySyntax: true, LegalComments: api.LegalCommentsNone,
		EntryNames: "[name]-[hash]", ChunkNames: "[name]-[hash]", Charset: api.CharsetUTF8,
		JSX: api.JSXAutomatic, JSXImportSource: "preact", Metafile: true, Write: false,
	})
	if len(result.Errors) > 0 {
		return errors.New(strings.Join(api.FormatMessages(result.Errors, api.FormatMessagesOptions{}), "\n"))
	}
	begin, err := beginning(result.Metafile)
	if err != nil {
		return err
	}
	if err := os.RemoveAll(folder); err != nil {
		return fmt.Errorf("clearing %s: %w", folder, err)
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return fmt.Errorf("making %s: %w", folder, err)
	}
	files := append(result.OutputFiles, api.OutputFile{Path: filepath.Join(folder, "manifest.json"), Contents: begin})
	for _, f := range files {
		if err := os.WriteFile(f.Path, f.Contents, 0o644); err != nil {
			return fmt.Errorf("writing %s: %w", f.Path, err)
		}
	}
	return nil
}

// metafile is what is needed of what esbuild tells about its output.
type metafile struct {
	Outputs map[string]struct {
		EntryPoint string `json:"entryPoint"`
		Imports    []struct {
			Path string `json:"path"`
			Kind string `json:"kind"`
		} `json:"imports"`
	} `json:"outputs"`
}

// beginning lists the files with which the page begins.
func beginning(text string) ([]byte, error) {
	var m metafile
	if err := json.Unmarshal([]byte(text), &m); err != nil {
		return nil, fmt.Errorf("reading what was built: %w", err)
	}
	var begin struct {
		Script  string   `json:"script"`
		Preload []string `json:"preload"`
		Style   string   `json:"style"`
	}
	begin.Preload = []string{}
	for name, o := range m.Outputs {
		switch o.EntryPoint {
		case "src/kit/kit.css":
			begin.Style = path.Base(name)
		case "src/main.tsx":
			begin.Script = path.Base(name)
			for _, i := range o.Imports {
				if i.Kind == "import-statement" {
					begin.Preload = append(begin.Preload, path.Base(i.Path))
				}
			}
		}
	}
	slices.Sort(begin.Preload)
	if cmp.Or(begin.Script, begin.Style) == "" {
		return nil, errors.New("the bundle has no beginning")
	}
	b, err := json.MarshalIndent(begin, "", "  ")
	return append(b, '\n'), err
}
