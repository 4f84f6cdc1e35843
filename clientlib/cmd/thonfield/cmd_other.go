package main

import (
	"fmt"
	"runtime"

	"thonsync/clientlib/cmd/thonfield/internal/form"
	"thonsync/clientlib/cmd/thonfield/internal/view"
	"thonsync/clientlib/cmd/thonfield/internal/words"
	"thonsync/syncproto"
)

type kindsCmd struct {
	Code string `arg:"" optional:"" help:"${help_kinds_code}"`
}

// Run lists the kinds, or the fields of one.
func (c *kindsCmd) Run(a *app) error {
	return a.with(func(d device) error {
		kinds, err := d.Kinds(a.ctx)
		if err != nil {
			return err
		}
		if c.Code != "" {
			k, err := d.Kind(a.ctx, c.Code)
			if err != nil {
				return failed(syncproto.CodeNotFound, "error.kind")
			}
			kinds = []*syncproto.Kind{k}
		}
		out := struct {
			Kinds []*syncproto.Kind `json:"kinds"`
		}{append([]*syncproto.Kind{}, kinds...)}
		a.show(out, func() {
			switch {
			case len(kinds) == 0:
				a.say("error.no-kinds")
			case c.Code != "":
				a.fields(kinds[0])
			default:
				for _, k := range kinds {
					fmt.Fprintf(a.out, "  %-4s %s\n", k.Code, a.lang.Pick(k.NameVI, k.NameEN))
				}
			}
		})
		return nil
	})
}

// fields lists what --set takes for a kind.
func (a *app) fields(k *syncproto.Kind) {
	fmt.Fprintf(a.out, "%s  %s\n", k.Code, a.lang.Pick(k.NameVI, k.NameEN))
	questions := form.Questions(k, a.lang)
	for i := range questions {
		q := &questions[i]
		mark := ""
		if q.Required {
			mark = " *"
		}
		fmt.Fprintf(a.out, "  %s: %s%s\n", q.Name, q.Label, mark)
		for _, o := range q.Options {
			fmt.Fprintf(a.out, "      %s: %s\n", o.Value, o.Label)
		}
	}
	a.say("kinds.star")
}

type dropCmd struct {
	Days int `required:"" help:"${help_days}" placeholder:"N"`
}

// Run removes personal fields that are safe at the centre.
func (c *dropCmd) Run(a *app) error {
	if c.Days < 0 {
		return usage("usage.value", "what", "--days")
	}
	return a.with(func(d device) error {
		n, err := d.DropPersonal(a.ctx, c.Days)
		if err != nil {
			return err
		}
		a.show(struct {
			Changes int `json:"changes"`
		}{n}, func() { a.say("drop.done", "n", n) })
		return nil
	})
}

type doctorCmd struct{}

// Run looks for what is wrong, the change log's chains included.
func (doctorCmd) Run(a *app) error {
	return a.with(func(d device) error {
		checks, err := d.Doctor(a.ctx)
		if err != nil {
			return err
		}
		out := struct {
			OK     bool         `json:"ok"`
			Checks []view.Check `json:"checks"`
		}{OK: true, Checks: []view.Check{}}
		for _, c := range checks {
			out.OK = out.OK && c.OK
			out.Checks = append(out.Checks, view.Check{Name: c.Name, OK: c.OK, Detail: c.Detail, Fix: c.Fix, Text: a.checkText(c.Name, c.OK)})
		}
		if !out.OK {
			a.exit = exitFailed
		}
		a.show(out, func() {
			for _, c := range out.Checks {
				fmt.Fprintln(a.out, c.Text)
				if a.lang == words.EN && !c.OK {
					fmt.Fprintf(a.out, "  %s\n  %s\n", c.Detail, c.Fix)
				}
			}
		})
		return nil
	})
}

// checkText says a finding of Doctor in the language.
func (a *app) checkText(name string, ok bool) string {
	state := "bad"
	if ok {
		state = "ok"
	}
	if key := "doctor." + name + "." + state; words.Has(key) {
		return a.lang.T("doctor."+state) + " " + a.lang.T(key)
	}
	return a.lang.T("doctor."+state) + " " + name
}

type versionCmd struct{}

// Run shows the version.
func (versionCmd) Run(a *app) error { //nolint:unparam // kong wants an error of every command
	out := struct {
		Version  string `json:"version"`
		Protocol int    `json:"protocol"`
		Go       string `json:"go"`
	}{version, syncproto.Version, runtime.Version()}
	a.show(out, func() { fmt.Fprintf(a.out, "thonfield %s (protocol %d, %s)\n", out.Version, out.Protocol, out.Go) })
	return nil
}
