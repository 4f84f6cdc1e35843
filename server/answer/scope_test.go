package answer_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/google/uuid"

	"thonsync/server/answer"
	"thonsync/server/audit"
	"thonsync/syncproto"
	"thonsync/syncproto/credential"
)

// notes keeps what it is told.
type notes struct{ events []audit.Event }

func (n *notes) Write(_ context.Context, e audit.Event) error {
	n.events = append(n.events, e)
	return nil
}
func (n *notes) Note(ctx context.Context, e audit.Event) error { return n.Write(ctx, e) }

// feedNames are the names of feeds that somebody could ask for.
var feedNames = []string{"l:1", "l:2", "l:3", "l:9", syncproto.CommonFeed, syncproto.ReceiptFeed, "", "l:1:"}

// said is what an answer gives away: everything but what is random or about time.
func said(t *testing.T, a *syncproto.Answer) string {
	h, r, s, c := originsOf(t, a)
	sizes := []int{}
	for _, list := range [][][]byte{a.Receipts, a.Pages, a.Segments, a.Rulings} {
		for _, b := range list {
			sizes = append(sizes, len(b))
		}
	}
	return fmt.Sprint(len(h), len(r), len(s), len(c), sizes, a.Heads, a.Problems, a.More, a.Checkpoints)
}

// differ says how two lists of statements do.
func differ(got, absent []string) string {
	for i := range min(len(got), len(absent)) {
		if got[i] != absent[i] {
			return fmt.Sprintf("statement %d is %q, for what is absent %q", i, got[i], absent[i])
		}
	}
	return fmt.Sprintf("%d statements, for what is absent %d", len(got), len(absent))
}

// Whoever asks, whatever foreign origin or feed he names, and in whatever part of
// the request: the answer is the one for an origin or feed that does not exist,
// the same statements run, and it is written down alike.
func TestForeignIsAsAbsent(t *testing.T) {
	ran := watched()
	for _, role := range []credential.Role{credential.RoleCentre, credential.RolePoint} {
		b := newBenchOn(t, recorderName, role, "l:1")
		b.in.revoked = map[syncproto.OriginID]*syncproto.Ruling{}
		team, other := uuid.New(), uuid.New()
		askers := map[string]*device{
			"phone": b.known(b.device(credential.RolePhone, team, "l:1")), "point": b.known(b.device(credential.RolePoint, uuid.Nil, "l:1")),
			"revoked phone": b.known(b.device(credential.RolePhone, team, "l:1")),
		}
		revoked := askers["revoked phone"].id
		b.in.revoked[revoked] = &syncproto.Ruling{Number: 1, Kind: syncproto.RulingRevoke, Target: syncproto.Ref{Origin: revoked}}
		foreign := map[string]*device{
			"phone of another commune":      b.known(b.device(credential.RolePhone, other, "l:2")),
			"its own team id, another unit": b.known(b.device(credential.RolePhone, team, "l:3")),
			"another point":                 b.known(b.device(credential.RolePoint, uuid.Nil, "l:2")),
		}
		for who, asker := range askers {
			try := func(name string, id syncproto.OriginID, feed string) (answered string, statements []string, noted []audit.Event) {
				t.Helper()
				b.noted.events = nil
				ran.take()
				q := &syncproto.Request{Budget: syncproto.MaxMessageBytes, Waiting: 1}
				if id != uuid.Nil {
					q.Heads = append(heads(asker), syncproto.OriginHeads{Origin: id, Heads: syncproto.Heads{Seq: 1, Open: syncproto.Hash{1}}})
				}
				if feed != "-" {
					q.Checkpoints = []syncproto.Checkpoint{{Feed: feed, Epoch: uuid.UUID{1}, Position: 3}}
				}
				a, err := b.ask(asker, q)
				if err != nil {
					t.Fatalf("%s, %s: %v", who, name, err)
				}
				return said(t, a), ran.take(), b.noted.events
			}
			answer, statements, noted := try("absent", uuid.New(), "-")
			if len(statements) < 4 || len(noted) != 1 || noted[0].Action != audit.Foreign || noted[0].Actor != asker.id.String() {
				t.Fatalf("%s: an absent origin: %d statements, noted %+v", who, len(statements), noted)
			}
			for name, d := range foreign {
				a, s, n := try(name, d.id, "-")
				if a != answer {
					t.Errorf("%s, %s: the answer is\n%s\nfor an absent origin\n%s", who, name, a, answer)
				}
				if !slices.Equal(s, statements) {
					t.Errorf("%s, %s: %s", who, name, differ(s, statements))
				}
				if len(n) != 1 || n[0].Object != d.id.String() || n[0].Result != noted[0].Result || n[0].Count != noted[0].Count {
					t.Errorf("%s, %s: noted %+v", who, name, n)
				}
			}
			answer, statements, _ = try("absent feed", uuid.Nil, "l:404")
			for _, feed := range feedNames {
				if feed == "l:1" || feed == syncproto.CommonFeed || feed == syncproto.ReceiptFeed {
					continue // its own
				}
				if a, s, _ := try(feed, uuid.Nil, feed); a != answer || !slices.Equal(s, statements) {
					t.Errorf("%s, feed %q: the answer is\n%s\nfor an absent feed\n%s\n%s", who, feed, a, answer, differ(s, statements))
				}
			}
		}
		// By file the same: an ask is not signed, so it gets what is stored of its
		// origin and no more.
		_, absent := b.Bundle(t.Context(), answer.AskFor(uuid.New()))
		if syncproto.CodeOf(absent) != syncproto.CodeUnknownPeer {
			t.Errorf("a file for an absent origin: %v", absent)
		}
	}
}
