package ingest

import (
	"bytes"
	"context"

	"thonsync/server/feed"
	"thonsync/server/store"
	"thonsync/syncproto"
)

// acceptPage takes a page of the centre over at a point: it keeps the page as
// it is and applies what it says. The centre vouches for it, so nothing is
// judged again.
func (ses *session) acceptPage(data []byte) error {
	if ses.s.atCentre() {
		return syncproto.Errorf(syncproto.CodeInvalidInput, "the centre cuts its own pages and takes none")
	}
	page, fresh, err := feed.Accept(ses.tx, data, ses.s.cfg.Trust.Centre())
	if err != nil || !fresh {
		return err
	}
	for _, item := range page.Items {
		if item.Ruling != nil {
			if err := ses.acceptRuling(item.Ruling); err != nil {
				return err
			}
			continue
		}
		if item.Succession != nil {
			if err := ses.acceptSuccession(item.Succession); err != nil {
				return err
			}
			continue
		}
		c := item.Change
		e := Entry{
			Change: syncproto.Change{Origin: c.Origin, Seq: c.Seq, Header: c.Header, Operational: c.Operational},
			Open:   c.Open, Acts: true, page: true, LatestMS: ses.nowMS,
		}
		if err := ses.update(c.Record, []Entry{e}, false); err != nil {
			return err
		}
	}
	return nil
}

// acceptRulingData takes a ruling over that came outside a page.
func (ses *session) acceptRulingData(data []byte) error {
	r, err := syncproto.DecodeRuling(data)
	if err != nil {
		return err
	}
	if ses.s.atCentre() {
		return syncproto.Errorf(syncproto.CodeInvalidInput, "the centre makes its own rulings and takes none")
	}
	if err := ses.s.cfg.Trust.Centre().VerifyLoneRuling(r); err != nil {
		return err
	}
	return ses.acceptRuling(r)
}

// acceptSuccession follows the centre to its next key. The line proves itself, so
// it stays even if this transaction does not.
func (ses *session) acceptSuccession(s *syncproto.Succession) error {
	trust := ses.s.cfg.Trust
	longer, err := trust.Centre().Extend(s)
	switch {
	case err != nil || longer == trust.Centre():
		return err
	case longer.Overrules(trust.Centre()) > 0:
		return syncproto.Errorf(syncproto.CodeGap, "the recovery key has overruled a key that was followed here: the key notice comes first")
	}
	trust.Follow(longer)
	return nil
}

// ReadAnew has a point take all feeds from the beginning, in pages under that key
// of the centre or a later one.
func (s *Service) ReadAnew(ctx context.Context, key uint64) error {
	return s.Do(ctx, func(tx store.Tx) error {
		heads, err := tx.Feeds()
		if err != nil {
			return err
		}
		for _, h := range heads {
			if err := tx.DropFeed(h.Feed); err != nil {
				return err
			}
			if err := tx.PutFeedHead(store.FeedHead{Feed: h.Feed, Key: key}); err != nil {
				return err
			}
		}
		return nil
	})
}

// acceptRuling applies a ruling of the centre at a point, once.
func (ses *session) acceptRuling(r *syncproto.Ruling) error {
	if err := ses.s.cfg.Trust.Centre().VerifyRuling(r); err != nil {
		return err
	}
	// A centre that was restored may have given a number anew.
	have, known, err := ses.tx.Ruling(r.Number)
	if err != nil || known && bytes.Equal(have.Data, r.Encode()) {
		return err
	}
	return ses.applyRuling(r)
}
