package demo

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/google/uuid"

	"thonsync/clientlib"
	"thonsync/server"
	"thonsync/server/store"
	"thonsync/syncproto"
)

// moment is when a sabotage strikes.
type moment int

const (
	never moment = iota
	beforeDay
	beforeGapLook
	beforeEvening
	afterDay
	beforeCheck // right before the promise's own check
)

// promise is one line of what Thonsync promises.
type promise struct {
	name  string
	words string
	check func(ctx context.Context, s *stage, d *day) (evidence string, err error)

	when     moment
	how      string // what the sabotage does
	sabotage func(ctx context.Context, s *stage, d *day) error
}

// broken says why a promise does not hold; other errors mean that it could not
// be checked.
type broken string

// Error gives the reason.
func (b broken) Error() string { return string(b) }

func brokenf(format string, args ...any) error { return broken(fmt.Sprintf(format, args...)) }

// Names lists the promises that can be broken.
func Names() []string {
	var out []string
	for _, p := range promises() {
		out = append(out, p.name)
	}
	return out
}

func find(name string) (*promise, error) {
	if name == "" {
		return nil, nil
	}
	for _, p := range promises() {
		if p.name == name {
			return &p, nil
		}
	}
	return nil, fmt.Errorf("no promise is called %q: choose one of %s", name, strings.Join(Names(), ", "))
}

// promises in the order in which they are checked: those that look first, those
// that change something (a ruling, a backup) last.
func promises() []promise {
	return []promise{
		{"kept", "what a phone calls received is at the centre, and what it calls stored survives a kill", checkKept,
			beforeCheck, "a received record is emptied at the centre behind its back", breakKept},
		{"same-everywhere", "the same changes in another order, by other paths, give the same records", checkSame,
			beforeCheck, "a result is altered in the centre's records", breakSame},
		{"nothing-silent", "every change ended in an outcome: head = outcomes + named gaps", checkLedger,
			beforeCheck, "the centre claims changes that its ledger does not know", breakLedger},
		{"gaps-seen", "what a carrier loses is named", checkGaps,
			beforeGapLook, "the gap is papered over in the centre's index", breakGaps},
		{"tampering-seen", "an altered byte is noticed and the rest of the file still lands; every stored chain verifies", checkTampering,
			never, "the altered entry is exchanged for the true one, so that nothing is there to notice", nil},
		{"own-scope", "nobody reads outside their units", checkScope,
			beforeDay, "a village phone gets a credential for the whole province", breakScope},
		{"never-stranded", "all work has arrived, whatever its path; a revoked phone's later work is held, not lost", checkStranded,
			never, "one phone is kept from the market in the evening", nil},
		{"erased-gone", "an erased record's personal data are gone and stay gone when old copies come back", checkErased,
			never, "the record's old history is put back after the erasure", nil},
		{"restorable", "a backup restores, and holds every head", checkRestorable,
			never, "one byte of the backup file is changed", nil},
	}
}

// checkKept compares what phones believe with what the centre holds.
func checkKept(ctx context.Context, s *stage, d *day) (string, error) {
	received := 0
	for _, p := range s.phones {
		for _, id := range p.made {
			c, err := p.dev.Custody(ctx, id)
			if err != nil {
				return "", err
			}
			if c.Stage != clientlib.StageAtCentre && c.Stage != clientlib.StageSafe {
				continue
			}
			received++
			if ok, err := s.centreHas(ctx, id); err != nil || !ok {
				return "", errors.Join(err, brokenf("%s believes record %s to be at the centre, which does not have it", p.name, id))
			}
		}
	}
	for _, id := range d.acked {
		if _, err := s.cast.killed.dev.Get(ctx, id); err != nil {
			return "", brokenf("%s was told that record %s is stored, and has lost it", s.cast.killed.name, id)
		}
	}
	return fmt.Sprintf("%d records called received are there; %d acknowledged before the kill are on the phone", received, len(d.acked)), nil
}

func (s *stage) centreHas(ctx context.Context, id uuid.UUID) (ok bool, err error) {
	err = s.centre.node.Store().View(ctx, func(r store.Reader) error {
		rec, found, err := r.Record(id)
		ok = found && rec.Exists
		return err
	})
	return ok, err
}

// digest hashes all activities as they are shown, without what depends on the
// path: times of arrival.
func digest(ctx context.Context, st store.Store) (sum string, n int, err error) {
	h := sha256.New()
	err = st.View(ctx, func(r store.Reader) error {
		q := store.RecordQuery{Collection: syncproto.CollectionActivity}
		return r.EachRecord(q, func(rec store.Record) error {
			n++
			_, err := fmt.Fprintln(h, rec.ID, rec.Unit, rec.Kind, rec.Team, rec.Occurred, rec.Result, rec.Author, rec.Origin,
				rec.StampMS, rec.Exists, rec.Void, rec.Conflict, rec.Erased, rec.Changes)
			return err
		})
	})
	return hex.EncodeToString(h.Sum(nil)[:8]), n, err
}

// ownLog gives what a point wrote itself as a file: the phones that it took in
// count by its word.
func ownLog(ctx context.Context, p *site) ([]byte, error) {
	var entries []syncproto.Entry
	err := p.node.Store().View(ctx, func(r store.Reader) error {
		o, _, err := r.Origin(p.node.Origin())
		if err != nil {
			return err
		}
		c := syncproto.OriginCredential{Origin: o.ID, Credentials: o.Credentials}
		entries = append(entries, syncproto.Entry{Kind: syncproto.EntryCredential, Data: syncproto.EncodeCredentialEntry(c)})
		list, err := r.Segments(store.SegmentQuery{Origin: o.ID})
		for _, s := range list {
			entries = append(entries, syncproto.Entry{Kind: syncproto.EntrySegment, Data: s.Data})
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return syncproto.EncodeBundle(entries)
}

// checkSame restores the morning's backup as a second centre and gives it all
// phones' and points' work as files, in another order, every file twice.
func checkSame(ctx context.Context, s *stage, d *day) (string, error) {
	second, err := s.restored(ctx, "second", d.backup)
	if err != nil {
		return "", err
	}
	defer func() { _ = second.Close() }() // a copy that is thrown away
	var files [][]byte
	for _, p := range s.phones {
		var b strings.Builder
		if err := p.dev.ExportBundle(ctx, &b, everything); err != nil {
			return "", err
		}
		files = append(files, []byte(b.String()), []byte(b.String()))
	}
	for _, p := range s.points {
		f, err := ownLog(ctx, p)
		if err != nil {
			return "", err
		}
		files = append(files, f, f)
	}
	s.rng.Shuffle(len(files), func(i, j int) { files[i], files[j] = files[j], files[i] })
	for _, f := range files {
		if _, err := server.BundleImport.Do(ctx, second, server.Bundle{Data: f}); err != nil {
			return "", err
		}
	}
	want, n, err := digest(ctx, s.centre.node.Store())
	if err != nil {
		return "", err
	}
	got, m, err := digest(ctx, second.Store())
	if err != nil {
		return "", err
	}
	if got != want || n != m {
		return "", brokenf("the centre has %d activities (%s), a second one built in another order %d (%s)", n, want, m, got)
	}
	if shown, conflict, err := s.contested(ctx, d); err != nil || shown != d.shown || !conflict {
		return "", errors.Join(err, brokenf("the contested record shows %q, conflict %v; the plausible clock wrote %q", shown, conflict, d.shown))
	}
	return fmt.Sprintf("%d activities, digest %s in both; the contested record shows the plausible clock's value and keeps the other", n, want), nil
}

func (s *stage) contested(ctx context.Context, d *day) (shown string, conflict bool, err error) {
	err = s.centre.node.Store().View(ctx, func(r store.Reader) error {
		rec, _, err := r.Record(d.contested)
		shown, conflict = rec.Result, rec.Conflict
		return err
	})
	return shown, conflict, err
}

// restored opens a backup in a folder of its own.
func (s *stage) restored(ctx context.Context, name, file string) (*server.Node, error) {
	cfg := s.centre.cfg
	cfg.BackupKeys = s.centre.cfg.BackupKeyFolder()
	cfg.Data, cfg.BackupFolder = filepath.Join(s.dir, name), ""
	opts := s.reports.options(s.log, s.centre.cable)
	if err := server.Restore(ctx, cfg, opts, file); err != nil {
		return nil, err
	}
	return server.Open(ctx, cfg, opts)
}

// ledger is the sum over one branch.
type ledger struct {
	head, outcomes, gaps uint64
}

// ledgers adds up every branch of every origin at the centre.
func (s *stage) ledgers(ctx context.Context) (map[string]ledger, error) {
	out := map[string]ledger{}
	err := s.centre.node.Store().View(ctx, func(r store.Reader) error {
		ends := map[string]uint64{}
		err := r.EachRun(func(run store.Run) error {
			key := fmt.Sprint(run.Origin, "/", run.Branch)
			l, seen := out[key]
			if !seen {
				ends[key] = run.After
			}
			l.gaps += run.First - 1 - ends[key]
			ends[key] = run.Last.Seq
			l.head = run.Last.Seq - run.After
			out[key] = l
			return nil
		})
		if err != nil {
			return err
		}
		counts, err := r.OutcomeCounts(nil)
		for _, c := range counts {
			key := fmt.Sprint(c.Origin, "/", c.Branch)
			l := out[key]
			l.outcomes += c.Changes
			out[key] = l
		}
		return err
	})
	return out, err
}

func checkLedger(ctx context.Context, s *stage, _ *day) (string, error) {
	all, err := s.ledgers(ctx)
	if err != nil {
		return "", err
	}
	changes := uint64(0)
	for key, l := range all {
		changes += l.outcomes
		if l.head != l.outcomes+l.gaps {
			return "", brokenf("origin %s: head %d, outcomes %d, gaps %d", key, l.head, l.outcomes, l.gaps)
		}
	}
	return fmt.Sprintf("%d changes of %d branches: every sum is exact", changes, len(all)), nil
}

// namesGap tells whether the centre names the changes that the carrier lost.
func (s *stage) namesGap(ctx context.Context, d *day) (seen bool, err error) {
	err = s.centre.node.Store().View(ctx, func(r store.Reader) error {
		runs, err := r.Runs(s.cast.late.dev.Origin())
		seen = len(runs) > 0 && runs[0].First == d.lostRun[1]+1
		return err
	})
	return seen, err
}

func checkGaps(ctx context.Context, s *stage, d *day) (string, error) {
	if !d.gapSeen {
		return "", brokenf("changes %d-%d of %s were lost on the way and the centre did not miss them", d.lostRun[0], d.lostRun[1], s.cast.late.name)
	}
	st, err := s.cast.late.dev.Status(ctx)
	if err != nil {
		return "", err
	}
	if len(st.Gaps) > 0 {
		return "", brokenf("%s still knows of a gap in the evening", s.cast.late.name)
	}
	return fmt.Sprintf("changes %d-%d were named as missing at noon, and are there in the evening", d.lostRun[0], d.lostRun[1]), nil
}

func checkTampering(ctx context.Context, s *stage, d *day) (string, error) {
	if len(d.tampered.Skipped) != 1 {
		return "", brokenf("one byte of a carried file was altered and %d entries were refused", len(d.tampered.Skipped))
	}
	if d.tampered.Segments == 0 {
		return "", brokenf("the whole file was lost with its one altered entry")
	}
	for _, st := range append([]*site{s.centre}, s.points...) {
		v, err := st.node.Verify(ctx)
		if err != nil {
			return "", err
		}
		if len(v.Damage) > 0 {
			return "", brokenf("%s: %s", st.name, v.Damage[0])
		}
	}
	return fmt.Sprintf("refused as %s, %d other segments taken; all chains of centre and points verify", d.tampered.Skipped[0].Code, d.tampered.Segments), nil
}

func checkStranded(ctx context.Context, s *stage, _ *day) (string, error) {
	total := 0
	for _, p := range s.phones {
		st, err := p.dev.Status(ctx)
		if err != nil {
			return "", err
		}
		total += st.Changes
		if st.Waiting > 0 {
			return "", brokenf("%s still has %d changes that the centre has not received", p.name, st.Waiting)
		}
	}
	revoked, err := s.revokeOne(ctx)
	return fmt.Sprintf("%d changes of %d phones: none waits; %s", total, len(s.phones), revoked), err
}
