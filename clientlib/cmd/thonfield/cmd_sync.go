package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"time"

	"github.com/google/uuid"

	"thonsync/clientlib"
	"thonsync/clientlib/cmd/thonfield/internal/view"
	"thonsync/syncproto"
)

// addServers puts addresses into the list that is tried: in front of the
// others, or behind them.
func (a *app) addServers(d device, urls []string, front bool) error {
	if len(urls) == 0 {
		return nil
	}
	s, err := d.Status(a.ctx)
	if err != nil {
		return err
	}
	known := slices.DeleteFunc(slices.Clone(s.Servers), func(u string) bool { return slices.Contains(urls, u) })
	if front {
		return d.SetServers(a.ctx, append(slices.Clone(urls), known...))
	}
	return d.SetServers(a.ctx, append(known, urls...))
}

// reach marks a failure to reach any server, after which nothing is lost. What
// is neither the protocol's error nor this program's came from the network.
func (a *app) reach(err error) error {
	code := syncproto.CodeOf(err)
	if _, named := errors.AsType[*syncproto.Error](err); !named {
		code = syncproto.CodeUpstream
	}
	if a.ctx.Err() == nil && (code == syncproto.CodeOverload || code == syncproto.CodeUpstream) {
		return &failure{exit: exitUnreached, code: code, key: "code." + string(code), err: err}
	}
	return err
}

type syncCmd struct {
	Server []string `help:"${help_sync_server}" placeholder:"URL"`
}

// synced is what --json writes for sync.
type synced struct {
	Report  view.Report  `json:"report"`
	Records *view.Counts `json:"records"` // null where a newer program's data allows sending only
	Error   *errorObject `json:"error"`   // null if it went well
}

// Run exchanges with the first server that answers.
func (c *syncCmd) Run(a *app) error {
	return a.withSender(func(d device) error {
		before, err := d.Status(a.ctx)
		if err != nil {
			return err
		}
		if !before.Joined {
			return failed(syncproto.CodeCredential, "error.not-joined")
		}
		if err := a.addServers(d, c.Server, true); err != nil {
			return err
		}
		report, failure := d.Sync(a.ctx)
		s, err := d.Status(context.WithoutCancel(a.ctx)) // after an interruption, too
		if err != nil {
			return err
		}
		counts := view.CountsOf(s.Custody)
		a.synced(&report, &counts, &s, failure)
		return nil
	}, func(s sender) error {
		report, failure := s.Sync(a.ctx)
		a.synced(&report, nil, nil, failure)
		return nil
	})
}

// synced shows the outcome of an exchange and sets the exit code. counts and s
// are nil where only sending is possible.
func (a *app) synced(report *clientlib.Report, counts *view.Counts, s *clientlib.Status, failure error) {
	out := synced{Report: view.ReportOf(report), Records: counts}
	if failure != nil {
		code, object := a.explain(a.reach(failure))
		a.exit, out.Error = code, &object
		a.tell(object)
	} else if s != nil && counts.AskedBack+s.Questions > 0 {
		a.exit = exitAsked
	}
	a.show(out, func() {
		a.syncText(&out)
		switch {
		case s == nil:
			a.say("sync.send-only")
		case failure != nil:
			a.since(s)
		}
		if s != nil {
			a.questionsText(s)
			a.revokedText(s)
		}
	})
}

func (a *app) syncText(out *synced) {
	r := &out.Report
	if out.Error == nil && r.Finished && r.Waiting == 0 {
		a.say("sync.done", "time", a.lang.ShowTime(a.now().UnixMilli(), a.now()))
	}
	if r.Sent > 0 {
		a.say("sync.sent", "n", r.Sent)
	}
	if r.CargoSent > 0 {
		a.say("sync.cargo", "n", r.CargoSent)
	}
	if r.Waiting > 0 {
		a.say("sync.waiting", "n", r.Waiting)
	}
	if r.DiskFull {
		a.say("sync.disk")
	}
	if r.NewOrigin {
		a.say("sync.restored")
	}
	if r.PeerBehind {
		a.say("sync.behind")
	}
	for _, p := range r.Problems {
		a.say("sync.problem", "first", p.First, "last", p.Last, "why", a.lang.Code(syncproto.Code(p.Code)))
	}
	if out.Records != nil && out.Records.AskedBack > 0 {
		a.say("status.asked", "n", out.Records.AskedBack)
	}
}

// questionsText says how many questions wait for an answer.
func (a *app) questionsText(s *clientlib.Status) {
	if s.Questions > 0 {
		a.say("status.questions", "n", s.Questions)
	}
}

// since says when everything was last sent.
func (a *app) since(s *clientlib.Status) {
	switch {
	case s.LastSuccessMS == 0:
		a.say("status.never")
	case s.DaysSince == 0:
		a.say("status.last", "time", a.lang.ShowTime(s.LastSuccessMS, a.now()))
	default:
		a.say("status.stale", "n", s.DaysSince, "time", a.lang.ShowTime(s.LastSuccessMS, a.now()))
	}
}

type statusCmd struct{}

// Run shows the state of the device.
func (statusCmd) Run(a *app) error {
	return a.with(func(d device) error {
		s, err := d.Status(a.ctx)
		if err != nil {
			return err
		}
		if s.Custody[clientlib.StageAskedBack]+s.Questions > 0 {
			a.exit = exitAsked
		}
		n, err := d.Names(a.ctx, []string{s.Unit}, []uuid.UUID{s.Team})
		if err != nil {
			return err
		}
		out := view.StatusOf(&s, n)
		a.show(out, func() { a.statusText(&s, &out) })
		return nil
	})
}

func (a *app) statusText(s *clientlib.Status, out *view.Status) {
	if !s.Joined {
		a.say("status.not-joined")
	} else {
		a.say("status.joined", "unit", placeText(out.UnitText, s.Unit))
	}
	a.revokedText(s)
	if out.TeamText != "" {
		a.say("status.team", "team", out.TeamText)
	}
	for _, p := range s.People {
		if p.Current {
			a.say("status.person", "who", a.nameOf(p.Name, p.ID))
		}
	}
	counts := view.CountsOf(s.Custody)
	for _, line := range []struct {
		key string
		n   int
	}{
		{"status.on-phone", counts.OnPhone}, {"status.at-commune", counts.AtCommune},
		{"status.at-centre", counts.AtCentre + counts.Safe}, {"status.asked", counts.AskedBack},
	} {
		if line.n > 0 {
			a.say(line.key, "n", line.n)
		}
	}
	a.questionsText(s)
	if s.Waiting > 0 {
		a.say("status.waiting", "n", s.Waiting)
	} else {
		a.say("status.nothing-waits")
	}
	if s.Cargo > 0 {
		a.say("status.cargo", "n", s.Cargo)
	}
	a.since(s)
	if s.LastErrorCode != "" {
		a.say("status.last-error", "why", a.lang.Code(s.LastErrorCode))
	}
	if len(s.Gaps) > 0 {
		a.say("status.gaps", "n", len(s.Gaps))
	}
	if s.SetAside > 0 {
		a.say("status.aside", "n", s.SetAside)
	}
	if s.Restored > 0 {
		a.say("status.restored")
	}
	if s.EnrolAgain {
		a.say("status.enrol-again")
	}
	if off := time.Duration(s.ClockOffsetMS) * time.Millisecond; off.Abs() > 5*time.Minute {
		a.say("status.clock", "n", strconv.Itoa(int(off.Abs().Minutes())))
	}
}

// revokedText says that the device is revoked, and what to do now.
func (a *app) revokedText(s *clientlib.Status) {
	if s.Revoked == nil {
		return
	}
	a.say("status.revoked", "time", a.lang.ShowTime(s.Revoked.SinceMS, a.now()))
	if s.Stranded > 0 {
		a.say("status.revoked-unsent", "n", s.Stranded)
	} else {
		a.say("status.revoked-next")
	}
}

// placeText puts the code of a unit behind its name.
func placeText(name, key string) string {
	if name == key {
		return key
	}
	return name + " (" + key + ")"
}

type exportCmd struct {
	File  string `arg:"" help:"${help_export_file}"`
	All   bool   `help:"${help_export_all}"`
	Carry bool   `help:"${help_export_carry}"`
}

// exported is what --json writes for bundle export.
type exported struct {
	Bytes int64 `json:"bytes"`
}

// Run writes a bundle. From a newer program's data it writes what waits.
func (c *exportCmd) Run(a *app) error {
	return a.withSender(func(d device) error {
		heads, err := d.Heads(a.ctx)
		if err != nil {
			return err
		}
		err = a.exportTo(c.File, func(w io.Writer) error {
			return d.ExportBundle(a.ctx, w, clientlib.BundleOptions{All: c.All, Carry: c.Carry})
		})
		if err != nil {
			return err
		}
		return d.Exported(a.ctx, heads)
	}, func(s sender) error {
		return a.exportTo(c.File, func(w io.Writer) error { return s.ExportBundle(a.ctx, w) })
	})
}

func (a *app) exportTo(path string, write func(io.Writer) error) error {
	n, err := writeWhole(path, write)
	if err != nil {
		return err
	}
	a.show(exported{n}, func() { a.say("export.done", "bytes", n) })
	return nil
}

type importCmd struct {
	File string `arg:"" help:"${help_import_file}"`
}

// imported is what --json writes for bundle import.
type imported struct {
	Report  view.BundleReport `json:"report"`
	Records view.Counts       `json:"records"`
}

// Run takes what a bundle brings.
func (c *importCmd) Run(a *app) error {
	return a.with(func(d device) error {
		f, err := os.Open(c.File)
		if err != nil {
			return err
		}
		defer f.Close()
		report, err := d.ImportBundle(a.ctx, f)
		if err != nil {
			return err
		}
		s, err := d.Status(a.ctx)
		if err != nil {
			return err
		}
		out := imported{view.BundleReportOf(&report), view.CountsOf(s.Custody)}
		if out.Records.AskedBack+s.Questions > 0 {
			a.exit = exitAsked
		}
		a.show(out, func() {
			a.importText(&out)
			a.questionsText(&s)
		})
		return nil
	})
}

func (a *app) importText(out *imported) {
	r := &out.Report
	a.say("import.done", "receipts", r.Receipts, "segments", r.Segments, "cargo", r.Cargo)
	if r.Damaged > 0 || r.Cut {
		a.say("import.damaged")
	}
	if r.Skipped > 0 {
		a.say("import.skipped", "n", r.Skipped)
	}
	if a.lang == "en" {
		for _, p := range r.Problems {
			fmt.Fprintf(a.out, "  %s\n", p)
		}
	}
	if out.Records.AskedBack > 0 {
		a.say("status.asked", "n", out.Records.AskedBack)
	}
}
