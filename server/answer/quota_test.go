package answer_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"

	"thonsync/server/ingest"
	"thonsync/server/store"
	"thonsync/syncproto"
	"thonsync/syncproto/credential"
)

// TestFloodFromAValidPhone: a phone that sends without end is asked to come
// back later, others are served meanwhile, and later it is served again.
func TestFloodFromAValidPhone(t *testing.T) {
	b := newBench(t, credential.RoleCentre)
	bad, good := b.device(credential.RolePhone, uuid.New(), "l:1"), b.device(credential.RolePhone, uuid.New(), "l:1")
	load := func() *syncproto.Request { return &syncproto.Request{Segments: [][]byte{make([]byte, 60<<10)}} }
	var err error
	taken := 0
	for ; err == nil && taken < 100; taken++ {
		_, err = b.ask(bad, load())
	}
	var later interface{ RetryAfter() time.Duration }
	if syncproto.CodeOf(err) != syncproto.CodeOverload || !errors.As(err, &later) {
		t.Fatalf("after %d floods: %v", taken, err)
	}
	if n := len(b.in.batches); n != taken-1 {
		t.Errorf("%d batches were taken from %d accepted requests", n, taken-1)
	}
	if taken < 10 || taken > 20 {
		t.Errorf("%d requests of 60 KB within a burst of 1 MB", taken)
	}
	if _, err := b.ask(good, load()); err != nil {
		t.Errorf("an honest phone of the same hotspot: %v", err)
	}
	b.now = b.now.Add(later.RetryAfter())
	if _, err := b.ask(bad, load()); err != nil {
		t.Errorf("when it was told to come back: %v", err)
	}
}

// TestBombsAreCharged: segments that are small on the wire and large in work
// count as what they cost.
func TestBombsAreCharged(t *testing.T) {
	b := newBench(t, credential.RoleCentre)
	for what, res := range map[string]ingest.Result{
		"64 segments in vain":   {Problems: make([]syncproto.Problem, 64)},
		"rows of a megabyte":    {New: 100, Octets: 1 << 20},
		"many changes of a bit": {New: 20_000},
	} {
		d := b.device(credential.RolePhone, uuid.New(), "l:1")
		b.in.result = res
		if _, err := b.ask(d, &syncproto.Request{Segments: [][]byte{{1}}}); err != nil {
			t.Fatal(err)
		}
		if _, err := b.ask(d, &syncproto.Request{}); syncproto.CodeOf(err) != syncproto.CodeOverload {
			t.Errorf("after %s: %v", what, err)
		}
	}
}

// TestKeysWithoutEndShareAQuota: whoever can make any number of keys (a point
// that takes in more phones than it may, a thief of its key) gains no room by
// it, and phones that count are served meanwhile.
func TestKeysWithoutEndShareAQuota(t *testing.T) {
	b := newBench(t, credential.RoleCentre)
	good := b.known(b.device(credential.RolePhone, uuid.New(), "l:1"))
	if err := b.store.Update(t.Context(), func(tx store.Tx) error {
		o, _, err := tx.Origin(good.id)
		o.Listed = true
		return errors.Join(err, tx.PutOrigin(o))
	}); err != nil {
		t.Fatal(err)
	}
	load := func() *syncproto.Request { return &syncproto.Request{Segments: [][]byte{make([]byte, 60<<10)}} }
	var err error
	taken := 0
	for ; err == nil && taken < 200; taken++ {
		_, err = b.ask(b.device(credential.RolePhone, uuid.New(), "l:1"), load())
	}
	if syncproto.CodeOf(err) != syncproto.CodeOverload || taken < 40 || taken > 80 {
		t.Errorf("%d requests of 60 KB by as many keys within a burst of 4 MB: %v", taken, err)
	}
	if _, err := b.ask(good, load()); err != nil {
		t.Errorf("a phone that counts: %v", err)
	}
}
