package clientlib

import (
	"context"
	"fmt"
	"io"

	"thonsync/clientlib/changelog"
	"thonsync/syncproto"
)

// BundleOptions tell what ExportBundle writes.
type BundleOptions struct {
	// All writes every change, not only those the centre has not received.
	All bool
	// Carry adds what is carried for colleagues, and their receipts.
	Carry bool
}

// ExportBundle writes a file with everything that the centre has not received
// yet, the credentials to check it by, and how far this device has read, so that
// whoever takes the file can answer with one. It changes nothing here: repeat it
// as often as needed.
func (d *Device) ExportBundle(ctx context.Context, w io.Writer, opts BundleOptions) error {
	var entries []syncproto.Entry
	err := d.view(ctx, func(ctx context.Context, q changelog.Querier) error {
		l, err := readLink(ctx, q)
		if err != nil {
			return err
		}
		if l.centre == nil {
			return errNotJoined
		}
		x := &exporter{d: d, q: q, link: l, chains: map[syncproto.OriginID]bool{}}
		if err := x.ask(ctx); err != nil {
			return err
		}
		if err := x.own(ctx, opts.All); err != nil {
			return err
		}
		if opts.Carry && !d.sendOnly {
			if err := x.carry(ctx); err != nil {
				return err
			}
		}
		entries = x.entries
		return nil
	})
	if err != nil {
		return err
	}
	b, err := syncproto.EncodeBundle(entries)
	if err != nil {
		return err
	}
	if _, err := w.Write(b); err != nil {
		return syncproto.Wrap(syncproto.CodeInternal, err, "the bundle could not be written: check the stick or folder and export again")
	}
	return nil
}

type exporter struct {
	d       *Device
	q       changelog.Querier
	link    link
	entries []syncproto.Entry
	chains  map[syncproto.OriginID]bool
}

func (x *exporter) add(kind syncproto.EntryKind, data []byte) {
	x.entries = append(x.entries, syncproto.Entry{Kind: kind, Data: data})
}

// credentials adds the chain of an origin, once.
func (x *exporter) credentials(ctx context.Context, id syncproto.OriginID) error {
	if x.chains[id] {
		return nil
	}
	x.chains[id] = true
	chain, err := readChain(ctx, x.q, id)
	if err != nil || chain == nil {
		return err
	}
	x.add(syncproto.EntryCredential, syncproto.EncodeCredentialEntry(syncproto.OriginCredential{Origin: id, Credentials: chain}))
	return nil
}

func (x *exporter) ask(ctx context.Context) error {
	if err := x.credentials(ctx, x.link.identity); err != nil {
		return err
	}
	heads, err := x.d.log.AllHeads(ctx, x.q)
	if err != nil {
		return err
	}
	ask := syncproto.Ask{Origin: x.link.identity, Heads: heads}
	if !x.d.sendOnly {
		if ask.Checkpoints, err = readCheckpoints(ctx, x.q, x.link.unit); err != nil {
			return err
		}
		others, err := readColleagues(ctx, x.q, maxColleagueHeads)
		if err != nil {
			return err
		}
		ask.Heads = append(ask.Heads, others...)
	}
	x.add(syncproto.EntryAsk, ask.Encode())
	return nil
}

// own adds segments of this device's changes.
func (x *exporter) own(ctx context.Context, all bool) error {
	to, err := syncproto.NewSealPublic(x.link.seal)
	if err != nil {
		return err
	}
	below := syncproto.MarkReceived
	if all {
		below = syncproto.MarkSafe + 1
	}
	for _, id := range x.d.log.Origins() {
		runs, err := x.d.log.Below(ctx, x.q, id, below)
		if err != nil {
			return err
		}
		for _, r := range runs {
			for after := r.First - 1; after < r.Last; {
				s, _, err := x.d.log.CutSound(ctx, x.q, changelog.Cut{Origin: id, After: after, To: r.Last, SealTo: to})
				if err != nil {
					return err
				}
				if s == nil {
					break
				}
				if err := x.credentials(ctx, id); err != nil {
					return err
				}
				x.add(syncproto.EntrySegment, s.Encode())
				after = s.Last()
			}
		}
	}
	return nil
}

// carry adds colleagues' segments as they came, and receipts for colleagues.
func (x *exporter) carry(ctx context.Context) error {
	for _, query := range []struct {
		sql  string
		kind syncproto.EntryKind
	}{
		{`SELECT origin, bytes FROM cargo ORDER BY origin, first, id`, syncproto.EntrySegment},
		{`SELECT origin, bytes FROM receipt WHERE origin NOT IN (SELECT origin FROM log_origin) ORDER BY origin, first`, syncproto.EntryReceipt},
	} {
		items, err := x.items(ctx, query.sql)
		if err != nil {
			return err
		}
		for _, it := range items {
			if err := x.credentials(ctx, it.origin); err != nil {
				return err
			}
			x.add(query.kind, it.bytes)
		}
	}
	return nil
}

type exportItem struct {
	origin syncproto.OriginID
	bytes  []byte
}

func (x *exporter) items(ctx context.Context, query string) ([]exportItem, error) {
	rows, err := x.q.QueryContext(ctx, query)
	if err != nil {
		return nil, fmt.Errorf("reading what is carried: %w", err)
	}
	defer rows.Close()
	var out []exportItem
	for rows.Next() {
		var it exportItem
		var origin []byte
		if err := rows.Scan(&origin, &it.bytes); err != nil {
			return nil, fmt.Errorf("reading what is carried: %w", err)
		}
		copy(it.origin[:], origin)
		out = append(out, it)
	}
	return out, rows.Err()
}
