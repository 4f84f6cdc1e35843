package feed_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/google/uuid"

	"thonsync/server/feed"
	"thonsync/server/store"
	"thonsync/server/store/sqlitestore"
	"thonsync/syncproto"
)

var (
	key   = ed25519.NewKeyFromSeed(bytes.Repeat([]byte{3}, 32))
	pub   = key.Public().(ed25519.PublicKey)
	epoch = uuid.UUID{7}
)

func open(t *testing.T) *sqlitestore.Store {
	t.Helper()
	s, err := sqlitestore.Open(context.Background(), filepath.Join(t.TempDir(), "a.db"), sqlitestore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func update(t *testing.T, s *sqlitestore.Store, f func(tx store.Tx) error) {
	t.Helper()
	if err := s.Update(context.Background(), f); err != nil {
		t.Fatal(err)
	}
}

// change gives an item whose text hardly compresses.
func change(n, size int) *syncproto.FeedChange {
	text := make([]byte, size)
	x := uint32(n*2654435761 + 1)
	for i := range text {
		x = x*1664525 + 1013904223
		text[i] = byte('!' + x>>24%90)
	}
	return &syncproto.FeedChange{
		Origin: uuid.UUID{1}, Seq: uint64(n + 1), Open: [16]byte{byte(n)}, Record: uuid.UUID{2, byte(n)},
		Header:      syncproto.Header{Schema: 1, Collection: syncproto.CollectionGuide, Op: syncproto.OpCreate, StampMS: int64(n)},
		Operational: syncproto.NewRow(syncproto.Field{Num: 5, Value: syncproto.TextValue(string(text))}),
	}
}

func fill(t *testing.T, s *sqlitestore.Store, from, to, size int) {
	t.Helper()
	update(t, s, func(tx store.Tx) error {
		for n := from; n < to; n++ {
			entry := feed.ChangeEntry(change(n, size))
			if n%10 == 9 {
				r := &syncproto.Ruling{Number: uint64(n), Kind: syncproto.RulingErase, Record: uuid.UUID{byte(n)}}
				r.Sign(key)
				entry = feed.RulingEntry(r)
			}
			if err := feed.Append(tx, "common", epoch, entry); err != nil {
				return err
			}
		}
		return feed.Cut(tx, "common", epoch, key, 0)
	})
}

func pages(t *testing.T, s *sqlitestore.Store, after syncproto.Checkpoint, bytes int) feed.Slice {
	t.Helper()
	after.Feed = "common"
	var out feed.Slice
	err := s.View(context.Background(), func(r store.Reader) (err error) {
		out, err = feed.Pages(r, after, func(n int) bool { bytes -= n; return bytes >= 0 })
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

const plenty = 1 << 30

func TestPagesHoldAllEntriesInOrder(t *testing.T) {
	s := open(t)
	if got := pages(t, s, syncproto.Checkpoint{}, plenty); len(got.Pages) != 0 || got.More || got.Reset {
		t.Errorf("empty feed: %+v", got)
	}
	fill(t, s, 0, 450, 20)
	fill(t, s, 450, 480, 2000) // these need smaller pages
	got := pages(t, s, syncproto.Checkpoint{}, plenty)
	next, prev := 0, syncproto.Hash{}
	for i, data := range got.Pages {
		if len(data) > feed.PageBytes {
			t.Errorf("page %d has %d bytes", i, len(data))
		}
		p, err := syncproto.CentreOf(pub).DecodePage(data)
		if err != nil {
			t.Fatal(err)
		}
		if p.From != uint64(next) || p.Prev != prev || p.Epoch != epoch || len(p.Items) > feed.PageItems {
			t.Errorf("page %d: from %d, %d items", i, p.From, len(p.Items))
		}
		for _, it := range p.Items {
			if n := next; n%10 == 9 {
				if it.Ruling == nil || it.Ruling.Number != uint64(n) || it.Ruling.Verify(pub) != nil {
					t.Fatalf("entry %d: %+v", n, it)
				}
			} else if want := change(n, 20); n < 450 && fmt.Sprint(*it.Change) != fmt.Sprint(*want) {
				t.Fatalf("entry %d: %+v, want %+v", n, *it.Change, *want)
			}
			next++
		}
		prev = p.Hash()
	}
	if next != 480 {
		t.Errorf("%d entries, want 480", next)
	}
}

func TestPagesNeverChange(t *testing.T) {
	s := open(t)
	fill(t, s, 0, 30, 20)
	before := pages(t, s, syncproto.Checkpoint{}, plenty).Pages
	fill(t, s, 30, 60, 20)
	after := pages(t, s, syncproto.Checkpoint{}, plenty).Pages
	if len(after) <= len(before) {
		t.Fatalf("%d pages, then %d", len(before), len(after))
	}
	for i := range before {
		if !bytes.Equal(before[i], after[i]) {
			t.Errorf("page %d changed", i)
		}
	}
}

func TestCheckpoints(t *testing.T) {
	s := open(t)
	for i := range 4 {
		fill(t, s, i*10, i*10+10, 20)
	}
	all := pages(t, s, syncproto.Checkpoint{}, plenty).Pages
	at, err := syncproto.PageAfter(all[1])
	if err != nil {
		t.Fatal(err)
	}
	if got := pages(t, s, at, plenty); len(got.Pages) != len(all)-2 || got.Reset {
		t.Errorf("after the second page: %d pages, reset %v", len(got.Pages), got.Reset)
	}
	if got := pages(t, s, syncproto.Checkpoint{}, len(all[0])+len(all[1])); len(got.Pages) != 2 || !got.More {
		t.Errorf("within a budget: %d pages, more %v", len(got.Pages), got.More)
	}
	end, err := syncproto.PageAfter(all[len(all)-1])
	if err != nil {
		t.Fatal(err)
	}
	if got := pages(t, s, end, plenty); len(got.Pages) != 0 || got.More || got.Reset {
		t.Errorf("at the end: %+v", got)
	}
	for what, bad := range map[string]func(*syncproto.Checkpoint){
		"another epoch":   func(c *syncproto.Checkpoint) { c.Epoch = uuid.UUID{8} },
		"another history": func(c *syncproto.Checkpoint) { c.Page[0] ^= 1 },
		"inside a page":   func(c *syncproto.Checkpoint) { c.Position-- },
		"beyond the end":  func(c *syncproto.Checkpoint) { c.Position += 1000 },
	} {
		c := at
		bad(&c)
		if got := pages(t, s, c, plenty); !got.Reset || len(got.Pages) != len(all) {
			t.Errorf("%s: %d pages, reset %v", what, len(got.Pages), got.Reset)
		}
	}
}

func TestAcceptFollowsAFeed(t *testing.T) {
	centre, point := open(t), open(t)
	for i := range 3 {
		fill(t, centre, i*10, i*10+10, 20)
	}
	all := pages(t, centre, syncproto.Checkpoint{}, plenty).Pages
	accept := func(data []byte) (fresh bool, err error) {
		uerr := point.Update(context.Background(), func(tx store.Tx) error {
			_, fresh, err = feed.Accept(tx, data, syncproto.CentreOf(pub))
			return nil
		})
		if uerr != nil {
			t.Fatal(uerr)
		}
		return fresh, err
	}
	if _, err := accept(all[1]); syncproto.CodeOf(err) != syncproto.CodeGap {
		t.Errorf("second page first: %v", err)
	}
	for i, data := range all {
		if fresh, err := accept(data); !fresh || err != nil {
			t.Errorf("page %d: %v, %v", i, fresh, err)
		}
	}
	if fresh, err := accept(all[1]); fresh || err != nil {
		t.Errorf("a page again: %v, %v", fresh, err)
	}
	if got := pages(t, point, syncproto.Checkpoint{}, plenty).Pages; len(got) != len(all) || !bytes.Equal(got[2], all[2]) {
		t.Error("the point does not serve the pages as they are")
	}
	stranger := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{4}, 32))
	p, err := syncproto.CentreOf(pub).DecodePage(all[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Sign(stranger); err != nil {
		t.Fatal(err)
	}
	if _, err := accept(p.Encode()); syncproto.CodeOf(err) != syncproto.CodeSignature {
		t.Errorf("a page of somebody else: %v", err)
	}
}

// A feed that has gone over to a new key of the centre takes nothing from the old
// one any more: neither the next page nor a new history.
func TestAFeedNeverGoesBackToAnOlderKey(t *testing.T) {
	next := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{5}, 32))
	line, err := syncproto.FoundCentre(key, syncproto.Hash{}, 1).Succeed(next, key, syncproto.Hash{}, 2)
	if err != nil {
		t.Fatal(err)
	}
	centre, point := open(t), open(t)
	fill(t, centre, 0, 10, 20)
	succession := line.Line()[1]
	update(t, centre, func(tx store.Tx) error {
		if err := feed.Append(tx, "common", epoch, feed.SuccessionEntry(&succession)); err != nil {
			return err
		}
		return feed.Cut(tx, "common", epoch, next, 1)
	})
	all := pages(t, centre, syncproto.Checkpoint{}, plenty).Pages
	accept := func(data []byte) (fresh bool, err error) {
		update(t, point, func(tx store.Tx) error {
			_, fresh, err = feed.Accept(tx, data, line)
			return nil
		})
		return fresh, err
	}
	var last *syncproto.Page
	for i, data := range all {
		if fresh, err := accept(data); !fresh || err != nil {
			t.Fatalf("page %d: %v, %v", i, fresh, err)
		}
		if last, err = line.DecodePage(data); err != nil {
			t.Fatal(err)
		}
	}
	forge := func(change func(p *syncproto.Page)) []byte {
		p := &syncproto.Page{
			Feed: "common", Epoch: epoch, From: last.To, To: last.To + 1, Prev: last.Hash(), Items: []syncproto.FeedItem{{Change: change1}},
		}
		change(p)
		if err := p.Sign(key); err != nil {
			t.Fatal(err)
		}
		return p.Encode()
	}
	for name, data := range map[string][]byte{
		"the next page": forge(func(*syncproto.Page) {}),
		"a new history": forge(func(p *syncproto.Page) { p.Epoch, p.From, p.To, p.Prev = uuid.UUID{8}, 0, 1, syncproto.Hash{} }),
	} {
		if _, err := accept(data); syncproto.CodeOf(err) != syncproto.CodeOldKey {
			t.Errorf("%s under the old key: %v", name, err)
		}
	}
	if fresh, err := accept(all[0]); fresh || err != nil {
		t.Errorf("an old page again: %v, %v", fresh, err)
	}
	err = centre.Update(context.Background(), func(tx store.Tx) error {
		if err := feed.Append(tx, "common", epoch, feed.ChangeEntry(change1)); err != nil {
			return err
		}
		return feed.Cut(tx, "common", epoch, key, 0)
	})
	if syncproto.CodeOf(err) != syncproto.CodeForeignKey {
		t.Errorf("the centre signs with its old key: %v", err)
	}
}

var change1 = change(900, 20)
