package ingest

import (
	"thonsync/server/feed"
	"thonsync/syncproto"
)

// acceptPage takes a page of the centre over at a point: it keeps the page as
// it is and applies what it says. The centre vouches for it, so nothing is
// judged again.
func (ses *session) acceptPage(data []byte) error {
	if ses.s.atCentre() {
		return syncproto.Errorf(syncproto.CodeInvalidInput, "the centre cuts its own pages and takes none")
	}
	page, fresh, err := feed.Accept(ses.tx, data, ses.s.cfg.Centre)
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

// acceptRuling applies a ruling that came in a page, once.
func (ses *session) acceptRuling(r *syncproto.Ruling) error {
	if err := r.Verify(ses.s.cfg.Centre); err != nil {
		return err
	}
	_, known, err := ses.tx.Ruling(r.Number)
	if err != nil || known {
		return err
	}
	return ses.applyRuling(r)
}
