package httpapi

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"thonsync/syncproto"
)

func TestGateLetsWaitersInAndTurnsTheRestAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(2, 1)
		leave1, err1 := g.enter(t.Context())
		_, err2 := g.enter(t.Context())
		if err1 != nil || err2 != nil {
			t.Fatal(err1, err2)
		}
		in := make(chan error, 1)
		go func() {
			_, err := g.enter(t.Context())
			in <- err
		}()
		synctest.Wait()
		if g.working() != 2 || g.waiting() != 1 {
			t.Errorf("working %d, waiting %d", g.working(), g.waiting())
		}
		if _, err := g.enter(t.Context()); !errors.Is(err, &syncproto.Error{Code: syncproto.CodeOverload}) {
			t.Errorf("the fourth: %v", err)
		}
		leave1()
		if err := <-in; err != nil {
			t.Errorf("the one that waited: %v", err)
		}
	})
}

func TestGateEndsWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(1, 2)
		if _, err := g.enter(t.Context()); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		out := make(chan error, 2)
		go func() { _, err := g.enter(ctx); out <- err }()
		synctest.Wait()
		cancel()
		if err := <-out; err == nil {
			t.Error("got in with its time over")
		}
		go func() { _, err := g.enter(t.Context()); out <- err }()
		synctest.Wait()
		g.close()
		if err := <-out; err == nil {
			t.Error("got in while closing")
		}
		if _, err := g.enter(t.Context()); err == nil {
			t.Error("got in after closing")
		}
		if g.waiting() != 0 {
			t.Errorf("waiting %d", g.waiting())
		}
	})
}
