package syncproto

import (
	"crypto/ed25519"
	"reflect"
	"testing"

	"github.com/google/uuid"
)

func init() {
	vectorMakers = append(vectorMakers,
		vectorMaker{"ruling/rulings.json", "bytes is a ruling signed by key, the centre's Ed25519 key. With error, decoding and checking the signature fails so.", makeRulings},
		vectorMaker{"receipt/receipts.json", "bytes is a receipt signed by key. With error, decoding and checking fails so.", makeReceipts},
		vectorMaker{"bundle/bundles.json", "bytes read as a bundle give entries, and say how many places were damaged and whether it is cut. With error, reading fails so.", makeBundles})
}

var kindWords = map[RulingKind]string{RulingHold: "hold", RulingRelease: "release", RulingErase: "erase", RulingAuthority: "authority", RulingRevoke: "revoke"}

func vecRulings() []*Ruling {
	target := Ref{Origin: OriginOf(public(vecKey(0))), Seq: 300, Open: Hash{9, 8, 7}.Prefix()}
	return []*Ruling{
		{Number: 1, IssuedMS: 1_780_000_000_000, Kind: RulingHold, Target: target, Unit: "gso-2025-07:00994", Reason: ReasonRevoked},
		{Number: 200, IssuedMS: 1_780_000_000_001, Kind: RulingRelease, Target: target, Unit: "gso-2025-07:00994"},
		{Number: 1 << 40, IssuedMS: 1_780_000_000_002, Kind: RulingErase, Record: vecID, Reason: "request-of-citizen"},
		{Number: 3, IssuedMS: -1, Kind: RulingAuthority, Target: target, Grant: true},
		{Number: 4, IssuedMS: 0, Kind: RulingAuthority, Target: target, Reason: ReasonNoAuthority},
		{Number: 5, IssuedMS: 1_780_000_000_003, Kind: RulingRevoke, Target: Ref{Origin: target.Origin}, Unit: "gso-2025-07:00994", Reason: "lost",
			Cut: []CutHead{{300, target.Open}, {412, Hash{1, 2, 3}.Prefix()}}},
		{Number: 6, IssuedMS: 1_780_000_000_004, Kind: RulingRevoke, Target: Ref{Origin: target.Origin}},
		{Number: 7, IssuedMS: 1_780_000_000_005, Kind: RulingRelease, Target: Ref{Origin: target.Origin}, Cut: []CutHead{{500, Hash{4}.Prefix()}}},
	}
}

func makeRulings(*testing.T) any {
	key := vecKey(70)
	var out []vecRuling
	for _, r := range vecRulings() {
		r.Sign(key)
		v := vecRuling{Name: kindWords[r.Kind], Key: octets(public(key)), Bytes: r.Encode(), Number: r.Number, Issued: r.IssuedMS,
			Kind: kindWords[r.Kind], Target: &vecRef{r.Target.Origin, r.Target.Seq, octets(r.Target.Open[:])}, Record: r.Record, Grant: r.Grant, Unit: r.Unit, Reason: r.Reason}
		for _, h := range r.Cut {
			v.Cut = append(v.Cut, vecCutHead{h.Seq, octets(h.Open[:])})
		}
		out = append(out, v)
	}
	b := []byte(out[0].Bytes)
	bad := func(name string, b []byte, code Code) {
		out = append(out, vecRuling{Name: name, Key: octets(public(key)), Bytes: b, Error: code})
	}
	unknown := *vecRulings()[0]
	unknown.Kind = 6
	unknown.Sign(key)
	bad("kind 6", unknown.Encode(), CodeMalformed)
	cut := *vecRulings()[0]
	cut.Cut = []CutHead{{1, cut.Target.Open}}
	cut.Sign(key)
	bad("a hold with a cut", cut.Encode(), CodeMalformed)
	many := *vecRulings()[5]
	many.Cut = make([]CutHead, MaxCut+1)
	many.Sign(key)
	bad("a cut of 65 heads", many.Encode(), CodeTooLarge)
	moved := []byte(out[5].Bytes)
	bad("cut changed", flipped(moved, 8*(len(moved)-65)), CodeSignature)
	bad("cut short", b[:len(b)-1], CodeMalformed)
	bad("octet behind the end", append(append([]byte{}, b...), 0), CodeMalformed)
	bad("number not in its shortest form", append([]byte{0x81, 0}, b[1:]...), CodeMalformed)
	bad("number changed", flipped(b, 1), CodeSignature)
	bad("target changed", flipped(b, 8*12), CodeSignature)
	bad("signature changed", flipped(b, 8*(len(b)-1)), CodeSignature)
	long := *vecRulings()[0]
	long.Unit = repeated("a", 129)
	long.Sign(key)
	bad("unit of 129 octets", long.Encode(), CodeTooLarge)
	return out
}

func TestVectorsRuling(t *testing.T) {
	for _, v := range readVectors[vecRuling](t, "ruling/rulings.json") {
		t.Run(v.Name, func(t *testing.T) {
			r, err := DecodeRuling(v.Bytes)
			if err == nil {
				err = r.Verify(ed25519.PublicKey(v.Key))
			}
			wantCode(t, err, v.Error)
			if err != nil || v.Error != "" {
				return
			}
			want := Ruling{Number: v.Number, IssuedMS: v.Issued, Record: v.Record, Grant: v.Grant, Unit: v.Unit, Reason: v.Reason, Signature: r.Signature}
			for k, w := range kindWords {
				if w == v.Kind {
					want.Kind = k
				}
			}
			want.Target = Ref{v.Target.Origin, v.Target.Seq, [RefOpenBytes]byte(v.Target.Open)}
			for _, h := range v.Cut {
				want.Cut = append(want.Cut, CutHead{h.Seq, [RefOpenBytes]byte(h.Open)})
			}
			if !reflect.DeepEqual(*r, want) {
				t.Errorf("ruling is %+v, want %+v", *r, want)
			}
			wantBytes(t, "ruling encoded again", want.Encode(), v.Bytes)
		})
	}
}

func vecReceipts() []*Receipt {
	origin := OriginOf(public(vecKey(0)))
	return []*Receipt{
		{IssuedMS: 1_780_000_000_000, Mark: MarkCommune, Origin: origin, First: 1, Last: 5, Open: Hash{1}, Closed: Hash{2}},
		{IssuedMS: 1_780_000_000_500, Mark: MarkReceived, Ruled: 300, Origin: origin, First: 101, Last: 300, Open: Hash{3}, Closed: Hash{4}, Exceptions: []Exception{
			{101, 101, OutcomeQuarantined, ReasonUnreadable}, {150, 160, OutcomeHeld, ReasonRevoked}, {161, 161, OutcomeForked, ReasonFork},
			{162, 162, OutcomeErased, ReasonErased}, {300, 300, OutcomeRefused, ReasonNoAuthority}}},
		{IssuedMS: 1_780_000_001_000, Mark: MarkSafe, Origin: origin, First: 1, Last: 1, Exceptions: []Exception{{1, 1, OutcomeAccepted, ""}}},
	}
}

func makeReceipts(*testing.T) any {
	key := vecKey(70)
	var out []vecReceipt
	for _, r := range vecReceipts() {
		r.Sign(key)
		v := vecReceipt{Name: r.Mark.String(), Key: octets(public(key)), Bytes: r.Encode(), Issuer: r.Issuer, Issued: r.IssuedMS, Mark: r.Mark.String(), Ruled: r.Ruled,
			Origin: r.Origin, First: r.First, Last: r.Last, Open: append(octets{}, r.Open[:]...), Closed: append(octets{}, r.Closed[:]...)}
		for _, e := range r.Exceptions {
			v.Exceptions = append(v.Exceptions, vecException{e.First, e.Last, e.Outcome.String(), e.Reason})
		}
		out = append(out, v)
	}
	b := []byte(out[0].Bytes)
	bad := func(name string, k ed25519.PrivateKey, b []byte, code Code) {
		out = append(out, vecReceipt{Name: name, Key: octets(public(k)), Bytes: b, Error: code})
	}
	signed := func(f func(*Receipt)) []byte {
		r := vecReceipts()[0]
		f(r)
		r.Sign(key)
		return r.Encode()
	}
	bad("another issuer's key", vecKey(1), b, CodeForeignKey)
	bad("mark raised", key, flipped(b, 8*22), CodeMalformed)
	bad("mark changed to safe", key, flipped(b, 8*22+1), CodeSignature)
	bad("mark 4", key, signed(func(r *Receipt) { r.Mark = 4 }), CodeMalformed)
	bad("from 0", key, signed(func(r *Receipt) { r.First = 0 }), CodeMalformed)
	bad("last before first", key, signed(func(r *Receipt) { r.First, r.Last = 6, 5 }), CodeMalformed)
	bad("signature changed", key, flipped(b, 8*(len(b)-1)), CodeSignature)
	bad("cut short", key, b[:60], CodeMalformed)
	bad("octet behind the end", key, append(append([]byte{}, b...), 0), CodeMalformed)
	bad("1001 exceptions", key, signed(func(r *Receipt) { r.Exceptions = make([]Exception, 1001) }), CodeTooLarge)
	return out
}

func TestVectorsReceipt(t *testing.T) {
	for _, v := range readVectors[vecReceipt](t, "receipt/receipts.json") {
		t.Run(v.Name, func(t *testing.T) {
			r, err := DecodeReceipt(v.Bytes)
			if err == nil {
				err = r.Verify(ed25519.PublicKey(v.Key))
			}
			wantCode(t, err, v.Error)
			if err != nil || v.Error != "" {
				return
			}
			if r.Issuer != v.Issuer || r.IssuedMS != v.Issued || r.Mark.String() != v.Mark || r.Ruled != v.Ruled || r.Origin != v.Origin || r.First != v.First || r.Last != v.Last ||
				string(r.Open[:]) != string(v.Open) || string(r.Closed[:]) != string(v.Closed) || len(r.Exceptions) != len(v.Exceptions) {
				t.Fatalf("receipt is %+v, want %+v", r, v)
			}
			for i, e := range r.Exceptions {
				if w := v.Exceptions[i]; e.First != w.First || e.Last != w.Last || e.Outcome.String() != w.Outcome || e.Reason != w.Reason {
					t.Errorf("exception %d is %+v, want %+v", i, e, w)
				}
			}
			wantBytes(t, "receipt encoded again", r.Encode(), v.Bytes)
		})
	}
}

var vecEpoch = uuid.MustParse("0199cc00-1111-8222-8333-444455556666")

func makeBundles(t *testing.T) any {
	chain := OriginCredential{OriginOf(public(vecKey(0))), []string{"a.b.c", "d.e.f"}}
	ask := Ask{Origin: chain.Origin, Heads: []OriginHeads{{chain.Origin, Heads{5, Hash{1}, Hash{2}}}},
		Checkpoints: []Checkpoint{{CommonFeed, vecEpoch, 300, Hash{3}}}}
	receipt := vecReceipts()[0]
	receipt.Sign(vecKey(70))
	revoke := vecRulings()[5]
	revoke.Sign(vecKey(70))
	entries := []Entry{{EntryCredential, EncodeCredentialEntry(chain)}, {EntrySegment, []byte("a segment stands here")},
		{EntryReceipt, receipt.Encode()}, {EntryAsk, ask.Encode()}, {99, []byte("of a newer version")}, {EntryPage, nil}, {EntryRuling, revoke.Encode()}}
	form := func(name string, b []byte, kept []Entry, damaged int, cut bool) vecBundle {
		v := vecBundle{Name: name, Bytes: b, Damaged: damaged, Cut: cut, Entries: []vecEntry{}}
		for _, e := range kept {
			v.Entries = append(v.Entries, vecEntry{e.Kind, append(octets{}, e.Data...)})
		}
		return v
	}
	b, err := EncodeBundle(entries)
	must(t, err)
	empty, err := EncodeBundle(nil)
	must(t, err)
	var starts []int // of the entries
	at := 4
	for _, e := range entries {
		starts = append(starts, at)
		at += len(appendEntry(nil, e))
	}
	without := func(i int) []Entry { return append(append([]Entry{}, entries[:i]...), entries[i+1:]...) }
	missing := append(append([]byte{}, b[:starts[1]]...), b[starts[2]:]...)
	withMarker, err := EncodeBundle([]Entry{{EntryReceipt, append([]byte{}, entryMarker[:]...)}})
	must(t, err)
	return []vecBundle{
		form("whole", b, entries, 0, false), form("empty", empty, nil, 0, false),
		form("a marker inside the data", withMarker, []Entry{{EntryReceipt, entryMarker[:]}}, 0, false),
		form("a bit of the second entry changed", flipped(b, 8*(starts[1]+9)), without(1), 1, true),
		form("marker of the third entry changed", flipped(b, 8*starts[2]), without(2), 1, true),
		form("length of the second entry changed", flipped(b, 8*(starts[1]+5)), without(1), 1, true),
		form("second entry missing", missing, without(1), 0, true),
		form("cut in the fourth entry", b[:starts[3]+11], entries[:3], 1, true),
		form("cut before the end entry", b[:at], entries, 0, true),
		form("an entry behind the end", appendEntry(append([]byte{}, b...), entries[0]), append(append([]Entry{}, entries...), entries[0]), 0, true),
		form("an end with an octet more", appendEntry(append([]byte{}, b[:at]...), Entry{entryEnd, []byte{byte(len(entries)), 0}}), entries, 0, true),
		form("octets behind the end", append(append([]byte{}, b...), 1, 2, 3), entries, 1, false),
		{Name: "another magic", Bytes: octets("TSX\x01"), Entries: []vecEntry{}, Error: CodeMalformed},
		{Name: "a newer version", Bytes: octets("TSB\x02"), Entries: []vecEntry{}, Error: CodeVersion},
		{Name: "too short", Bytes: octets("TSB"), Entries: []vecEntry{}, Error: CodeMalformed},
	}
}

func TestVectorsBundle(t *testing.T) {
	for _, v := range readVectors[vecBundle](t, "bundle/bundles.json") {
		t.Run(v.Name, func(t *testing.T) {
			entries, damage, err := DecodeBundle(v.Bytes)
			wantCode(t, err, v.Error)
			if len(entries) != len(v.Entries) || damage.Damaged != v.Damaged || damage.Cut != v.Cut {
				t.Fatalf("%d entries, %+v; want %d, %d damaged, cut %v", len(entries), damage, len(v.Entries), v.Damaged, v.Cut)
			}
			for i, e := range entries {
				if e.Kind != v.Entries[i].Kind {
					t.Errorf("entry %d is of kind %d, want %d", i, e.Kind, v.Entries[i].Kind)
				}
				wantBytes(t, "entry", e.Data, v.Entries[i].Data)
			}
			if v.Damaged == 0 && !v.Cut && v.Error == "" {
				again, err := EncodeBundle(entries)
				must(t, err)
				wantBytes(t, "bundle", again, v.Bytes)
			}
		})
	}
}
