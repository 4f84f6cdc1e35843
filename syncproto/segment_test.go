package syncproto

import (
	"crypto/ed25519"
	"math/rand/v2"
	"testing"

	"github.com/google/uuid"
)

func testKeys(t testing.TB) (ed25519.PrivateKey, SealPrivate) {
	t.Helper()
	seed := make([]byte, 32)
	seed[0] = 7
	seal, err := NewSealPrivate(seed)
	if err != nil {
		t.Fatal(err)
	}
	return ed25519.NewKeyFromSeed(seed), seal
}

func testChanges(origin OriginID, n int, rng *rand.Rand) []Change {
	names := []string{"Vàng Mí Chá", "Nguyễn Thị Hoa", "Bàn Văn Triệu", "Sùng Thị Mỷ"}
	changes := make([]Change, n)
	stamp := int64(1_780_000_000_000)
	for i := range changes {
		stamp += rng.Int64N(600_000)
		changes[i] = Change{
			Origin: origin, Seq: uint64(i + 1),
			Header: Header{Schema: Schema, Collection: CollectionActivity, Op: OpCreate, StampMS: stamp, Author: uuid.UUID{1, byte(rng.IntN(3))}},
			Operational: NewRow(Field{FieldUnit, TextValue("thon-2025:00988-01")}, Field{ActivityKind, TextValue("CC")},
				Field{ActivityOccurred, DateValue(Date{2026, 5, 1 + rng.IntN(28)})}),
			Personal: NewRow(Field{PersonFullName, TextValue(names[rng.IntN(4)])}, Field{PersonBirthDate, DateValue(Date{Year: 1950 + rng.IntN(50)})}),
		}
	}
	changes[0].Header.Nonce = []byte("12345678")
	return changes
}

func sealedSegment(t testing.TB, n int) (*Segment, SegmentInput, SealPrivate) {
	t.Helper()
	key, seal := testKeys(t)
	origin := OriginOf(key.Public().(ed25519.PublicKey))
	secret := &SaltSecret{1, 2, 3}
	in := SegmentInput{Origin: origin, Before: Genesis(origin), Changes: testChanges(origin, n, rand.New(rand.NewPCG(1, 2))),
		Salts: []SaltRun{{Count: n, Secret: secret}}, Key: key, To: seal.Public}
	s, err := EncodeSegment(in)
	if err != nil {
		t.Fatal(err)
	}
	return s, in, seal
}

func TestSegmentRoundTrip(t *testing.T) {
	for _, n := range []int{1, 2, 10, 1000} {
		s, in, seal := sealedSegment(t, n)
		got, err := ParseSegment(s.Encode())
		if err != nil {
			t.Fatal(err)
		}
		opened, err := got.Verify(in.Key.Public().(ed25519.PublicKey))
		if err != nil {
			t.Fatal(err)
		}
		p, err := got.OpenSeal(func(id KeyID) (SealPrivate, bool) { return seal, id == seal.Public.ID })
		if err != nil {
			t.Fatal(err)
		}
		for i := range in.Changes {
			want := in.Changes[i]
			if string(AppendRow(nil, opened[i].Header.Row())) != string(AppendRow(nil, want.Header.Row())) ||
				string(AppendRow(nil, opened[i].Operational)) != string(AppendRow(nil, want.Operational)) ||
				string(AppendRow(nil, p.Rows[i])) != string(AppendRow(nil, want.Personal)) {
				t.Fatalf("n=%d: change %d differs", n, i)
			}
		}
		t.Logf("%d changes: %d bytes", n, len(s.Encode()))
	}
}
