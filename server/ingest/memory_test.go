package ingest

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"

	"thonsync/syncproto"
	"thonsync/syncproto/credential"
)

// What a server needs does not grow with what it has taken in.
func TestMemoryIsFlat(t *testing.T) {
	if testing.Short() {
		t.Skip("takes tens of thousands of changes in")
	}
	s := withReference(t)
	var peaks []uint64
	for round := range 10 {
		a := newAuthor(t, fmt.Sprint("flat ", round), credential.RolePhone, testVillage)
		rng := rand.New(rand.NewPCG(uint64(round), 1))
		var segs [][]byte
		for range 2 {
			for range 1000 {
				a.write(activity(testVillage, rng))
			}
			segs = append(segs, a.cut(a.heads.Seq-999, a.heads.Seq))
			a.log = make([]syncproto.Change, a.heads.Seq) // keep the test itself flat
		}
		if r := s.submitBatch(Batch{Segments: segs, Credentials: []syncproto.OriginCredential{a.credentials()}}); r.New != 2000 {
			t.Fatalf("result %+v", r)
		}
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		peaks = append(peaks, m.HeapAlloc)
	}
	early, late := peaks[2], peaks[len(peaks)-1]
	if late > early+early/2+4<<20 {
		t.Errorf("live memory grew from %d to %d KB over 16,000 changes: %v", early>>10, late>>10, peaks)
	}
}
