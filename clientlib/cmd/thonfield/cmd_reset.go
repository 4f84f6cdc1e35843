package main

import (
	"io"

	"thonsync/clientlib"
	"thonsync/syncproto"
)

type resetCmd struct {
	Export string `help:"${help_reset_export}" placeholder:"FILE"`
	Yes    bool   `help:"${help_reset_yes}"`
}

// Run deletes everything that this program keeps, once nothing is lost by it.
func (c *resetCmd) Run(a *app) error {
	if !c.Yes {
		return usage("usage.reset")
	}
	if c.Export != "" {
		if err := a.with(func(d device) error { return a.exportAll(d, c.Export, clientlib.BundleOptions{}) }); err != nil {
			return err
		}
	}
	path, err := a.database()
	if err != nil {
		return err
	}
	if err := clientlib.Reset(a.ctx, clientlib.Options{Path: path}); err != nil {
		if syncproto.CodeOf(err) == syncproto.CodeUnsent {
			return &failure{exit: exitFailed, code: syncproto.CodeUnsent, key: "error.reset-unsent", err: err}
		}
		return err
	}
	a.show(struct {
		Reset bool `json:"reset"`
	}{true}, func() { a.say("reset.done") })
	return nil
}

// exportAll writes a bundle and notes what is in it once the file is durable, so
// that it need not stay on this device.
func (a *app) exportAll(d device, file string, opts clientlib.BundleOptions) error {
	heads, err := d.Heads(a.ctx)
	if err != nil {
		return err
	}
	if _, err := writeWhole(file, func(w io.Writer) error { return d.ExportBundle(a.ctx, w, opts) }); err != nil {
		return err
	}
	return d.Exported(a.ctx, heads)
}
