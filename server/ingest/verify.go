package ingest

import (
	"cmp"
	"context"
	"crypto/ed25519"
	"slices"

	"github.com/google/uuid"

	"thonsync/server/store"
	"thonsync/syncproto"
)

// BadSegment is stored content that does not verify.
type BadSegment struct {
	Segment     int64 // its number, 0 where a run or record is damaged
	Origin      syncproto.OriginID
	First, Last uint64
	Err         error
}

// Report is what VerifyChains found.
type Report struct {
	Segments, Changes int // verified
	Personals         int // personal rows that match their commitments
	Bad               []BadSegment
}

// VerifyChains proves what is stored: every segment's signature, both its
// chains, that every run is covered from its beginning to its head without a
// break, that its records hold the same changes, and that personal rows match
// their commitments. It reads everything and writes nothing.
func (s *Service) VerifyChains(ctx context.Context) (Report, error) {
	v := &verifier{s: s}
	ids, err := v.origins(ctx)
	if err != nil {
		return v.report, err
	}
	for _, o := range ids {
		if err := v.origin(ctx, &o); err != nil {
			return v.report, err
		}
	}
	return v.report, nil
}

type verifier struct {
	s      *Service
	report Report
}

func (v *verifier) origins(ctx context.Context) (list []store.Origin, err error) {
	err = v.s.cfg.Store.View(ctx, func(r store.Reader) error {
		list, err = r.Origins(store.OriginQuery{})
		return err
	})
	return list, err
}

// origin verifies the segments of one origin, one view for each, so that no
// view is long.
func (v *verifier) origin(ctx context.Context, o *store.Origin) error {
	var rows []store.Segment
	var runs []store.Run
	err := v.s.cfg.Store.View(ctx, func(r store.Reader) (err error) {
		if runs, err = r.Runs(o.ID); err != nil {
			return err
		}
		rows, err = r.Segments(store.SegmentQuery{Origin: o.ID, HeadersOnly: true})
		return err
	})
	if err != nil {
		return err
	}
	var good []store.Segment
	for _, row := range rows {
		err := v.segment(ctx, &row, o.Key)
		if err == nil {
			good = append(good, row)
			continue
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		v.report.Bad = append(v.report.Bad, BadSegment{row.ID, row.Origin, row.First, row.Last, err})
	}
	t := topology{runs}
	for i := range runs {
		if err := covered(t, &runs[i], good); err != nil {
			v.report.Bad = append(v.report.Bad, BadSegment{0, o.ID, runs[i].First, runs[i].Last.Seq, err})
		}
	}
	return nil
}

// segment verifies one stored segment and the records that its changes went to.
func (v *verifier) segment(ctx context.Context, head *store.Segment, key ed25519.PublicKey) error {
	return v.s.cfg.Store.View(ctx, func(r store.Reader) error {
		row, ok, err := r.Segment(head.ID)
		if err != nil {
			return err
		}
		if !ok {
			return nil // rewritten since the list was made
		}
		u, err := unpack(row, key)
		if err != nil {
			return err
		}
		v.report.Segments++
		v.report.Changes += len(u.changes)
		if !row.Readable {
			return nil
		}
		return v.records(r, u)
	})
}

// records compares the histories of records with the segment's changes, and
// personal rows with the commitments.
func (v *verifier) records(r store.Reader, u *unpacked) error {
	files := make(map[uuid.UUID]*file)
	for i := range u.changes {
		c := &u.changes[i]
		id := recordOf(c)
		f, ok := files[id]
		if !ok {
			rec, found, err := r.Record(id)
			if err != nil {
				return err
			}
			if !found {
				return syncproto.Errorf(syncproto.CodeChain, "change %d of origin %s: its record %s is missing", c.Seq, c.Origin, id)
			}
			f = &file{rec: rec}
			if f.entries, err = DecodeHistory(rec.History); err != nil {
				return err
			}
			files[id] = f
		}
		if err := v.change(u, i, f); err != nil {
			return err
		}
	}
	return nil
}

func (v *verifier) change(u *unpacked, i int, f *file) error {
	c := &u.changes[i]
	closed := u.at[i+1].closed.Prefix()
	at := slices.IndexFunc(f.entries, func(e Entry) bool {
		return e.Change.Origin == c.Origin && e.Change.Seq == c.Seq && e.Open == c.Open.Prefix() && (e.Closed == closed || e.page)
	})
	if at < 0 {
		return syncproto.Errorf(syncproto.CodeChain, "change %d of origin %s is missing from its record", c.Seq, c.Origin)
	}
	e := &f.entries[at]
	if !sameBytes(&e.Change, &c.Change) {
		return syncproto.Errorf(syncproto.CodeChain, "change %d of origin %s differs from the copy in its record", c.Seq, c.Origin)
	}
	var salt syncproto.Salt
	copy(salt[:], u.row.Salts[i*saltBytes:])
	if e.form != personalEncrypted || salt == (syncproto.Salt{}) {
		return nil
	}
	row, err := v.s.vault.open(f.rec.ID, e)
	if err != nil {
		return err
	}
	var want syncproto.Hash
	copy(want[:], u.row.Commits[i*len(want):])
	if syncproto.Commitment(salt, syncproto.AppendRow(nil, row)) != want {
		return syncproto.Errorf(syncproto.CodeChain, "change %d of origin %s: personal row and commitment disagree", c.Seq, c.Origin)
	}
	v.report.Personals++
	return nil
}

func sameBytes(a, b *syncproto.Change) bool {
	return string(syncproto.AppendRow(nil, a.Header.Row())) == string(syncproto.AppendRow(nil, b.Header.Row())) &&
		string(syncproto.AppendRow(nil, a.Operational)) == string(syncproto.AppendRow(nil, b.Operational))
}

// covered checks that verified segments reach from a run's beginning to its
// head, each continuing where others left off.
func covered(t topology, r *store.Run, rows []store.Segment) error {
	if r.First == 1 && !r.Before.Equal(syncproto.Genesis(r.Origin)) {
		return syncproto.Errorf(syncproto.CodeChain, "origin %s does not begin with its genesis", r.Origin)
	}
	var mine []store.Segment
	for _, s := range rows {
		if s.Last < r.First || s.First > r.Last.Seq {
			continue
		}
		if t.home(s.Branch, max(s.First, r.First)) == r.Branch || t.home(s.Branch, min(s.Last, r.Last.Seq)) == r.Branch {
			mine = append(mine, s)
		}
	}
	slices.SortFunc(mine, func(a, b store.Segment) int {
		return cmp.Or(cmp.Compare(a.First, b.First), cmp.Compare(a.Last, b.Last))
	})
	next := r.First
	for _, s := range mine {
		if s.First > next {
			break
		}
		next = max(next, s.Last+1)
		if s.Last == r.Last.Seq && t.home(s.Branch, s.Last) == r.Branch && !s.After.Equal(r.Last) {
			return syncproto.Errorf(syncproto.CodeChain, "run %d-%d of origin %s: head and segment disagree", r.First, r.Last.Seq, r.Origin)
		}
	}
	if next <= r.Last.Seq {
		return syncproto.Errorf(syncproto.CodeGap, "run %d-%d of origin %s: change %d is in no sound segment", r.First, r.Last.Seq, r.Origin, next)
	}
	return nil
}
