package e2e

import (
	"crypto/ed25519"
	"crypto/rand"
	"testing"

	"github.com/google/uuid"

	"thonsync/clientlib/httptransport"
	"thonsync/syncproto"
)

// rogue is a phone with a valid credential that makes its messages itself.
type rogue struct {
	t      *testing.T
	url    string
	key    ed25519.PrivateKey
	chain  []string
	notice *syncproto.KeyNotice
	team   uuid.UUID
	taken  int // exchanges that the server worked on
}

// joinRogue joins with a code as any phone does.
func joinRogue(t *testing.T, url, code string, team uuid.UUID) *rogue {
	t.Helper()
	var err error
	r := &rogue{t: t, url: url, team: team}
	if _, r.key, err = ed25519.GenerateKey(rand.Reader); err != nil {
		t.Fatal(err)
	}
	b, err := httptransport.New(0).Keys(t.Context(), r.url)
	if err != nil {
		t.Fatal(err)
	}
	if r.notice, err = syncproto.DecodeKeyNotice(b); err != nil {
		t.Fatal(err)
	}
	a, err := r.exchange(&syncproto.Request{Join: &syncproto.Join{Code: code, Key: r.public(), Label: "rogue"}})
	if err != nil || a.Welcome == nil {
		t.Fatalf("joining: %v", err)
	}
	r.chain = a.Welcome.Credentials
	return r
}

func (r *rogue) public() ed25519.PublicKey  { return r.key.Public().(ed25519.PublicKey) }
func (r *rogue) origin() syncproto.OriginID { return syncproto.OriginOf(r.public()) }

func (r *rogue) exchange(q *syncproto.Request) (*syncproto.Answer, error) {
	q.ID, q.Origin, q.Credentials, q.Budget = uuid.New(), r.origin(), r.chain, 16<<10
	to, err := syncproto.NewSealPublic(r.notice.Exchange)
	if err != nil {
		return nil, err
	}
	body, pending, err := syncproto.EncodeRequest(q, r.key, to)
	if err != nil {
		return nil, err
	}
	reply, err := httptransport.New(0).Exchange(r.t.Context(), r.url, body)
	if err != nil {
		return nil, err
	}
	return pending.OpenAnswer(reply.Answer, r.notice.Sign)
}

// talks makes a segment of n activities of a kind in a unit, signed by key.
func (r *rogue) talks(key ed25519.PrivateKey, at syncproto.Heads, kind, unit string, n int) *syncproto.Segment {
	r.t.Helper()
	seal, err := syncproto.NewSealPublic(r.notice.Seal.Key)
	if err != nil {
		r.t.Fatal(err)
	}
	in := syncproto.SegmentInput{Origin: r.origin(), Before: at, Key: key, To: seal, Salts: []syncproto.SaltRun{{Count: n, Secret: &syncproto.SaltSecret{2}}}}
	text := func(num uint32, s string) syncproto.Field {
		return syncproto.Field{Num: num, Value: syncproto.TextValue(s)}
	}
	for i := range n {
		in.Changes = append(in.Changes, syncproto.Change{
			Origin: r.origin(), Seq: at.Seq + uint64(i) + 1,
			Header: syncproto.Header{Op: syncproto.OpCreate, Collection: syncproto.CollectionActivity, Schema: syncproto.Schema, StampMS: 1},
			Operational: syncproto.NewRow(text(syncproto.FieldUnit, unit), text(syncproto.ActivityKind, kind), text(syncproto.ActivityResult, "held"),
				syncproto.Field{Num: syncproto.ActivityTeam, Value: syncproto.UUIDValue(r.team)}),
		})
	}
	seg, err := syncproto.EncodeSegment(in)
	if err != nil {
		r.t.Fatal(err)
	}
	return seg
}
