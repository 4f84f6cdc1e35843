package main

import (
	"cmp"
	"fmt"

	"thonsync/clientlib"
	"thonsync/clientlib/cmd/thonfield/internal/view"
	"thonsync/syncproto"
)

type guidesCmd struct {
	Code string `arg:"" optional:"" help:"${help_guides_code}"`
}

// Run lists the guides from the centre, or opens one. Opening is counted on
// this device.
func (c *guidesCmd) Run(a *app) error {
	return a.with(func(d device) error {
		if c.Code != "" {
			g, err := d.OpenGuide(a.ctx, c.Code)
			if syncproto.CodeOf(err) == syncproto.CodeNotFound {
				return failed(syncproto.CodeNotFound, "error.guide")
			}
			if err != nil {
				return err
			}
			a.show(struct {
				Guide view.FullGuide `json:"guide"`
			}{view.FullGuideOf(&g, a.lang)}, func() { a.guide(&g) })
			return nil
		}
		guides, err := d.Guides(a.ctx)
		if err != nil {
			return err
		}
		out := struct {
			Guides []view.Guide `json:"guides"`
		}{[]view.Guide{}}
		for i := range guides {
			out.Guides = append(out.Guides, view.GuideOf(&guides[i], a.lang))
		}
		a.show(out, func() {
			if len(out.Guides) == 0 {
				a.say("guides.none")
				return
			}
			for i := range out.Guides {
				g := &out.Guides[i]
				mark := a.lang.T("guides.unread")
				if g.Opened > 0 {
					mark = a.lang.T("guides.opened", "time", a.lang.ShowTime(g.LastOpenedMS, a.now()))
				}
				fmt.Fprintf(a.out, "  %-16s %s  (%s)\n", g.Code, g.TitleText, mark)
			}
			a.say("guides.how")
		})
		return nil
	})
}

// guide writes a guide for people. One without the asked language is shown in
// Vietnamese, which every guide has.
func (a *app) guide(g *clientlib.Guide) {
	fmt.Fprintf(a.out, "%s\n\n%s\n", a.lang.Pick(g.TitleVI, cmp.Or(g.TitleEN, g.TitleVI)), a.lang.Pick(g.BodyVI, cmp.Or(g.BodyEN, g.BodyVI)))
}
