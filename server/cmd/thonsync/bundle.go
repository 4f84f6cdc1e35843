package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"thonsync/server"
	"thonsync/syncproto"
)

type bundleCmd struct {
	Export bundleExportCmd `cmd:"" help:"Write bundles: up to the centre, or down to one origin."`
	Import bundleImportCmd `cmd:"" help:"Take a bundle in; what verifies lands, the rest is named."`
}

type bundleExportCmd struct {
	Up  bool   `xor:"which" help:"Everything that the centre has not receipted."`
	For string `xor:"which" placeholder:"ORIGIN" help:"Receipts, pages and colleagues' work for this origin."`
	Out string `arg:"" help:"File to write; further parts get -2, -3 and so on." type:"path"`
}

// Run writes bundles.
func (c *bundleExportCmd) Run(a *app) error {
	var files server.Files
	var err error
	switch {
	case c.Up:
		files, err = server.BundleUp.Run(a.ctx, a.cfg, a.quiet(), server.None{})
	case c.For != "":
		var asked server.Asked
		if asked.Origin, err = uuid.Parse(c.For); err != nil {
			return syncproto.Errorf(syncproto.CodeInvalidInput, "--for is no origin: `thonsync status` lists origins")
		}
		files, err = server.BundleFor.Run(a.ctx, a.cfg, a.quiet(), asked)
	default:
		return syncproto.Errorf(syncproto.CodeInvalidInput, "say --up or --for ORIGIN")
	}
	if err != nil {
		return err
	}
	return a.writeBundles(files, c.Out)
}

// writtenFile is a file that was written.
type writtenFile struct {
	File  string `json:"file"`
	Bytes int    `json:"bytes"`
}

func (a *app) writeBundles(f server.Files, out string) error {
	var done []writtenFile
	for i, b := range f.Bundles {
		path := out
		if i > 0 {
			stem, ext := out, ""
			if dot := strings.LastIndexByte(out, '.'); dot > strings.LastIndexAny(out, `/\`) {
				stem, ext = out[:dot], out[dot:]
			}
			path = stem + "-" + strconv.Itoa(i+1) + ext
		}
		w, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return fmt.Errorf("writing %s: %w: name a file that does not exist", path, err)
		}
		if _, err := w.Write(b); err != nil {
			return fmt.Errorf("writing %s: %w", path, err)
		}
		if err := w.Sync(); err != nil {
			return fmt.Errorf("writing %s: %w", path, err)
		}
		if err := w.Close(); err != nil {
			return fmt.Errorf("writing %s: %w", path, err)
		}
		done = append(done, writtenFile{path, len(b)})
	}
	return a.show(done, func() {
		for _, f := range done {
			a.say("%s  %d bytes", f.File, f.Bytes)
		}
	})
}

type bundleImportCmd struct {
	File   string `arg:"" help:"Bundle to take in." type:"existingfile"`
	Answer string `placeholder:"FILE" help:"Write the answer that the bundle asks for." type:"path"`
}

// Run takes a bundle in.
func (c *bundleImportCmd) Run(a *app) error {
	b, err := os.ReadFile(c.File)
	if err != nil {
		return fmt.Errorf("reading the bundle: %w", err)
	}
	got, err := server.BundleImport.Run(a.ctx, a.cfg, a.quiet(), server.Bundle{Data: b})
	if err != nil {
		return err
	}
	if err := a.show(got, func() { a.printImport(got) }); err != nil {
		return err
	}
	if c.Answer == "" {
		return nil
	}
	if len(got.Asks) == 0 {
		return syncproto.Errorf(syncproto.CodeInvalidInput, "the bundle asks for no answer; export one with --for ORIGIN")
	}
	files, err := server.BundleFor.Run(a.ctx, a.cfg, a.quiet(), server.Asked{Ask: got.Asks[0]})
	if err != nil {
		return err
	}
	return a.writeBundles(files, c.Answer)
}

func (a *app) printImport(got server.BundleResult) {
	a.table([]string{"WHAT", "COUNT"}, [][]string{
		{"segments taken", strconv.Itoa(got.Segments)}, {"new changes", strconv.Itoa(got.New)},
		{"repeats", strconv.Itoa(got.Repeats)}, {"receipts", strconv.Itoa(got.Receipts)}, {"pages", strconv.Itoa(got.Pages)},
		{"credentials", strconv.Itoa(got.Credentials)}, {"damaged places", strconv.Itoa(got.Damaged)}, {"set aside", strconv.Itoa(len(got.Skipped))},
	})
	if got.Cut {
		a.say("The file was cut short: copy it again from where it was made.")
	}
	if len(got.Skipped) == 0 {
		return
	}
	var rows [][]string
	for _, s := range got.Skipped {
		rows = append(rows, []string{strconv.Itoa(s.Entry), s.Kind, string(s.Code), s.Detail})
	}
	a.table([]string{"ENTRY", "KIND", "CODE", "WHY"}, rows)
}
