package syncproto

import (
	"crypto/ed25519"
	"testing"

	"thonsync/syncproto/squeeze"
)

// vecPages is a feed of two pages.
func vecPages(t testing.TB, key ed25519.PrivateKey) []*Page {
	t.Helper()
	var items []FeedItem
	heads := Genesis(OriginOf(public(vecKey(0))))
	for _, c := range vecChanges(OriginOf(public(vecKey(0)))) {
		f := changeForm(c, &heads, &Salt{}, Hash{})
		items = append(items, FeedItem{Change: &FeedChange{c.Origin, c.Seq, heads.Open.Prefix(), f.Record, c.Header, c.Operational}})
	}
	ruling := vecRulings()[2]
	ruling.Sign(key)
	first := &Page{Feed: "gso-2025-07:00994", Epoch: vecEpoch, From: 0, To: 3, Items: append(items[:2:2], FeedItem{Ruling: ruling})}
	must(t, first.Sign(key))
	second := &Page{Feed: first.Feed, Epoch: vecEpoch, From: 3, To: 6, Prev: first.Hash(), Items: items[2:]}
	must(t, second.Sign(key))
	line := vecLine(t).Line()
	third := &Page{Feed: first.Feed, Epoch: vecEpoch, From: 6, To: 7, Prev: second.Hash(), Items: []FeedItem{{Succession: &line[2]}}}
	must(t, third.Sign(key))
	return []*Page{first, second, third}
}

func pageForm(t testing.TB, name string, p *Page, key ed25519.PrivateKey) vecPage {
	hash := p.Hash()
	v := vecPage{Name: name, Key: octets(public(key)), Bytes: p.Encode(), Feed: p.Feed, Epoch: p.Epoch, From: p.From, To: p.To,
		Prev: append(octets{}, p.Prev[:]...), Hash: hash[:]}
	_, content, err := readPage(p.Encode())
	must(t, err)
	cols, err := squeeze.Decompress(content, squeezeLimits())
	must(t, err)
	v.Columns = columnsForm(cols)
	for _, it := range p.Items {
		if it.Ruling != nil {
			v.Items = append(v.Items, vecItem{Ruling: it.Ruling.Encode()})
			continue
		}
		if it.Succession != nil {
			v.Items = append(v.Items, vecItem{Succession: it.Succession.Encode()})
			continue
		}
		c := it.Change
		v.Items = append(v.Items, vecItem{Change: &vecRef{c.Origin, c.Seq, append(octets{}, c.Open[:]...)}, Record: &c.Record,
			Header: rowForm(c.Header.Row()), Operational: rowForm(c.Operational)})
	}
	return v
}

func makePages(t *testing.T) any {
	key := vecKey(70)
	pages := vecPages(t, key)
	b := pages[0].Encode()
	bad := func(name string, b []byte, code Code) vecPage {
		return vecPage{Name: name, Key: octets(public(key)), Bytes: b, Error: code}
	}
	return []vecPage{
		pageForm(t, "first page", pages[0], key), pageForm(t, "second page", pages[1], key), pageForm(t, "a page that tells a succession", pages[2], key),
		bad("signature changed", flipped(b, 3), CodeSignature), bad("feed changed", flipped(b, 8*66), CodeSignature),
		bad("content changed", flipped(b, 8*(len(b)-3)), CodeSignature), bad("cut short", b[:len(b)-1], CodeMalformed),
		bad("octet behind the end", append(append([]byte{}, b...), 0), CodeMalformed),
		bad("number of the last entry changed", flipped(b, 8*(64+1+17+16+1)), CodeSignature),
		bad("signed by another", signedByOther(t), CodeSignature),
	}
}

func signedByOther(t testing.TB) []byte { return vecPages(t, vecKey(1))[0].Encode() }

func TestVectorsFeed(t *testing.T) {
	var before *Page
	for _, v := range readVectors[vecPage](t, "feed/pages.json") {
		t.Run(v.Name, func(t *testing.T) {
			p, err := CentreOf(ed25519.PublicKey(v.Key)).DecodePage(v.Bytes)
			wantCode(t, err, v.Error)
			if err != nil || v.Error != "" {
				return
			}
			if p.Feed != v.Feed || p.Epoch != v.Epoch || p.From != v.From || p.To != v.To || string(p.Prev[:]) != string(v.Prev) {
				t.Errorf("page is %+v, want %+v", p, v)
			}
			hash := p.Hash()
			wantBytes(t, "hash", hash[:], v.Hash)
			if before != nil && p.Prev != before.Hash() {
				t.Error("page does not follow the one before")
			}
			before = p
			_, content, err := readPage(v.Bytes)
			must(t, err)
			cols, err := squeeze.Decompress(content, squeezeLimits())
			must(t, err)
			checkColumns(t, "page", cols, v.Columns)
			checkItems(t, p.Items, v.Items)
		})
	}
}

func checkItems(t *testing.T, got []FeedItem, want []vecItem) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d items, want %d", len(got), len(want))
	}
	for i, it := range got {
		w := want[i]
		if w.Ruling != nil {
			wantBytes(t, "ruling", it.Ruling.Encode(), w.Ruling)
			continue
		}
		if w.Succession != nil {
			wantBytes(t, "succession", it.Succession.Encode(), w.Succession)
			continue
		}
		c := it.Change
		if c.Origin != w.Change.Origin || c.Seq != w.Change.Seq || string(c.Open[:]) != string(w.Change.Open) || c.Record != *w.Record {
			t.Errorf("item %d is %+v, want %+v", i, c, w)
		}
		wantBytes(t, "header", AppendRow(nil, c.Header.Row()), AppendRow(nil, formRow(t, w.Header)))
		wantBytes(t, "operational row", AppendRow(nil, c.Operational), AppendRow(nil, formRow(t, w.Operational)))
	}
}
