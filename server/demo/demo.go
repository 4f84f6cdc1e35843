// Package demo plays a market day on real parts: a centre, three points and a
// few dozen phones with separate databases on loopback. Afterwards it checks
// every promise against what the parts hold, and it can break each promise on
// purpose to show that the check would notice.
package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"strings"
	"time"

	"thonsync/server"
	"thonsync/testdata/province"
)

// Options tell how to play.
type Options struct {
	Once    bool   // end after the checks instead of staying up
	Break   string // the promise to sabotage, "" for none
	Seed    uint64
	Keep    string // folder for all data, to look at afterwards; "" for a temporary one
	Out     io.Writer
	Program string // path of this program, to play the phone that is killed
	Log     *slog.Logger
}

// ErrBroken says that at least one promise did not hold.
var ErrBroken = errors.New("a promise did not hold")

// Run plays the day. It ends with nil if and only if every promise held, and
// with ErrBroken if one did not. Without Once it stays up until ctx is done.
func Run(ctx context.Context, o Options) (err error) {
	saboteur, err := find(o.Break)
	if err != nil {
		return err
	}
	dir := o.Keep
	if dir == "" {
		if dir, err = os.MkdirTemp("", "thonsync-demo-"); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	s := &stage{
		dir: dir, seed: o.Seed, rng: rand.New(rand.NewPCG(o.Seed, 9)), log: o.Log,
		prov: province.Small(o.Seed, communes, villagesPerCommune),
	}
	defer func() { err = errors.Join(err, s.close()) }()
	tell := &teller{out: o.Out, began: time.Now()}
	d := &day{breaks: o.Break, putBack: o.Break == "erased-gone", damageBackup: o.Break == "restorable"}
	if err := play(ctx, s, d, tell, saboteur, o.Program); err != nil {
		return err
	}
	held, err := s.judge(ctx, d, tell)
	if err != nil {
		return err
	}
	if !o.Once {
		for _, show := range []func(context.Context) error{
			s.conflicts,
			s.sceneTwins,
			s.sceneReorganise,
		} {
			if err := show(ctx); err != nil {
				return err
			}
		}
		began := time.Now()
		told, err := playRegisters(ctx, s)
		if err != nil {
			return err
		}
		tell.scene("A list of issued cards comes from the police", told, time.Since(began))
		tell.addresses(ctx, s)
		<-ctx.Done()
	}
	if !held {
		return ErrBroken
	}
	return nil
}

// scene is one part of the day.
type scene struct {
	title string
	play  func() (told string, err error)
}

func play(ctx context.Context, s *stage, d *day, tell *teller, saboteur *promise, program string) error {
	sabotage := func(at moment) error {
		if saboteur == nil || saboteur.when != at || saboteur.sabotage == nil {
			return nil
		}
		tell.line("   !! sabotage of the promise %q: %s", saboteur.name, saboteur.how)
		return saboteur.sabotage(ctx, s, d)
	}
	for _, sc := range scenes(ctx, s, d, sabotage, saboteur, program) {
		began := time.Now()
		told, err := sc.play()
		if err != nil {
			return fmt.Errorf("%s: %w", strings.ToLower(sc.title), err)
		}
		tell.scene(sc.title, told, time.Since(began))
	}
	return nil
}

func scenes(ctx context.Context, s *stage, d *day, sabotage func(moment) error, saboteur *promise, program string) []scene {
	return []scene{
		{"A centre and three points start; units, kinds, guides, teams and members are imported", func() (string, error) {
			if err := s.openServers(ctx); err != nil {
				return "", err
			}
			made, err := server.BackupCommand.Do(ctx, s.centre.node, server.None{})
			d.backup = made.File
			return fmt.Sprintf("%d units, %d teams, %d members; first backup restored in a drill", len(s.prov.Units)+len(s.prov.Villages), len(s.prov.Teams), len(s.prov.Members)), err
		}},
		{"Phones join at their commune's point by single-use codes", func() (string, error) {
			err := errors.Join(s.openPhones(ctx), sabotage(beforeDay))
			return fmt.Sprintf("%d phones with a database each", len(s.phones)), err
		}},
		{"Morning: two people of one team meet, then both edit the same record, one with a clock in 2099", func() (string, error) {
			return "nobody knows of the other's edit", s.contest(ctx, d)
		}},
		{"Everybody records, no signal anywhere", func() (string, error) {
			err := s.morning(ctx, d)
			return fmt.Sprintf("%d activities so far", d.recorded), err
		}},
		{"One phone's battery is pulled while it writes", func() (string, error) {
			err := s.kill(ctx, d, program)
			return fmt.Sprintf("%s had been told that %d records are stored", s.cast.killed.name, len(d.acked)), err
		}},
		{"Market: phones reach the hotspots; point 3 has no internet; everything is sent twice", func() (string, error) {
			s.points[2].cable.cut.Store(true)
			if err := s.market(ctx, s.points...); err != nil {
				return "", err
			}
			err := s.upstream(ctx, s.points[:2]...)
			return "points 1 and 2 have carried on to the centre, point 3 keeps its part", err
		}},
		{"A carrier takes the second half of point 3's work by file and loses the first", func() (string, error) {
			if err := s.lose(ctx, d); err != nil {
				return "", err
			}
			if err := sabotage(beforeGapLook); err != nil {
				return "", err
			}
			seen, err := s.namesGap(ctx, d)
			d.gapSeen = seen
			if err == nil && d.restore != nil {
				err = d.restore(ctx)
				d.restore = nil
			}
			return fmt.Sprintf("missing at the centre: changes %d-%d of %s", d.lostRun[0], d.lostRun[1], s.cast.late.name), err
		}},
		{"A phone that never meets a network is carried by hand, by two paths, and gets its receipts by file", func() (string, error) {
			err := s.byHand(ctx, d)
			return fmt.Sprintf("%d changes arrived again and changed nothing", d.repeats), err
		}},
		{"Somebody alters one byte of a carried file and repairs its checksum", func() (string, error) {
			err := s.tamper(ctx, d, saboteur == nil || saboteur.name != "tampering-seen")
			return fmt.Sprintf("%d entries refused by name, %d segments taken", len(d.tampered.Skipped), d.tampered.Segments), err
		}},
		{"Afternoon: point 3 is back; phones come once more for their receipts", func() (string, error) {
			s.points[2].cable.cut.Store(false)
			if err := s.upstream(ctx, s.points...); err != nil {
				return "", err
			}
			if err := errors.Join(sabotage(beforeEvening), s.evening(ctx, saboteur)); err != nil {
				return "", err
			}
			return "", sabotage(afterDay)
		}},
	}
}
