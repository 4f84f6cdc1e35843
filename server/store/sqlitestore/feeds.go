package sqlitestore

import (
	"thonsync/server/store"
	"thonsync/syncproto"
)

const headColumns = "feed, epoch, position, cut, page, key"

func scanHead(scan func(...any) error) (store.FeedHead, error) {
	var h store.FeedHead
	var epoch, page []byte
	err := scan(&h.Feed, &epoch, &h.Position, &h.Cut, &page, &h.Key)
	h.Epoch, h.Page = toUUID(epoch), toHash(page)
	return h, err
}

// FeedHead gives the state of a feed.
func (t *tx) FeedHead(feed string) (store.FeedHead, error) {
	found, err := list(t, "reading a feed", "SELECT "+headColumns+" FROM feeds WHERE feed=?", scanHead, feed)
	if err != nil || len(found) == 0 {
		return store.FeedHead{Feed: feed}, err
	}
	return found[0], nil
}

// Feeds lists all feeds by name.
func (t *tx) Feeds() ([]store.FeedHead, error) {
	return list(t, "listing feeds", "SELECT "+headColumns+" FROM feeds ORDER BY feed", scanHead)
}

// PutFeedHead adds or replaces the state of a feed.
func (t *tx) PutFeedHead(h store.FeedHead) error {
	_, err := t.exec("writing a feed", `INSERT INTO feeds (`+headColumns+`) VALUES (?,?,?,?,?,?) ON CONFLICT (feed) DO UPDATE
		SET epoch=excluded.epoch, position=excluded.position, cut=excluded.cut, page=excluded.page, key=excluded.key`,
		h.Feed, h.Epoch[:], int64(h.Position), int64(h.Cut), h.Page[:], int64(h.Key))
	return err
}

// Entries lists entries after a position.
func (t *tx) Entries(feed string, after uint64, n int) ([]store.Entry, error) {
	return list(t, "reading a feed", "SELECT position, data FROM entries WHERE feed=? AND position>? ORDER BY position LIMIT ?",
		func(scan func(...any) error) (store.Entry, error) {
			e := store.Entry{Feed: feed}
			return e, scan(&e.Position, &e.Data)
		}, feed, int64(after), limit(n))
}

// AddEntry appends an entry.
func (t *tx) AddEntry(e store.Entry) error {
	_, err := t.exec("writing to a feed", "INSERT INTO entries (feed, position, data) VALUES (?,?,?)", e.Feed, int64(e.Position), e.Data)
	return err
}

const pageColumns = "feed, from_entry, to_entry, hash, data"

func scanPage(scan func(...any) error) (store.Page, error) {
	var p store.Page
	var hash []byte
	err := scan(&p.Feed, &p.From, &p.To, &hash, &p.Data)
	p.Hash = toHash(hash)
	return p, err
}

// Pages lists pages that start at or after a position.
func (t *tx) Pages(feed string, from uint64, n int) ([]store.Page, error) {
	return list(t, "reading pages", "SELECT "+pageColumns+" FROM pages WHERE feed=? AND to_entry>? AND from_entry>=? ORDER BY to_entry LIMIT ?",
		scanPage, feed, int64(from), int64(from), limit(n))
}

// PageEnding finds the page that ends with an entry.
func (t *tx) PageEnding(feed string, to uint64) (store.Page, bool, error) {
	found, err := list(t, "reading a page", "SELECT "+pageColumns+" FROM pages WHERE feed=? AND to_entry=?", scanPage, feed, int64(to))
	if err != nil || len(found) == 0 {
		return store.Page{}, false, err
	}
	return found[0], true, nil
}

// AddPage appends a page.
func (t *tx) AddPage(p store.Page) error {
	_, err := t.exec("storing a page", "INSERT INTO pages ("+pageColumns+") VALUES (?,?,?,?,?)", p.Feed, int64(p.From), int64(p.To), p.Hash[:], p.Data)
	return err
}

// DropPages forgets the pages of a feed.
func (t *tx) DropPages(feed string) error {
	_, err := t.exec("forgetting pages", "DELETE FROM pages WHERE feed=?", feed)
	return err
}

// DropFeed forgets entries and pages of a feed.
func (t *tx) DropFeed(feed string) error {
	for _, q := range [...]string{"DELETE FROM pages WHERE feed=?", "DELETE FROM entries WHERE feed=?", "DELETE FROM feeds WHERE feed=?"} {
		if _, err := t.exec("forgetting a feed", q, feed); err != nil {
			return err
		}
	}
	return nil
}

const rulingColumns = "number, kind, target_origin, target_seq, target_open, record, data"

func scanRuling(scan func(...any) error) (store.Ruling, error) {
	var r store.Ruling
	var origin, open, record []byte
	err := scan(&r.Number, &r.Kind, &origin, &r.Target.Seq, &open, &record, &r.Data)
	r.Target.Origin, r.Record = toUUID(origin), toUUID(record)
	copy(r.Target.Open[:], open)
	return r, err
}

// Ruling finds one by its number.
func (t *tx) Ruling(number uint64) (store.Ruling, bool, error) {
	found, err := list(t, "reading a ruling", "SELECT "+rulingColumns+" FROM rulings WHERE number=?", scanRuling, int64(number))
	if err != nil || len(found) == 0 {
		return store.Ruling{}, false, err
	}
	return found[0], true, nil
}

// Rulings lists rulings after a number.
func (t *tx) Rulings(after uint64, n int) ([]store.Ruling, error) {
	return list(t, "reading rulings", "SELECT "+rulingColumns+" FROM rulings WHERE number>? ORDER BY number LIMIT ?", scanRuling, int64(after), limit(n))
}

// RulingsOn lists the rulings on one change.
func (t *tx) RulingsOn(origin syncproto.OriginID, seq uint64) ([]store.Ruling, error) {
	return list(t, "reading rulings", "SELECT "+rulingColumns+" FROM rulings WHERE target_origin=? AND target_seq=? ORDER BY number", scanRuling, origin[:], int64(seq))
}

// LastRuling gives the highest number, 0 for none.
func (t *tx) LastRuling() (uint64, error) {
	var n uint64
	_, err := t.one("reading rulings", "SELECT coalesce(max(number),0) FROM rulings", nil, &n)
	return n, err
}

// PutRuling adds a ruling.
func (t *tx) PutRuling(r store.Ruling) error {
	_, err := t.exec("storing a ruling", "INSERT OR REPLACE INTO rulings ("+rulingColumns+") VALUES (?,?,?,?,?,?,?)",
		int64(r.Number), int64(r.Kind), r.Target.Origin[:], int64(r.Target.Seq), r.Target.Open[:], r.Record[:], r.Data)
	return err
}
