package demo

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"testing"

	"thonsync/server"
	"thonsync/server/reconcile/links"
	"thonsync/testdata/province"
)

// TestTwins: after the scene one pair is linked by its number, and the other two
// wait for a person.
func TestTwins(t *testing.T) {
	ctx := context.Background()
	s := &stage{dir: t.TempDir(), seed: 1, rng: rand.New(rand.NewPCG(1, 9)), log: slog.New(slog.DiscardHandler), prov: province.Small(1, communes, villagesPerCommune)}
	t.Cleanup(func() {
		if err := s.close(); err != nil {
			t.Error(err)
		}
	})
	if err := s.openServers(ctx); err != nil {
		t.Fatal(err)
	}
	if err := s.openPhones(ctx); err != nil {
		t.Fatal(err)
	}
	if err := s.sceneTwins(ctx); err != nil {
		t.Fatal(err)
	}
	l, err := server.LinkList.Do(ctx, s.centre.node, links.Query{})
	if err != nil || l.Counts[links.Linked] != 1 || l.Counts[links.Suggested] != 2 {
		t.Errorf("%+v, %v", l.Counts, err)
	}
}
