package sim

import (
	"flag"
	"testing"
)

var (
	seed   = flag.Uint64("seed", 1, "seed of the first play")
	rounds = flag.Int("rounds", 0, "plays, each from the next seed; 0 for a few short ones")
	phones = flag.Int("phones", 4, "phones of a play")
	points = flag.Int("points", 2, "points of a play")

	restored = flag.Bool("restores", false, "let old copies come back and phones be cloned")
)

// TestTorture plays provinces with faults; a failure names its seed. With
// -restores old copies come back and phones are cloned as well; a few short plays
// are of both sorts.
func TestTorture(t *testing.T) {
	n, steps := *rounds, 250
	if n == 0 {
		n, steps = 4, 120
	}
	for i := range n {
		cfg := Config{Seed: *seed + uint64(i), Steps: steps, Phones: *phones, Points: *points, Dir: t.TempDir(), Restores: *restored || *rounds == 0 && i%2 == 1}
		t.Logf("seed %d", cfg.Seed)
		r, err := Run(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		t.Log(r.String())
		if r.Exchanges == 0 || r.Faults == 0 || r.Records == 0 {
			t.Errorf("too little happened: %s", r.String())
		}
	}
}
