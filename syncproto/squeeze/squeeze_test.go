package squeeze

import (
	"bytes"
	"compress/flate"
	"math/rand/v2"
	"os/exec"
	"sync"
	"testing"

	"pgregory.net/rapid"
)

var wide = Limits{MaxColumns: 1 << 16, MaxColumnBytes: 1 << 24, MaxTotalBytes: 1 << 24}

func flatten(cols [][]byte) []byte { return bytes.Join(cols, nil) }

// sameColumns fails the test unless got is want, column by column.
func sameColumns(t interface {
	Helper()
	Fatalf(string, ...any)
}, got, want [][]byte) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d columns, want %d", len(got), len(want))
	}
	for i := range want {
		if !bytes.Equal(got[i], want[i]) {
			t.Fatalf("column %d differs after a round trip", i)
		}
	}
}

func roundTrip(t *testing.T, cols [][]byte) []byte {
	t.Helper()
	packed := Compress(nil, cols)
	got, err := Decompress(packed, wide)
	if err != nil {
		t.Fatalf("Decompress: %v", err)
	}
	sameColumns(t, got, cols)
	return packed
}

// xzSize returns the size of raw under xz -9e, which this test needs.
func xzSize(t *testing.T, raw []byte) int {
	t.Helper()
	cmd := exec.Command("xz", "-9e", "-c")
	cmd.Stdin = bytes.NewReader(raw)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("this test compares with the program xz and cannot run it: %v; install xz-utils", err)
	}
	return len(out)
}

func deflateSize(t *testing.T, raw []byte) int {
	t.Helper()
	var out bytes.Buffer
	w, err := flate.NewWriter(&out, flate.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(raw); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Len()
}

func TestBeatsXZ(t *testing.T) {
	const seeds = 3
	for _, c := range []struct {
		rows, percentOfXZ int // squeeze may need at most so much of what xz needs
	}{{1, 50}, {10, 65}, {100, 80}, {1000, 88}} {
		var raw, packed, xz, deflate int
		for seed := range uint64(seeds) {
			cols := sampleColumns(seed, c.rows)
			flat := flatten(cols)
			raw += len(flat)
			packed += len(roundTrip(t, cols))
			xz += xzSize(t, flat)
			deflate += deflateSize(t, flat)
		}
		t.Logf("%4d rows: raw %6d  squeeze %6d  xz -9e %6d  deflate %6d",
			c.rows, raw/seeds, packed/seeds, xz/seeds, deflate/seeds)
		if 100*packed > c.percentOfXZ*xz {
			t.Errorf("%d rows: %d bytes are over %d %% of xz's %d", c.rows, packed, c.percentOfXZ, xz)
		}
		if packed >= deflate {
			t.Errorf("%d rows: %d bytes, deflate needs %d", c.rows, packed, deflate)
		}
	}
}

func TestShapesOfColumns(t *testing.T) {
	for name, cols := range map[string][][]byte{
		"no column":         {},
		"one empty column":  {{}},
		"empty columns":     {{}, {}, {}},
		"one byte":          {{0}},
		"every byte":        {everyByte()},
		"equal columns":     {everyByte(), everyByte()},
		"empty in between":  {{1, 2, 3}, {}, {1, 2, 3}},
		"random beside":     {randomBytes(1, 300), everyByte(), randomBytes(2, 256), randomBytes(2, 256)},
		"long equal bytes":  {bytes.Repeat([]byte{0xff}, 100_000)},
		"more than a table": {randomText(5, 200_000)},
		"many columns":      manyColumns(3000),
	} {
		t.Run(name, func(t *testing.T) { roundTrip(t, cols) })
	}
}

func everyByte() []byte {
	b := make([]byte, 256)
	for i := range b {
		b[i] = byte(i)
	}
	return b
}

func randomBytes(seed uint64, n int) []byte {
	r := rand.New(rand.NewPCG(seed, 1))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// randomText repeats itself a little, as text does.
func randomText(seed uint64, n int) []byte {
	r := rand.New(rand.NewPCG(seed, 2))
	var b []byte
	for len(b) < n {
		b = append(b, sampleNotes[r.IntN(len(sampleNotes))]...)
		b = append(b, byte(r.Uint32()))
	}
	return b
}

func manyColumns(n int) [][]byte {
	cols := make([][]byte, n)
	for i := range cols {
		cols[i] = randomBytes(uint64(i), i%5)
	}
	return cols
}

func TestRandomCostsUnderOnePercent(t *testing.T) {
	for _, n := range []int{1000, 4096, 20_000} {
		got := len(roundTrip(t, [][]byte{randomBytes(uint64(n), n)}))
		if 100*(got-n) >= n {
			t.Errorf("%d random bytes became %d", n, got)
		}
	}
	// Random columns must not spoil what stands beside them.
	text := randomText(1, 2000)
	alone := len(roundTrip(t, [][]byte{text}))
	mixed := len(roundTrip(t, [][]byte{randomBytes(9, 3000), text}))
	if mixed > alone+3000+20 {
		t.Errorf("text alone %d bytes, behind 3000 random bytes %d", alone, mixed)
	}
}

func TestConstantColumnsCostNextToNothing(t *testing.T) {
	cols := make([][]byte, 20)
	for i := range cols {
		cols[i] = bytes.Repeat([]byte{byte(i)}, 1000)
	}
	if got := len(roundTrip(t, cols)); got > 100 {
		t.Errorf("20 columns of 1000 equal bytes became %d bytes", got)
	}
}

func TestDependenceOnTheColumnBeside(t *testing.T) {
	a := make([]byte, 2000)
	r := rand.New(rand.NewPCG(4, 4))
	for i := range a {
		a[i] = byte(r.IntN(16))
	}
	b := make([]byte, len(a))
	for i := range b {
		b[i] = 15 - a[i]
	}
	one := len(roundTrip(t, [][]byte{a}))
	both := len(roundTrip(t, [][]byte{a, b}))
	if both-one > one/8 {
		t.Errorf("one column %d bytes, with its mirror %d", one, both)
	}
}

func TestCompressAppends(t *testing.T) {
	cols := sampleColumns(3, 5)
	alone := Compress(nil, cols)
	got := Compress([]byte("before"), cols)
	if string(got) != "before"+string(alone) {
		t.Error("output behind a prefix differs from output alone")
	}
}

func TestColumnsDoNotOverlap(t *testing.T) {
	got, err := Decompress(Compress(nil, [][]byte{{1, 2}, {3}}), wide)
	if err != nil {
		t.Fatal(err)
	}
	_ = append(got[0], 9)
	if got[1][0] != 3 {
		t.Error("appending to a column wrote into the next one")
	}
}

func TestConcurrentCalls(t *testing.T) {
	var wg sync.WaitGroup
	for seed := range uint64(8) {
		cols := sampleColumns(seed, 30)
		want := Compress(nil, cols)
		wg.Go(func() {
			for range 5 {
				if got := Compress(nil, cols); !bytes.Equal(got, want) {
					t.Error("output depends on what runs beside it")
				}
				got, err := Decompress(want, wide)
				if err != nil {
					t.Error(err)
					return
				}
				if !bytes.Equal(flatten(got), flatten(cols)) {
					t.Error("columns depend on what runs beside them")
				}
			}
		})
	}
	wg.Wait()
}

func TestRoundTripOfAnything(t *testing.T) {
	column := rapid.OneOf(
		rapid.SliceOfN(rapid.Byte(), 0, 200),
		rapid.SliceOfN(rapid.ByteRange(0, 3), 0, 200),
		rapid.Map(rapid.StringN(0, 60, 200), func(s string) []byte { return []byte(s) }),
	)
	rapid.Check(t, func(t *rapid.T) {
		cols := rapid.SliceOfN(column, 0, 12).Draw(t, "cols")
		got, err := Decompress(Compress(nil, cols), wide)
		if err != nil {
			t.Fatalf("Decompress: %v", err)
		}
		sameColumns(t, got, cols)
	})
}

func BenchmarkCompress(b *testing.B) {
	cols := sampleColumns(1, 1000)
	b.SetBytes(int64(len(flatten(cols))))
	b.ReportAllocs()
	var buf []byte
	for b.Loop() {
		buf = Compress(buf[:0], cols)
	}
}

func BenchmarkDecompress(b *testing.B) {
	cols := sampleColumns(1, 1000)
	b.SetBytes(int64(len(flatten(cols))))
	b.ReportAllocs()
	packed := Compress(nil, cols)
	for b.Loop() {
		if _, err := Decompress(packed, wide); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkOneRow(b *testing.B) {
	cols := sampleColumns(1, 1)
	packed := Compress(nil, cols)
	for b.Loop() {
		if _, err := Decompress(packed, wide); err != nil {
			b.Fatal(err)
		}
	}
}
