// Command notices writes THIRD_PARTY_NOTICES.md: the name, version, licence and licence text of
// everything that is linked or copied into the programs. It reads the packages that the programs
// are built from, for every platform they are released for, so a module that only a test or a
// benchmark uses is not listed.
//
//	notices -root ../../.. -o THIRD_PARTY_NOTICES.md ./server/cmd/thonsync ./clientlib/cmd/thonfield
package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
)

//go:generate go run . -root ../../.. -o THIRD_PARTY_NOTICES.md ./server/cmd/thonsync ./clientlib/cmd/thonfield

// platforms are those of .ci/release.sh. What the browser runs is built from a part of the same modules.
var platforms = []string{"linux/amd64", "linux/arm64", "windows/amd64", "android/arm64"}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "notices:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("notices", flag.ContinueOnError)
	root := flags.String("root", ".", "the module's root folder")
	out := flags.String("o", "THIRD_PARTY_NOTICES.md", "the file to write, relative to the root")
	if err := flags.Parse(args); err != nil {
		return err
	}
	programs := flags.Args()
	if len(programs) == 0 {
		return fmt.Errorf("name the programs' packages, such as ./server/cmd/thonsync")
	}
	var packages []linked
	for _, platform := range platforms {
		list, err := listLinked(ctx, *root, platform, programs)
		if err != nil {
			return err
		}
		packages = append(packages, list...)
	}
	works, err := gather(packages)
	if err != nil {
		return err
	}
	toolchain, err := standardLibrary(ctx, *root)
	if err != nil {
		return err
	}
	copied, err := copiedWorks(*root)
	if err != nil {
		return err
	}
	works = slices.Concat([]work{toolchain}, works, copied)
	return os.WriteFile(filepath.Join(*root, *out), []byte(render(works)), 0o644)
}

// linked is one package of another module that a program is built from.
type linked struct {
	module, version string
	moduleDir, dir  string
}

// listLinked asks the go command for the packages of other modules in the programs on a platform.
func listLinked(ctx context.Context, root, platform string, programs []string) ([]linked, error) {
	goos, goarch, _ := strings.Cut(platform, "/")
	const form = "{{with .Module}}{{if not .Main}}{{.Path}}\t{{.Version}}\t{{.Dir}}\t{{$.Dir}}{{end}}{{end}}"
	text, err := goCommand(ctx, root, []string{"GOOS=" + goos, "GOARCH=" + goarch, "CGO_ENABLED=0"},
		append([]string{"list", "-deps", "-f", form}, programs...)...)
	if err != nil {
		return nil, fmt.Errorf("packages for %s: %w", platform, err)
	}
	var list []linked
	for line := range strings.Lines(text) {
		fields := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(fields) != 4 {
			continue // a package of the standard library or of this module
		}
		list = append(list, linked{module: fields[0], version: fields[1], moduleDir: fields[2], dir: fields[3]})
	}
	return list, nil
}

// standardLibrary is Go's own library and runtime, part of every program.
func standardLibrary(ctx context.Context, root string) (work, error) {
	goroot, err := goCommand(ctx, root, nil, "env", "GOROOT")
	if err != nil {
		return work{}, err
	}
	version, err := goCommand(ctx, root, nil, "list", "-m", "-f", "{{.GoVersion}}")
	if err != nil {
		return work{}, err
	}
	texts, err := licenceFiles(strings.TrimSpace(goroot))
	if err != nil {
		return work{}, err
	}
	return newWork("Go standard library and runtime", "go "+strings.TrimSpace(version)+" or later", texts)
}

// goCommand runs the go command in the root and gives its output.
func goCommand(ctx context.Context, root string, env []string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), env...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("go %s: %w: %s", args[0], err, strings.TrimSpace(stderr.String()))
	}
	return string(out), nil
}
