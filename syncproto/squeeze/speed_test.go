package squeeze

import (
	"math/rand/v2"
	"testing"
)

func BenchmarkKind(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 2))
	zero := make([]byte, 32768)
	rnd := make([]byte, 32768)
	dig := make([]byte, 32768)
	for i := range rnd {
		rnd[i] = byte(r.Uint32())
		dig[i] = byte(r.IntN(10))
	}
	for _, k := range []struct {
		n string
		c []byte
	}{{"zero", zero}, {"rnd", rnd}, {"dig", dig}} {
		b.Run(k.n, func(b *testing.B) {
			b.SetBytes(32768)
			var m model
			m.reset()
			m.begin(1)
			for b.Loop() {
				for _, x := range k.c {
					m.teach(x)
				}
			}
		})
	}
	b.Run("reset", func(b *testing.B) {
		var m model
		for b.Loop() {
			m.reset()
		}
	})
}
