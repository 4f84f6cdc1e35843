package main

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"

	"thonsync/server/config"
	"thonsync/syncproto"
)

type decodeCmd struct {
	File string `arg:"" help:"File to decode; - for standard input."`
}

// Run prints what the bytes are, as JSON whatever --json says.
func (c *decodeCmd) Run(a *app) error {
	in := a.in
	if c.File != "-" {
		f, err := os.Open(c.File)
		if err != nil {
			return fmt.Errorf("opening the file to decode: %w", err)
		}
		defer func() { _ = f.Close() }() // only read from
		in = f
	}
	b, err := io.ReadAll(io.LimitReader(in, syncproto.MaxBundleBytes+1))
	if err != nil {
		return fmt.Errorf("reading what to decode: %w", err)
	}
	v, err := syncproto.DescribeJSON(b)
	if err != nil {
		return err
	}
	return a.printJSON(v)
}

type configCmd struct {
	Print    configPrintCmd    `cmd:"" help:"Show every setting and where its value comes from."`
	Validate configValidateCmd `cmd:"" help:"Check the settings; fails if a server could not start with them."`
}

type configPrintCmd struct{}

// Run prints the settings.
func (configPrintCmd) Run(a *app) error {
	values := a.source.Values(&a.cfg, a.flags)
	return a.show(values, func() {
		var rows [][]string
		for _, v := range values {
			rows = append(rows, []string{v.Name, v.Value, string(v.Origin), v.Env})
		}
		a.table([]string{"SETTING", "VALUE", "FROM", "ENVIRONMENT"}, rows)
	})
}

type configValidateCmd struct{}

// Run checks the settings.
func (configValidateCmd) Run(a *app) error {
	if err := a.cfg.Check(); err != nil {
		return fmt.Errorf("setting %w", err)
	}
	if unknown := config.UnknownEnv(a.environ); len(unknown) > 0 {
		return fmt.Errorf("environment variable %s is no setting: remove it or correct its name", unknown[0])
	}
	a.say("Valid configuration.")
	return nil
}

type versionCmd struct{}

// version is set by the build (-X main.version=1.2.3).
var version string

func programVersion() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}

func commit() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			return s.Value
		}
	}
	return ""
}

// versions is what version prints.
type versions struct {
	Version  string `json:"version"`
	Commit   string `json:"commit,omitempty"`
	Go       string `json:"go"`
	Protocol struct {
		Min int `json:"min"`
		Max int `json:"max"`
	} `json:"protocol"`
}

// Run prints versions.
func (versionCmd) Run(a *app) error {
	v := versions{Version: programVersion(), Commit: commit(), Go: runtime.Version()}
	v.Protocol.Min, v.Protocol.Max = syncproto.Version, syncproto.Version
	return a.show(v, func() { a.say("thonsync %s, protocol %d, %s", v.Version, syncproto.Version, v.Go) })
}
