// Package feed keeps what goes down to points and phones: entries per feed, cut
// into pages that the centre signs once and that never change within an epoch.
// Points keep and serve pages as they are.
package feed

import (
	"crypto/ed25519"

	"thonsync/server/store"
	"thonsync/syncproto"
)

// Limits of a page that is cut here.
const (
	PageItems = 200
	PageBytes = 24 << 10
)

// Slice is what one answer carries of a feed.
type Slice struct {
	Pages [][]byte
	// More says that pages are left.
	More bool
	// Reset says that the asker's checkpoint is of another epoch or of a history
	// that this feed does not have: the pages start at the beginning.
	Reset bool
}

// pagesAtOnce is how many pages are read at a time.
const pagesAtOnce = 16

// Pages gives the pages after a checkpoint, oldest first, as long as take
// allows. Points and the centre answer alike.
func Pages(r store.Reader, after syncproto.Checkpoint, take func(bytes int) bool) (Slice, error) {
	var s Slice
	head, err := r.FeedHead(after.Feed)
	if err != nil || head.Cut == 0 {
		return s, err
	}
	from := after.Position
	if from > 0 {
		page, ok, err := r.PageEnding(after.Feed, from)
		if err != nil {
			return s, err
		}
		if !ok || after.Epoch != head.Epoch || page.Hash != after.Page {
			s.Reset, from = true, 0
		}
	}
	for {
		list, err := r.Pages(after.Feed, from, pagesAtOnce)
		if err != nil || len(list) == 0 {
			return s, err
		}
		for _, p := range list {
			if !take(len(p.Data)) {
				s.More = true
				return s, nil
			}
			s.Pages = append(s.Pages, p.Data)
			from = p.To
		}
	}
}

// Append adds an entry to a feed, which begins with it if it is new. The entry
// goes out with the next Cut.
func Append(tx store.Tx, name string, epoch syncproto.Epoch, data []byte) error {
	head, err := tx.FeedHead(name)
	if err != nil {
		return err
	}
	if head.Position == 0 {
		head.Epoch = epoch
	}
	head.Position++
	if err := tx.PutFeedHead(head); err != nil {
		return err
	}
	return tx.AddEntry(store.Entry{Feed: name, Position: head.Position, Data: data})
}

// Cut puts all entries of a feed that are not in pages yet into pages signed by
// the centre with its key of that number. If the epoch is another than the
// feed's, all pages are cut anew in the new one.
func Cut(tx store.Tx, name string, epoch syncproto.Epoch, key ed25519.PrivateKey, number uint64) error {
	head, err := tx.FeedHead(name)
	if err != nil {
		return err
	}
	if number < head.Key {
		return syncproto.Errorf(syncproto.CodeForeignKey, "feed %s is signed with key %d of the centre, and the keys folder ends at key %d: put the newer copy of the keys back, or name a successor with the recovery key", name, head.Key, number)
	}
	if head.Key = number; head.Epoch != epoch {
		head.Epoch, head.Cut, head.Page = epoch, 0, syncproto.Hash{}
		if err := tx.DropPages(name); err != nil {
			return err
		}
	}
	for head.Cut < head.Position {
		if err := cutOne(tx, &head, key); err != nil {
			return err
		}
	}
	return tx.PutFeedHead(head)
}

// cutOne cuts the next page.
func cutOne(tx store.Tx, head *store.FeedHead, key ed25519.PrivateKey) error {
	entries, err := tx.Entries(head.Feed, head.Cut, PageItems)
	if err != nil {
		return err
	}
	items := make([]syncproto.FeedItem, len(entries))
	for i, e := range entries {
		if items[i], err = decodeEntry(e.Data); err != nil {
			return err
		}
	}
	if len(items) == 0 {
		return syncproto.Errorf(syncproto.CodeInternal, "feed %s lacks entries after %d: verify the database", head.Feed, head.Cut)
	}
	page, err := sign(head, items, key)
	if err != nil {
		return err
	}
	data := page.Encode()
	head.Cut, head.Page = page.To, page.Hash()
	return tx.AddPage(store.Page{Feed: head.Feed, From: page.From, To: page.To, Hash: head.Page, Data: data})
}

// sign makes the largest page out of items that keeps to PageBytes.
func sign(head *store.FeedHead, items []syncproto.FeedItem, key ed25519.PrivateKey) (*syncproto.Page, error) {
	for {
		p := &syncproto.Page{Feed: head.Feed, Epoch: head.Epoch, From: head.Cut, To: head.Cut + uint64(len(items)), Prev: head.Page, Items: items}
		err := p.Sign(key)
		switch {
		case err != nil && (syncproto.CodeOf(err) != syncproto.CodeTooLarge || len(items) == 1):
			return nil, err
		case err != nil, len(p.Encode()) > PageBytes && len(items) > 1:
			items = items[:len(items)/2]
			continue
		}
		return p, nil
	}
}

// Accept takes a page over from upstream: it verifies the centre's signature
// and that the page continues the feed. The second result is false for a page
// that is here already. CodeGap means that pages before it are missing.
func Accept(tx store.Tx, data []byte, centre *syncproto.Centre) (*syncproto.Page, bool, error) {
	p, err := centre.DecodePage(data)
	if err != nil {
		return nil, false, err
	}
	head, err := tx.FeedHead(p.Feed)
	if err != nil {
		return nil, false, err
	}
	switch {
	case syncproto.EpochStart(p.Epoch) < syncproto.EpochStart(head.Epoch):
		return nil, false, syncproto.Errorf(syncproto.CodeGap, "page %d-%d of feed %s is of a history that the centre has given up", p.From, p.To, p.Feed)
	case p.KeyNumber < head.Key && !(head.Epoch == p.Epoch && p.To <= head.Cut):
		return nil, false, syncproto.Errorf(syncproto.CodeOldKey, "page %d-%d of feed %s is signed with key %d of the centre, which key %d had replaced by then", p.From, p.To, p.Feed, p.KeyNumber, head.Key)
	case head.Epoch != p.Epoch && p.From == 0:
		if err := tx.DropFeed(p.Feed); err != nil {
			return nil, false, err
		}
		head = store.FeedHead{Feed: p.Feed, Epoch: p.Epoch, Key: head.Key}
	case head.Epoch != p.Epoch:
		return nil, false, syncproto.Errorf(syncproto.CodeGap, "page %d-%d begins a new history of feed %s in the middle: ask from the beginning", p.From, p.To, p.Feed)
	case p.To <= head.Cut:
		return p, false, nil
	case p.From != head.Cut || p.Prev != head.Page:
		return nil, false, syncproto.Errorf(syncproto.CodeGap, "page %d-%d does not continue feed %s, of which %d entries are here", p.From, p.To, p.Feed, head.Cut)
	}
	if p.From == 0 && p.Prev != (syncproto.Hash{}) {
		return nil, false, syncproto.Errorf(syncproto.CodeChain, "first page of feed %s names a page before it", p.Feed)
	}
	head.Position, head.Cut, head.Page, head.Key = p.To, p.To, p.Hash(), max(head.Key, p.NextKey())
	if err := tx.PutFeedHead(head); err != nil {
		return nil, false, err
	}
	err = tx.AddPage(store.Page{Feed: p.Feed, From: p.From, To: p.To, Hash: head.Page, Data: data})
	return p, err == nil, err
}
