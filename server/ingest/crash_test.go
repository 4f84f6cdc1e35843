//go:build unix

package ingest

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"thonsync/server/store/sqlitestore"
	"thonsync/syncproto"
	"thonsync/syncproto/credential"
)

const crashEnv = "THONSYNC_CRASH_DB"

// crashAuthor writes the same 300 changes in every process.
func crashAuthor(t testing.TB) *author {
	a := newAuthor(t, "crash", credential.RolePhone, testVillage)
	rng := rand.New(rand.NewPCG(1, 1))
	for range 300 {
		a.write(activity(testVillage, rng))
	}
	return a
}

// TestCrashChild is the victim: it takes one change after the other in and says
// so on standard output after each, until it is killed.
func TestCrashChild(t *testing.T) {
	path := os.Getenv(crashEnv)
	if path == "" {
		t.Skip("only run by TestKilledAtAnyTime")
	}
	st, err := sqlitestore.Open(context.Background(), path, sqlitestore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	cfg := centreConfig(t)
	cfg.Store = st
	svc, err := Open(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	a := crashAuthor(t)
	for seq := uint64(1); seq <= a.heads.Seq; seq++ {
		r, err := svc.Submit(context.Background(), Batch{Segments: [][]byte{a.cut(seq, seq)}, Credentials: []syncproto.OriginCredential{a.credentials()}})
		if err != nil || len(r.Problems) > 0 {
			t.Fatal(r.Problems, err)
		}
		fmt.Printf("held %d\n", r.Heads[0].Seq)
	}
}

// What was acknowledged before a kill -9 is there afterwards, with its ledger
// line, record and receipt; nothing is there in part.
func TestKilledAtAnyTime(t *testing.T) {
	path := filepath.Join(t.TempDir(), "centre.db")
	s := openServer(t, path, centreConfig(t))
	s.submit1(s.centreAuthor().segments(s.reference(), 1000)...)
	if err := s.Service.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.store.Close(); err != nil {
		t.Fatal(err)
	}
	a := crashAuthor(t)
	rng := rand.New(rand.NewPCG(7, 7))
	for round := range 4 {
		acked := runUntilKilled(t, path, 3+rng.IntN(25))
		r := openServer(t, path, centreConfig(t))
		got := r.outcomes(a.origin)["accepted"]
		if got < acked {
			t.Errorf("round %d: %d changes acknowledged, %d held", round, acked, got)
		}
		r.checkLedger()
		rep := r.mustVerify()
		if rep.Changes == 0 {
			t.Error("nothing verified")
		}
		if rc := r.receipt(a.origin, syncproto.MarkReceived); rc.Last != got {
			t.Errorf("round %d: receipt to %d, held to %d", round, rc.Last, got)
		}
		if err := r.Service.Close(); err != nil {
			t.Fatal(err)
		}
		if err := r.store.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// runUntilKilled starts the child and kills it after that many acknowledgements;
// it gives the highest one.
func runUntilKilled(t *testing.T, path string, acks int) (last uint64) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestCrashChild$", "-test.v")
	cmd.Env = append(os.Environ(), crashEnv+"="+path)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if !strings.HasPrefix(lines.Text(), "held ") {
			continue
		}
		if _, err := fmt.Sscanf(lines.Text(), "held %d", &last); err != nil {
			t.Fatal(err)
		}
		if acks--; acks == 0 {
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := cmd.Wait(); err == nil {
		t.Fatal("the child ended by itself")
	}
	if acks > 0 {
		t.Fatalf("the child died %d acknowledgements early", acks)
	}
	return last
}
