package syncproto

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"golang.org/x/text/unicode/norm"
)

func TestTextIsNormalisedBeforeItIsHashed(t *testing.T) {
	const name = "Nguyễn Thị Hường"
	composed, decomposed := TextValue(name), TextValue(norm.NFD.String(name))
	if composed != decomposed {
		t.Error("the two spellings give different values")
	}
	if ListValue("a", norm.NFD.String(name)) != ListValue(name, "a") {
		t.Error("the two spellings give different lists")
	}
	// Whoever gets the octets must not normalise: the hash is over what came.
	raw := append([]byte{1, 1, byte(TypeText)}, appendBytes(nil, []byte(norm.NFD.String(name)))...)
	row, err := DecodeRow(raw)
	must(t, err)
	wantBytes(t, "row", AppendRow(nil, row), raw)
}

// TestNewerFieldsTravel: what a newer phone writes is hashed, verified and
// passed on by a replica that does not know it.
func TestNewerFieldsTravel(t *testing.T) {
	key := vecKey(0)
	in := vecInput(t, key, 1, 5)
	s, err := ParseSegment(encodeVec(t, in).Encode())
	must(t, err)
	changes, err := s.Verify(public(key))
	must(t, err)
	p, err := s.OpenSeal(ringOf(vecSealKey(t, 50)))
	must(t, err)
	got := changes[2]
	wantBytes(t, "newer header fields", AppendRow(nil, got.Header.Extra), AppendRow(nil, in.Changes[2].Header.Extra))
	if v := got.Operational.Value(41); v.Type() != 8 || v.JSON() != "0001" {
		t.Errorf("field of a newer type is %v", v)
	}
	wantBytes(t, "newer personal field", AppendRow(nil, p.Rows[2]), AppendRow(nil, in.Changes[2].Personal))
	if got.Open == in.Before.Open || Judge(&got.Change, "CC", knownThings{}).Reason != ReasonUnknownField {
		t.Error("the change is not judged by its unknown field")
	}
	page := &Page{Feed: CommonFeed, Epoch: vecEpoch, To: 1, Items: []FeedItem{{Change: &FeedChange{got.Origin, got.Seq, got.Open.Prefix(), got.Record, got.Header, got.Operational}}}}
	must(t, page.Sign(vecKey(70)))
	back, err := CentreOf(public(vecKey(70))).DecodePage(page.Encode())
	must(t, err)
	wantBytes(t, "header in a page", AppendRow(nil, back.Items[0].Change.Header.Row()), AppendRow(nil, got.Header.Row()))
	wantBytes(t, "row in a page", AppendRow(nil, back.Items[0].Change.Operational), AppendRow(nil, got.Operational))
}

// TestSegmentsCutAnew: a change is (origin, seq, o, p), whatever it came in.
func TestSegmentsCutAnew(t *testing.T) {
	key, ring := vecKey(0), ringOf(vecSealKey(t, 50))
	type identity struct {
		open, closed Hash
		record       uuid.UUID
	}
	seen := make(map[uint64]identity)
	for _, cut := range [][2]uint64{{1, 5}, {1, 2}, {3, 5}, {2, 4}, {1, 1}, {2, 2}, {3, 3}, {4, 4}, {5, 5}} {
		s, err := ParseSegment(encodeVec(t, vecInput(t, key, cut[0], cut[1])).Encode())
		must(t, err)
		changes, err := s.Verify(public(key))
		must(t, err)
		p, err := s.OpenSeal(ring)
		must(t, err)
		closed := s.Before.Closed
		for i, c := range changes {
			closed = ClosedHash(closed, p.Commitments[i])
			got := identity{c.Open, closed, c.Record}
			if want, ok := seen[c.Seq]; ok && got != want {
				t.Errorf("cut %v: change %d is %v, elsewhere %v", cut, c.Seq, got, want)
			}
			seen[c.Seq] = got
		}
		if closed != s.After.Closed {
			t.Errorf("cut %v ends at another p", cut)
		}
	}
	if len(seen) != 5 {
		t.Errorf("%d changes seen", len(seen))
	}
}

// TestAnyBitChangedIsNoticed flips every bit of a segment, one at a time.
func TestAnyBitChangedIsNoticed(t *testing.T) {
	key, ring := vecKey(0), ringOf(vecSealKey(t, 50))
	whole := encodeVec(t, vecInput(t, key, 1, 5))
	for _, b := range [][]byte{whole.Encode(), whole.EncodeOpen()} {
		for bit := range 8 * len(b) {
			s, err := ParseSegment(flipped(b, bit))
			if err != nil {
				continue
			}
			if _, err = s.Verify(public(key)); err != nil {
				continue
			}
			if _, err = s.OpenSeal(ring); err == nil || !s.Sealed() {
				t.Fatalf("bit %d of %d changed and not noticed", bit, 8*len(b))
			}
		}
		for n := range b {
			if s, err := ParseSegment(b[:n]); err == nil && s.VerifySignature(public(key)) == nil {
				t.Fatalf("cut at byte %d of %d and not noticed", n, len(b))
			}
		}
	}
}

func TestOpenOnlySegmentVerifies(t *testing.T) {
	key := vecKey(0)
	whole := encodeVec(t, vecInput(t, key, 1, 5))
	s, err := ParseSegment(whole.EncodeOpen())
	must(t, err)
	changes, err := s.Verify(public(key))
	must(t, err)
	if s.Sealed() || len(changes) != 5 || changes[0].Personal != nil {
		t.Errorf("sealed %v, %d changes, personal %v", s.Sealed(), len(changes), changes[0].Personal)
	}
	_, err = s.OpenSeal(ringOf(vecSealKey(t, 50)))
	wantCode(t, err, CodeUnreadable)
	wantBytes(t, "open-only segment of one that is", s.Encode(), whole.EncodeOpen())
}

// TestSaltForms: secret, single salts and bare commitments give one chain.
func TestSaltForms(t *testing.T) {
	key := vecKey(0)
	in := afterErasure(t, key)
	s := encodeVec(t, in)
	if _, err := s.Verify(public(key)); err != nil {
		t.Fatal(err)
	}
	p, err := s.OpenSeal(ringOf(vecSealKey(t, 50)))
	must(t, err)
	if !slices.Equal(p.Missing, []bool{false, true, false, false, false}) {
		t.Errorf("missing rows: %v", p.Missing)
	}
	whole := encodeVec(t, vecInput(t, key, 1, 4))
	if got := ClosedHash(ClosedHash(ClosedHash(ClosedHash(Genesis(in.Origin).Closed, p.Commitments[0]), p.Commitments[1]), p.Commitments[2]), p.Commitments[3]); got != whole.After.Closed {
		t.Error("after an erasure the closed chain is another one")
	}
	if p.Salts[0] != ExpandSalt(vecSecret, in.Origin, 1) || p.Salts[1] != (Salt{}) {
		t.Error("salts differ from what the secret expands to")
	}
}

func TestSaltsNeverRepeat(t *testing.T) {
	seen := make(map[Salt]bool)
	for n := range 40 {
		origin := OriginOf(public(vecKey(byte(n))))
		for _, secret := range []SaltSecret{{}, {1}, vecSecret} {
			for seq := range uint64(100) {
				salt := ExpandSalt(secret, origin, seq<<(n%50))
				if seq > 0 && seen[salt] {
					t.Fatalf("origin %d, seq %d: a salt repeats", n, seq)
				}
				seen[salt] = true
			}
		}
	}
	if c := Commitment(Salt{1}, []byte{0}); c == Commitment(Salt{2}, []byte{0}) {
		t.Error("the salt does not blind")
	}
}

func TestRecordIDsAreOrderedByTime(t *testing.T) {
	stamps := []int64{0, 1, 255, 256, 1_780_000_000_000, 1_780_000_000_001, 1_790_000_000_000, 1<<48 - 1}
	var last uuid.UUID
	for i, ms := range stamps {
		id := RecordID(ms, Hash{byte(255 - i)})
		if i > 0 && bytes.Compare(id[:], last[:]) <= 0 {
			t.Errorf("record of %d ms does not come after that of %d ms", ms, stamps[i-1])
		}
		if id.Version() != 8 || id.Variant() != uuid.RFC4122 {
			t.Errorf("record id %s is version %d", id, id.Version())
		}
		last = id
	}
	if RecordID(5, Hash{1}) == RecordID(5, Hash{2}) {
		t.Error("two creates of one millisecond share a record")
	}
	if RecordID(-1, Hash{1}) == RecordID(-1, Hash{2}) {
		t.Error("stamps before 1970 make records collide")
	}
}

func TestAnswerBelongsToItsRequest(t *testing.T) {
	server, asker, seal := vecKey(20), vecKey(0), vecSealKey(t, 60)
	ask := func(id byte) ([]byte, *Pending, *Opened) {
		b, p, err := EncodeRequest(&Request{ID: uuid.UUID{id}, Origin: OriginOf(public(asker))}, asker, seal.Public)
		must(t, err)
		o, err := OpenRequest(b, ringOf(seal))
		must(t, err)
		must(t, o.VerifySender(public(asker)))
		return b, p, o
	}
	_, first, o1 := ask(1)
	_, second, o2 := ask(1) // even with the same id
	answer := func(o *Opened) []byte {
		b, err := o.EncodeAnswer(&Answer{NowMS: 5}, server, bytes.NewReader(make([]byte, 32)))
		must(t, err)
		return b
	}
	a1, a2 := answer(o1), answer(o2)
	a, err := first.OpenAnswer(a1, public(server))
	must(t, err)
	if a.NowMS != 5 || a.Origin != OriginOf(public(server)) {
		t.Errorf("answer is %+v", a)
	}
	_, err = first.OpenAnswer(a2, public(server))
	wantCode(t, err, CodeReplay)
	_, err = second.OpenAnswer(a1, public(server))
	wantCode(t, err, CodeReplay)
	mistaken, asked := *o1, *o1.Request
	asked.ID[15]++
	mistaken.Request = &asked // a server that mixes its requests up
	_, err = first.OpenAnswer(answer(&mistaken), public(server))
	wantCode(t, err, CodeReplay)
	_, err = first.OpenAnswer(a1, public(vecKey(21)))
	wantCode(t, err, CodeSignature)
	for bit := range 8 * len(a1) {
		if _, err := first.OpenAnswer(flipped(a1, bit), public(server)); err == nil {
			t.Fatalf("bit %d of an answer changed and not noticed", bit)
		}
	}
}

func TestRequestForAnotherKey(t *testing.T) {
	asker, old, current := vecKey(0), vecSealKey(t, 60), vecSealKey(t, 61)
	b, _, err := EncodeRequest(vecRequest(t), asker, old.Public)
	must(t, err)
	_, err = OpenRequest(b, ringOf(current))
	wantCode(t, err, CodeOldKey)
	if !errors.Is(err, &Error{Code: CodeOldKey}) {
		t.Error("errors.Is does not match the code")
	}
	for bit := range 8 * len(b) {
		o, err := OpenRequest(flipped(b, bit), ringOf(old))
		if err == nil && o.VerifySender(public(asker)) == nil {
			t.Fatalf("bit %d of a request changed and not noticed", bit)
		}
	}
}

func TestPagesChain(t *testing.T) {
	key := vecKey(70)
	pages := vecPages(t, key)
	one, err := CentreOf(public(key)).DecodePage(pages[0].Encode())
	must(t, err)
	two, err := CentreOf(public(key)).DecodePage(pages[1].Encode())
	must(t, err)
	if one.Prev != (Hash{}) || two.Prev != one.Hash() || two.From != one.To {
		t.Error("the pages do not follow each other")
	}
	at, err := PageAfter(pages[0].Encode())
	must(t, err)
	if at != one.After() || at.Position != 3 || at.Page != one.Hash() {
		t.Errorf("checkpoint after the first page is %+v", at)
	}
	again := vecPages(t, vecKey(1))[0]
	if again.Hash() == one.Hash() {
		t.Error("pages with other rulings share a hash")
	}
	b := pages[0].Encode()
	for bit := range 8 * len(b) {
		if _, err := CentreOf(public(key)).DecodePage(flipped(b, bit)); err == nil {
			t.Fatalf("bit %d of a page changed and not noticed", bit)
		}
	}
	if err := (&Page{To: 2, Items: make([]FeedItem, 1)}).Sign(key); CodeOf(err) != CodeInternal {
		t.Errorf("a page of one item over two entries: %v", err)
	}
}

// TestBundleDamageCostsOneEntry changes every bit of a bundle.
func TestBundleDamageCostsOneEntry(t *testing.T) {
	entries := []Entry{{EntrySegment, []byte("first")}, {EntryPage, bytes.Repeat([]byte("TSe\xf5"), 10)}, {EntryReceipt, nil}, {EntryAsk, []byte("fourth")}}
	b, err := EncodeBundle(entries)
	must(t, err)
	for bit := 32; bit < 8*len(b); bit++ {
		got, damage, err := DecodeBundle(flipped(b, bit))
		must(t, err)
		if damage == (BundleDamage{}) {
			t.Fatalf("bit %d changed and not noticed", bit)
		}
		kept := 0
		for _, e := range got {
			for kept < len(entries) && (entries[kept].Kind != e.Kind || !bytes.Equal(entries[kept].Data, e.Data)) {
				kept++
			}
			kept++
		}
		if kept > len(entries) || len(got) < len(entries)-1 {
			t.Fatalf("bit %d changed: %d entries are left, or others than before", bit, len(got))
		}
	}
	for n := 4; n < len(b); n++ {
		if _, damage, err := DecodeBundle(b[:n]); err != nil || !damage.Cut {
			t.Fatalf("cut at byte %d and not noticed: %v", n, err)
		}
	}
}

func TestBundleGivesUpOnMarkersOnly(t *testing.T) {
	b := append(append([]byte{}, bundleMagic[:]...), bytes.Repeat(entryMarker[:], 100_000)...)
	_, damage, err := DecodeBundle(b)
	must(t, err)
	if damage.Damaged != maxDamage || !damage.Cut {
		t.Errorf("damage is %+v, want %d places", damage, maxDamage)
	}
	_, err = EncodeBundle(make([]Entry, MaxBundleEntries+1))
	wantCode(t, err, CodeTooLarge)
	_, err = EncodeBundle([]Entry{{EntryPage, make([]byte, MaxMessageBytes+1)}})
	wantCode(t, err, CodeTooLarge)
}

// TestWriterKeepsTheLimits: what a reader would refuse is never signed.
func TestWriterKeepsTheLimits(t *testing.T) {
	key := vecKey(0)
	edit := func(f func(in *SegmentInput)) error {
		in := vecInput(t, key, 1, 5)
		f(&in)
		_, err := EncodeSegment(in)
		return err
	}
	long := TextValue(strings.Repeat("a", 12_000))
	wantCode(t, edit(func(in *SegmentInput) { in.Changes = nil }), CodeTooLarge)
	wantCode(t, edit(func(in *SegmentInput) { in.Changes[3].Seq = 9 }), CodeInternal)
	wantCode(t, edit(func(in *SegmentInput) { in.Salts[0].Count = 4 }), CodeInternal)
	wantCode(t, edit(func(in *SegmentInput) { in.Changes[0].Operational = Row{{1, long}, {2, long}, {3, long}} }), CodeTooLarge)
	wantCode(t, edit(func(in *SegmentInput) { in.Changes[0].Personal = Row{{1, long}, {2, long}, {3, long}} }), CodeTooLarge)
	wantCode(t, edit(func(in *SegmentInput) {
		in.Changes[0].Personal = Row{{1, TextValue(strings.Repeat("a", MaxValueBytes+1))}}
	}), CodeTooLarge)
	wantCode(t, edit(func(in *SegmentInput) { in.Changes[0].Operational = make(Row, MaxRowFields+1) }), CodeTooLarge)
	wantCode(t, edit(func(in *SegmentInput) { in.Changes[0].Header.Nonce = []byte("short") }), CodeMalformed)
	wantCode(t, edit(func(in *SegmentInput) { in.Changes[0].Header.Refs[0] = make([]Ref, MaxRefs+1) }), CodeTooLarge)
	wantCode(t, edit(func(in *SegmentInput) { in.Changes[0].Header.Extra = Row{{5, Null()}} }), CodeMalformed)
	wantCode(t, edit(func(*SegmentInput) {}), "")
	items := make([]string, MaxListItems+1)
	for i := range items {
		items[i] = strings.Repeat("x", i)
	}
	wantCode(t, (&Change{Operational: Row{{1, ListValue(items...)}}}).CheckSize(), CodeTooLarge)
	rows := make([]Row, 6)
	for i := range rows {
		for j := range 100 {
			rows[i] = append(rows[i], Field{uint32(100*i + j), Null()})
		}
	}
	w := &columnWriter{}
	encodeTable(w, rows, nil)
	wantCode(t, w.err, CodeTooLarge)
	_, err := compress(&columnWriter{cols: make([][]byte, maxColumns+1)})
	wantCode(t, err, CodeTooLarge)
}
