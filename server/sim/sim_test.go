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
)

// TestTorture plays provinces with faults. A failure names its seed.
func TestTorture(t *testing.T) {
	steps := 250
	n := *rounds
	if n == 0 {
		n, steps = 3, 120
	}
	for i := range n {
		cfg := Config{Seed: *seed + uint64(i), Steps: steps, Phones: *phones, Points: *points, Dir: t.TempDir()}
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
