package clientlib

import (
	"context"
	"io"

	"thonsync/clientlib/changelog"
	"thonsync/syncproto"
)

// BundleReport is what ImportBundle found.
type BundleReport struct {
	Receipts int // verified and new, own and colleagues'
	Pages    int
	Segments int // of colleagues, shown here
	Cargo    int // segments taken aboard to be delivered
	Damaged  int // places at which the file is damaged; the rest was taken
	Cut      bool
	Skipped  int      // entries that were left out
	Problems []string // English, one per skipped entry, without personal data
	// NewOrigin says that the file shows another copy of this device, so that a
	// new origin began.
	NewOrigin bool
}

// ImportBundle takes what a bundle file brings, in one transaction: receipts,
// feed pages, and colleagues' segments, which are shown as far as they are
// operational and carried on sealed as they are. Everything is verified by
// itself; what does not verify is named in Problems.
func (d *Device) ImportBundle(ctx context.Context, r io.Reader) (BundleReport, error) {
	var report BundleReport
	b, err := io.ReadAll(io.LimitReader(r, syncproto.MaxBundleBytes+1))
	if err != nil {
		return report, syncproto.Wrap(syncproto.CodeInternal, err, "the bundle could not be read: check the stick or folder and import again")
	}
	entries, damage, err := syncproto.DecodeBundle(b)
	if err != nil {
		return report, err
	}
	var in *intake
	err = d.update(ctx, func(ctx context.Context, q changelog.Querier) error {
		l, err := readLink(ctx, q)
		if err != nil {
			return err
		}
		if l.centre == nil {
			return errNotJoined
		}
		in = d.newIntake(q, l, nil)
		if err := in.takeEntries(ctx, entries); err != nil {
			return err
		}
		return in.finish(ctx)
	})
	if settled := d.settle(ctx, in, err); err == nil {
		err = settled
	}
	if err != nil {
		return report, err
	}
	return BundleReport{Receipts: in.receipts, Pages: in.pages, Segments: in.segments, Cargo: in.cargo,
		Damaged: damage.Damaged, Cut: damage.Cut, Skipped: len(in.notes), Problems: in.notes, NewOrigin: in.renewed}, nil
}

// takeEntries applies a bundle's entries, whatever their order in the file: keys
// and credentials before what they vouch for.
func (in *intake) takeEntries(ctx context.Context, entries []syncproto.Entry) error {
	for _, kind := range []syncproto.EntryKind{
		syncproto.EntryNotice, syncproto.EntryCredential, syncproto.EntryReceipt, syncproto.EntryPage, syncproto.EntryRuling, syncproto.EntrySegment,
	} {
		for _, e := range entries {
			if e.Kind != kind {
				continue
			}
			if err := in.takeEntry(ctx, e); err != nil {
				return err
			}
		}
	}
	return nil
}

func (in *intake) takeEntry(ctx context.Context, e syncproto.Entry) error {
	switch e.Kind {
	case syncproto.EntryCredential:
		c, err := syncproto.DecodeCredentialEntry(e.Data)
		if err != nil {
			in.note("credential", err)
			return nil
		}
		return in.takeCredential(ctx, c)
	case syncproto.EntryNotice:
		return in.takeBundleNotice(ctx, e.Data)
	case syncproto.EntryReceipt:
		return in.takeReceipts(ctx, [][]byte{e.Data})
	case syncproto.EntryPage:
		return in.takePage(ctx, e.Data)
	case syncproto.EntryRuling:
		return in.takeLoneRulings(ctx, [][]byte{e.Data})
	case syncproto.EntrySegment:
		return in.takeBundleSegment(ctx, e.Data)
	}
	return nil
}

// takeBundleNotice follows the centre's keys by file. A file may be old or made
// by anybody; the centre's own word in it says which of two is newer.
func (in *intake) takeBundleNotice(ctx context.Context, b []byte) error {
	n, err := syncproto.DecodeKeyNotice(b)
	if err == nil {
		err = in.d.vouched(ctx, in.q, n, in.link.centre)
	}
	if err != nil {
		in.note("key notice", err)
		return nil
	}
	return in.d.adoptCentre(ctx, in.q, &in.link, n)
}

// takeBundleSegment shows a segment's changes and, where it is sealed and not
// this device's own, takes it aboard. One that the centre has already receipted
// is not carried again.
func (in *intake) takeBundleSegment(ctx context.Context, b []byte) error {
	s, changes, err := in.openSegment(ctx, b)
	if err != nil {
		in.note("segment", err)
		return nil
	}
	if err := in.showChanges(ctx, s, changes); err != nil {
		return err
	}
	if in.d.log.Owns(s.Origin) {
		return nil
	}
	done, err := in.receipted(ctx, s)
	if err != nil || done {
		return err
	}
	return in.takeCargo(ctx, s, b)
}

// receipted reports whether a stored receipt of the centre ends where the
// segment ends and covers all of it.
func (in *intake) receipted(ctx context.Context, s *syncproto.Segment) (bool, error) {
	centre := in.link.centreOrigin()
	rows, err := in.q.QueryContext(ctx, `SELECT bytes FROM receipt WHERE origin = $1 AND issuer = $2 AND first <= $3 AND last = $4`,
		s.Origin[:], centre[:], int64(s.First()), int64(s.Last()))
	if err != nil {
		return false, err
	}
	defer rows.Close()
	for rows.Next() {
		var b []byte
		if err := rows.Scan(&b); err != nil {
			return false, err
		}
		r, err := syncproto.DecodeReceipt(b)
		if err == nil && r.Mark >= syncproto.MarkReceived && r.Open == s.After.Open && r.Closed == s.After.Closed && coversAll(r, s) {
			return true, nil
		}
	}
	return false, rows.Err()
}
