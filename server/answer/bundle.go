package answer

import (
	"context"
	"slices"

	"thonsync/server/ingest"
	"thonsync/server/store"
	"thonsync/syncproto"
	"thonsync/syncproto/credential"
)

// AskFor gives the ask of an origin that has not sent one: from the beginning.
func AskFor(id syncproto.OriginID) *syncproto.Ask { return &syncproto.Ask{Origin: id} }

// Bundle gives the entries of a file that answers an ask: what an exchange
// would have answered, all rounds together, and the key notice. The ask is not
// signed, so its origin must be known here; what it may have follows from the
// credential that is stored, as for an exchange.
func (s *Service) Bundle(ctx context.Context, ask *syncproto.Ask) ([]syncproto.Entry, error) {
	a, err := s.askerOf(ctx, ask.Origin)
	if err != nil {
		return nil, err
	}
	p, err := s.present()
	if err != nil {
		return nil, err
	}
	entries := []syncproto.Entry{{Kind: syncproto.EntryNotice, Data: p.notice}}
	if a.later != nil {
		c := syncproto.OriginCredential{Origin: a.Device, Credentials: a.later}
		entries, a.later = append(entries, syncproto.Entry{Kind: syncproto.EntryCredential, Data: syncproto.EncodeCredentialEntry(c)}), nil
	}
	size := 0
	next := *ask
	for {
		ans, err := s.collect(ctx, a, &next, syncproto.MaxMessageBytes, ingest.Result{})
		if err != nil {
			return nil, err
		}
		part := entriesOf(ans)
		for _, e := range part {
			size += len(e.Data) + entryFrame
		}
		if size > syncproto.MaxBundleBytes-maxTail {
			return nil, syncproto.Errorf(syncproto.CodeTooLarge, "the answer for origin %s does not fit one bundle: let it exchange over a line once", ask.Origin)
		}
		entries = append(entries, part...)
		if !ans.More || len(part) == 0 {
			return entries, nil
		}
		if next, err = step(next, ans); err != nil {
			return nil, err
		}
	}
}

const (
	entryFrame = 16      // bytes around one entry, at most
	maxTail    = 1 << 16 // room for the notice and the end
)

// askerOf builds the asker from what is stored of an origin.
func (s *Service) askerOf(ctx context.Context, id syncproto.OriginID) (*asker, error) {
	var o store.Origin
	var ok bool
	err := s.cfg.Store.View(ctx, func(r store.Reader) (err error) {
		o, ok, err = r.Origin(id)
		return err
	})
	if err != nil {
		return nil, err
	}
	if !ok || len(o.Credentials) == 0 {
		return nil, syncproto.Errorf(syncproto.CodeUnknownPeer, "origin %s is not known here: import a bundle of it first", id)
	}
	defs := s.cfg.Ingest.Definitions()
	g, err := credential.VerifyDevice(o.Credentials, s.cfg.Trust.Centre(), defs.Within)
	if err != nil {
		return nil, err
	}
	a := &asker{Grant: g, defs: defs, chain: o.Credentials}
	if err := s.load(ctx, a); err != nil {
		return nil, err
	}
	if g.Role == credential.RolePoint {
		a.later = o.Credentials // a file cannot tell what its asker has
	}
	return a, nil
}

func entriesOf(a *syncproto.Answer) []syncproto.Entry {
	var out []syncproto.Entry
	for _, r := range a.Receipts {
		out = append(out, syncproto.Entry{Kind: syncproto.EntryReceipt, Data: r})
	}
	for _, p := range a.Pages {
		out = append(out, syncproto.Entry{Kind: syncproto.EntryPage, Data: p})
	}
	for _, r := range a.Rulings {
		out = append(out, syncproto.Entry{Kind: syncproto.EntryRuling, Data: r})
	}
	for _, c := range a.Credentials {
		out = append(out, syncproto.Entry{Kind: syncproto.EntryCredential, Data: syncproto.EncodeCredentialEntry(c)})
	}
	for _, s := range a.Segments {
		out = append(out, syncproto.Entry{Kind: syncproto.EntrySegment, Data: s})
	}
	return out
}

// step moves an ask past what an answer held, as its asker would.
func step(ask syncproto.Ask, a *syncproto.Answer) (syncproto.Ask, error) {
	out := syncproto.Ask{Origin: ask.Origin}
	at := make(map[string]syncproto.Checkpoint)
	for _, c := range append(append([]syncproto.Checkpoint(nil), ask.Checkpoints...), a.Checkpoints...) {
		at[c.Feed] = c
	}
	for _, p := range a.Pages {
		c, err := syncproto.PageAfter(p)
		if err != nil {
			return out, err
		}
		at[c.Feed] = c
	}
	for _, c := range at {
		out.Checkpoints = append(out.Checkpoints, c)
	}
	out.Heads = append(out.Heads, ask.Heads...)
	for _, b := range a.Segments {
		seg, err := syncproto.ParseSegment(b)
		if err != nil {
			return out, err
		}
		now := syncproto.OriginHeads{Origin: seg.Origin, Heads: seg.After}
		before := syncproto.OriginHeads{Origin: seg.Origin, Heads: seg.Before}
		if i := slices.Index(out.Heads, before); i >= 0 {
			out.Heads[i] = now
		} else {
			out.Heads = append(out.Heads, now)
		}
	}
	return out, nil
}
