package sqlitestore_test

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"thonsync/server/store"
	"thonsync/server/store/sqlitestore"
)

// TestPurgeFindsWhatSecureDeleteLeaves overwrites values that have moved between
// pages. SQLite clears what it deletes, not where a row lay before it moved: a
// checkpoint alone leaves some, Purge leaves none.
func TestPurgeFindsWhatSecureDeleteLeaves(t *testing.T) {
	residues := 0
	for seed := range uint64(4) {
		path := filepath.Join(t.TempDir(), "a.db")
		s := open(t, path, sqlitestore.Options{})
		rng := rand.New(rand.NewPCG(seed, 1))
		value := func() []byte {
			b := make([]byte, 100+rng.IntN(900))
			for j := range b {
				b[j] = byte(rng.Uint32())
			}
			return b
		}
		values := make(map[int][]byte)
		put := func(tx store.Tx, i int, v []byte) error { return tx.SetMeta(fmt.Sprintf("%08d", i*7919%100003), v) }
		update := func(f func(tx store.Tx) error) {
			t.Helper()
			if err := s.Update(context.Background(), f); err != nil {
				t.Fatal(err)
			}
		}
		for i := 0; i < 2000; i += 50 {
			update(func(tx store.Tx) error {
				for j := i; j < i+50; j++ {
					if values[j] == nil {
						values[j] = value()
					}
					if err := put(tx, j, values[j]); err != nil {
						return err
					}
					k := rng.IntN(j + 1)
					values[k] = value()
					if err := put(tx, k, values[k]); err != nil {
						return err
					}
				}
				return nil
			})
		}
		var traces [][]byte
		update(func(tx store.Tx) error {
			for i := range 2000 {
				if i%5 != 0 {
					continue
				}
				traces = append(traces, values[i])
				if err := put(tx, i, make([]byte, 40)); err != nil {
					return err
				}
			}
			return nil
		})
		if err := s.Checkpoint(context.Background()); err != nil {
			t.Fatal(err)
		}
		left := func() (n int) {
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			for _, v := range traces {
				if bytes.Contains(b, v[20:38]) {
					n++
				}
			}
			return n
		}
		residues += left()
		if err := s.Purge(context.Background(), traces); err != nil {
			t.Fatal(err)
		}
		if n := left(); n > 0 {
			t.Errorf("seed %d: %d overwritten values are still in the file", seed, n)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if residues == 0 {
		t.Error("SQLite left nothing: this test would find nothing")
	}
}
