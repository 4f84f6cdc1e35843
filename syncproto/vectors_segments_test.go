package syncproto

import (
	"crypto/ed25519"
	"testing"

	"thonsync/syncproto/squeeze"
)

func init() {
	vectorMakers = append(vectorMakers,
		vectorMaker{"statement/statements.json", "signed is the statement under segment's signature by key's origin. With error, checking key and signature fails so.", makeStatements},
		vectorMaker{"segment/tables.json", "columns are the byte columns of one table of count rows (not the header table of a segment). With error, decoding fails so, surplus columns included.", makeTables},
		vectorMaker{"segment/segments.json", "segment verifies under key and its seal opens with seal_private. open_columns and personal_columns are the columns before compression, sealed_plain is what is inside the seal. A change without salt travelled by its commitment. Segments without sealed_plain are open only.", makeSegments},
		vectorMaker{"segment/refused.json", "parsing, verifying under key or opening the seal with seal_private fails with error, in that order.", makeSegmentsRefused},
		vectorMaker{"feed/pages.json", "bytes is a page signed by key, the centre's. columns are those of the content before compression. The pages without error follow each other. With error, decoding fails so.", makePages})
}

func vecSealKey(t testing.TB, n byte) SealPrivate {
	t.Helper()
	seed := vecKey(n).Seed()
	k, err := NewSealPrivate(seed)
	must(t, err)
	return k
}

func ringOf(keys ...SealPrivate) Keyring {
	return func(id KeyID) (SealPrivate, bool) {
		for _, k := range keys {
			if k.Public.ID == id {
				return k, true
			}
		}
		return SealPrivate{}, false
	}
}

// vecInput is a segment over changes first..last of the history.
func vecInput(t testing.TB, key ed25519.PrivateKey, first, last uint64) SegmentInput {
	t.Helper()
	origin := OriginOf(public(key))
	in := SegmentInput{Origin: origin, Before: Genesis(origin), Key: key, To: vecSealKey(t, 50).Public}
	for _, c := range vecChanges(origin) {
		if c.Seq < first {
			salt := ExpandSalt(vecSecret, origin, c.Seq)
			changeForm(c, &in.Before, &salt, Hash{})
		} else if c.Seq <= last {
			in.Changes = append(in.Changes, c)
		}
	}
	secret := vecSecret
	in.Salts = []SaltRun{{Count: len(in.Changes), Secret: &secret}}
	return in
}

func encodeVec(t testing.TB, in SegmentInput) *Segment {
	t.Helper()
	s, err := EncodeSegment(in)
	must(t, err)
	return s
}

func makeStatements(t *testing.T) any {
	key := vecKey(0)
	s := encodeVec(t, vecInput(t, key, 1, 5))
	good := s.EncodeOpen()
	form := func(name string, key ed25519.PublicKey, b []byte, code Code) vecStatement {
		p, err := ParseSegment(b)
		must(t, err)
		return vecStatement{name, octets(key), b, p.signed(), append(octets{}, p.Signature[:]...), code}
	}
	sig := 4 + 16 + 2 + 4*32
	return []vecStatement{
		form("five changes, open only", public(key), good, ""),
		form("two changes from the third", public(key), encodeVec(t, vecInput(t, key, 3, 4)).EncodeOpen(), ""),
		form("key of another origin", public(vecKey(1)), good, CodeForeignKey),
		form("origin changed", public(key), flipped(good, 8*4), CodeForeignKey),
		form("first changed", public(key), flipped(good, 8*20+1), CodeSignature),
		form("count changed", public(key), flipped(good, 8*21), CodeSignature),
		form("o before changed", public(key), flipped(good, 8*22), CodeSignature),
		form("p after changed", public(key), flipped(good, 8*(sig-1)+7), CodeSignature),
		form("signature changed", public(key), flipped(good, 8*sig+3), CodeSignature),
		form("open compartment changed", public(key), flipped(good, 8*(sig+64+10)), CodeSignature),
		form("hash of the sealed compartment changed", public(key), flipped(good, 8*(len(good)-1)), CodeSignature),
	}
}

// flipped gives b with one bit changed.
func flipped(b []byte, bit int) []byte {
	out := append([]byte{}, b...)
	out[bit/8] ^= 1 << (bit % 8)
	return out
}

func TestVectorsStatement(t *testing.T) {
	for _, v := range readVectors[vecStatement](t, "statement/statements.json") {
		t.Run(v.Name, func(t *testing.T) {
			s, err := ParseSegment(v.Segment)
			must(t, err)
			wantBytes(t, "signed octets", s.signed(), v.Signed)
			wantBytes(t, "signature", s.Signature[:], v.Signature)
			wantCode(t, s.VerifySignature(ed25519.PublicKey(v.Key)), v.Error)
		})
	}
}

// segmentForm describes a segment with all that its vector says.
func segmentForm(t *testing.T, name string, in SegmentInput, openOnly bool) vecSegment {
	s := encodeVec(t, in)
	key := vecSealKey(t, 50)
	v := vecSegment{Name: name, Key: octets(public(in.Key)), SealPrivate: key.Bytes(), SealPublic: key.Public.Bytes(), Segment: s.Encode()}
	cols, err := squeeze.Decompress(s.open, squeezeLimits())
	must(t, err)
	v.OpenColumns = columnsForm(cols)
	if openOnly {
		v.Segment = s.EncodeOpen()
	} else {
		v.Plain, err = personalPlain(in)
		must(t, err)
		w := &columnWriter{}
		var rows []Row
		for _, c := range in.Changes {
			rows = append(rows, c.Personal)
		}
		encodeTable(w, rows, nil)
		v.PersonalColumns = columnsForm(w.cols)
	}
	heads, i := in.Before, 0
	for _, run := range in.Salts {
		for j := range run.Count {
			if run.Secret == nil && run.Salts == nil {
				v.Changes = append(v.Changes, changeForm(in.Changes[i], &heads, nil, run.Commitments[j]))
			} else {
				salt := run.salt(in.Origin, in.Changes[i].Seq, j)
				v.Changes = append(v.Changes, changeForm(in.Changes[i], &heads, &salt, Hash{}))
			}
			i++
		}
	}
	return v
}

// afterErasure is a history whose second change's personal row is gone.
func afterErasure(t testing.TB, key ed25519.PrivateKey) SegmentInput {
	in := vecInput(t, key, 1, 5)
	salt := func(seq uint64) Salt { return ExpandSalt(vecSecret, in.Origin, seq) }
	gone := Commitment(salt(2), AppendRow(nil, in.Changes[1].Personal))
	in.Changes[1].Personal = nil
	other := SaltSecret([]byte("another secret of thirty-two oct"))
	in.Salts = []SaltRun{{Count: 1, Salts: []Salt{salt(1)}}, {Count: 1, Commitments: []Hash{gone}},
		{Count: 2, Salts: []Salt{salt(3), salt(4)}}, {Count: 1, Secret: &other}}
	return in
}

func makeSegments(t *testing.T) any {
	key := vecKey(0)
	many := vecInput(t, key, 1, 1)
	for i := uint64(2); i <= 40; i++ {
		c := many.Changes[0]
		c.Seq, c.Header.Nonce = i, nil
		c.Header.StampMS += int64(i) * 93_000
		c.Personal = NewRow(Field{PersonIDNumber, TextValue("0021900000" + string(rune('0'+i/10)) + string(rune('0'+i%10)))},
			Field{PersonFullName, TextValue([]string{"Giàng Thị Thử", "Nông Văn Thử", "Lý Thị Thử"}[i%3])}, Field{PersonBirthDate, DateValue(Date{Year: 1950 + int(i)})})
		many.Changes = append(many.Changes, c)
	}
	many.Salts[0].Count = 40
	return []vecSegment{
		segmentForm(t, "one change", vecInput(t, key, 1, 1), false),
		segmentForm(t, "history", vecInput(t, key, 1, 5), false),
		segmentForm(t, "cut anew, from the third", vecInput(t, key, 3, 5), false),
		segmentForm(t, "open only", vecInput(t, key, 1, 5), true),
		segmentForm(t, "after an erasure: all salt forms", afterErasure(t, key), false),
		segmentForm(t, "forty creates", many, false),
	}
}

// openAll parses, verifies and opens, and gives the first failure.
func openAll(v vecSegment, key SealPrivate) (*Segment, []OpenChange, *Personals, error) {
	s, err := ParseSegment(v.Segment)
	if err != nil {
		return nil, nil, nil, err
	}
	changes, err := s.Verify(ed25519.PublicKey(v.Key))
	if err != nil {
		return nil, nil, nil, err
	}
	if !s.Sealed() && v.Error == "" {
		return s, changes, nil, nil
	}
	p, err := s.OpenSeal(ringOf(key))
	return s, changes, p, err
}

func TestVectorsSegment(t *testing.T) {
	for _, v := range append(readVectors[vecSegment](t, "segment/segments.json"), readVectors[vecSegment](t, "segment/refused.json")...) {
		t.Run(v.Name, func(t *testing.T) {
			key, err := NewSealPrivate(v.SealPrivate)
			must(t, err)
			wantBytes(t, "public sealing key", key.Public.Bytes(), v.SealPublic)
			s, changes, p, err := openAll(v, key)
			wantCode(t, err, v.Error)
			if err == nil && v.Error == "" {
				checkSegment(t, v, s, changes, p)
			}
		})
	}
}

func checkSegment(t *testing.T, v vecSegment, s *Segment, changes []OpenChange, p *Personals) {
	cols, err := squeeze.Decompress(s.open, squeezeLimits())
	must(t, err)
	checkColumns(t, "open", cols, v.OpenColumns)
	if p != nil {
		key, _ := NewSealPrivate(v.SealPrivate)
		plain, err := openSeal(key, []byte(domainSegment), s.sealContext(), s.sealed[4:36], s.sealed[36:])
		must(t, err)
		wantBytes(t, "inside of the seal", plain, v.Plain)
	}
	if len(changes) != len(v.Changes) {
		t.Fatalf("%d changes, want %d", len(changes), len(v.Changes))
	}
	heads := s.Before
	for i, c := range v.Changes {
		var salt []byte
		if p != nil && !p.Missing[i] {
			salt = p.Salts[i][:]
			wantBytes(t, "personal row", AppendRow(nil, p.Rows[i]), c.Rows[2])
		}
		checkChange(t, s.Origin, c, &heads, salt)
		wantBytes(t, "header", AppendRow(nil, changes[i].Header.Row()), c.Rows[0])
		wantBytes(t, "operational row", AppendRow(nil, changes[i].Operational), c.Rows[1])
		wantBytes(t, "o", changes[i].Open[:], c.Open)
		if changes[i].Record != c.Record || changes[i].Seq != c.Seq {
			t.Errorf("change %d of record %s, want %d of %s", changes[i].Seq, changes[i].Record, c.Seq, c.Record)
		}
	}
	if !heads.Equal(s.After) {
		t.Errorf("chains end at %v, statement says %v", heads, s.After)
	}
}

func checkColumns(t *testing.T, what string, got [][]byte, want []octets) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d columns of the %s compartment, want %d", len(got), what, len(want))
	}
	for i := range got {
		wantBytes(t, "column", got[i], want[i])
	}
}
