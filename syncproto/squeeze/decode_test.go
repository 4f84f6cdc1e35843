package squeeze

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
)

func TestLimits(t *testing.T) {
	cols := [][]byte{make([]byte, 10), make([]byte, 20), {}}
	packed := Compress(nil, cols)
	for _, c := range []struct {
		lim Limits
		ok  bool
	}{
		{Limits{3, 20, 30}, true},
		{Limits{2, 20, 30}, false},
		{Limits{3, 19, 30}, false},
		{Limits{3, 20, 29}, false},
		{Limits{}, false},
		{Limits{-1, -1, -1}, false},
	} {
		got, err := Decompress(packed, c.lim)
		if c.ok != (err == nil) {
			t.Errorf("%+v: error %v", c.lim, err)
		}
		if err != nil && (!errors.Is(err, ErrLimit) || got != nil) {
			t.Errorf("%+v: error %v is not ErrLimit alone", c.lim, err)
		}
	}
	if _, err := Decompress(Compress(nil, nil), Limits{}); err != nil {
		t.Errorf("no columns within no limits: %v", err)
	}
}

// forge codes a header that Compress would not write, and nothing behind it.
func forge(values ...uint64) []byte {
	c := new(codec)
	c.model.reset()
	c.model.begin(0)
	e := encoder{high: 0xffffffff}
	for _, v := range values {
		c.encodeUvarint(&e, v)
	}
	e.finish()
	return e.out
}

func TestForgedHeaders(t *testing.T) {
	wide := Limits{MaxColumns: 1 << 30, MaxColumnBytes: 1 << 30, MaxTotalBytes: 1 << 30}
	for name, c := range map[string]struct {
		src  []byte
		want error
	}{
		"length beyond the format": {forge(1, 1<<31+1), ErrCorrupt},
		"number too long":          {forge(1 << 36), ErrCorrupt},
		"stored twice":             {forge(1, 0, 0, 2), ErrCorrupt},
		"more than can be held":    {forge(1, 1<<29), ErrLimit},
		"many that cannot be held": {forge(3, 1<<16, 1<<16, 1<<16), ErrLimit},
		"columns missing":          {forge(1<<20, 1, 1), ErrCorrupt},
	} {
		if _, err := Decompress(c.src, wide); !errors.Is(err, c.want) {
			t.Errorf("%s: error %v, want %v", name, err, c.want)
		}
	}
	long := new(codec)
	long.model.reset()
	long.model.begin(0)
	e := encoder{high: 0xffffffff}
	encodeByte(&long.model, &e, 0x80, noByte)
	encodeByte(&long.model, &e, 0, noByte)
	e.finish()
	if _, err := Decompress(e.out, wide); !errors.Is(err, ErrCorrupt) {
		t.Errorf("0 written in two bytes: error %v", err)
	}
}

func TestGarbageBehindTheEnd(t *testing.T) {
	for _, rows := range []int{0, 1, 7, 40} {
		packed := Compress(nil, sampleColumns(2, rows))
		for _, tail := range [][]byte{{0}, {1}, {0xff}, {0, 0, 0, 0}, {0, 0, 0, 0, 0, 0, 0, 0}} {
			if _, err := Decompress(append(bytes.Clone(packed), tail...), wide); !errors.Is(err, ErrCorrupt) {
				t.Errorf("%d rows and %x behind: error %v", rows, tail, err)
			}
		}
	}
}

func TestCutShort(t *testing.T) {
	packed := Compress(nil, sampleColumns(2, 12))
	for n := range packed {
		if _, err := Decompress(packed[:n], wide); err == nil {
			t.Errorf("the first %d of %d bytes decode", n, len(packed))
		}
	}
}

// Whatever decodes must be the one form of its columns or a form that differs
// only in which columns are stored: flipping bits never yields the same
// columns from other bytes.
func TestFlippedBits(t *testing.T) {
	cols := sampleColumns(4, 6)
	packed := Compress(nil, cols)
	for i := range packed {
		for bit := range 8 {
			bad := bytes.Clone(packed)
			bad[i] ^= 1 << bit
			got, err := Decompress(bad, Limits{1000, 1 << 16, 1 << 16})
			if err == nil && len(got) == len(cols) && bytes.Equal(flatten(got), flatten(cols)) {
				t.Errorf("byte %d bit %d: other bytes, same columns", i, bit)
			}
		}
	}
}

func TestRandomInputNeverPanics(t *testing.T) {
	r := rand.New(rand.NewPCG(8, 8))
	for range 3000 {
		src := randomBytes(r.Uint64(), r.IntN(60))
		got, err := Decompress(src, Limits{100, 5000, 5000})
		if err != nil && !errors.Is(err, ErrCorrupt) && !errors.Is(err, ErrLimit) {
			t.Fatalf("%x: error of no known type: %v", src, err)
		}
		if err == nil && len(flatten(got)) > 5000 {
			t.Fatalf("%x: more than the limit", src)
		}
	}
}

// The most that any stream can expand is what constant columns reach.
func TestExpansionIsBounded(t *testing.T) {
	const n = 1 << 20
	packed := roundTrip(t, [][]byte{make([]byte, n)})
	if n/len(packed) > MaxExpansion/2 {
		t.Errorf("%d bytes in %d: MaxExpansion has too little to spare", n, len(packed))
	}
}

// So long a column of equal bytes drives the weights to their bounds; the sum
// of what was made of it is frozen like a vector.
func TestWeightsAreBounded(t *testing.T) {
	cols := [][]byte{make([]byte, 90_000), randomText(6, 3000)}
	c := new(codec)
	c.model.reset()
	c.model.begin(1)
	for _, b := range cols[0] {
		c.model.teach(b)
	}
	if got := slices.Max(c.model.weight[:]); got != weightMax {
		t.Errorf("the largest weight is %d, the bound %d", got, weightMax)
	}
	const want = "c3208e8f67998366daf2f3d1a1fb70a4cc03cd689a52712a0365df8965304cfd"
	if got := sha256.Sum256(roundTrip(t, cols)); hex.EncodeToString(got[:]) != want {
		t.Errorf("the stream's SHA-256 is %x", got)
	}
}

// A stream that claims much and holds little must not make Decompress allocate
// what it claims.
func TestMemoryGrowsWithWhatIsDecoded(t *testing.T) {
	src := append(forge(1, 1<<27+1), make([]byte, 1<<15)...)
	if _, err := Decompress(src, wide); !errors.Is(err, ErrLimit) {
		t.Fatalf("error %v", err)
	}
	lim := Limits{MaxColumns: 1, MaxColumnBytes: 1 << 27, MaxTotalBytes: 1 << 27}
	r := rand.New(rand.NewPCG(3, 3))
	for i := range src[6:] {
		src[6+i] = byte(r.Uint32())
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := Decompress(src, lim)
	runtime.ReadMemStats(&after)
	if err == nil {
		t.Fatal("decoded")
	}
	if got := after.TotalAlloc - before.TotalAlloc; got > 4<<20 {
		t.Errorf("%d bytes allocated for %d bytes of source", got, len(src))
	}
}

func FuzzDecompress(f *testing.F) {
	for _, rows := range []int{0, 1, 3, 20} {
		f.Add(Compress(nil, sampleColumns(1, rows)))
	}
	f.Add(Compress(nil, nil))
	f.Add(Compress(nil, [][]byte{randomBytes(1, 200)}))
	f.Add([]byte{})
	lim := Limits{MaxColumns: 256, MaxColumnBytes: 1 << 14, MaxTotalBytes: 1 << 15}
	f.Fuzz(func(t *testing.T, src []byte) {
		cols, err := Decompress(src, lim)
		if err != nil {
			if !errors.Is(err, ErrCorrupt) && !errors.Is(err, ErrLimit) {
				t.Fatalf("error of no known type: %v", err)
			}
			return
		}
		if len(cols) > lim.MaxColumns || len(flatten(cols)) > lim.MaxTotalBytes {
			t.Fatal("more than the limits allow")
		}
		again, err := Decompress(Compress(nil, cols), lim)
		if err != nil {
			t.Fatalf("what decoded does not decode again: %v", err)
		}
		sameColumns(t, again, cols)
	})
}
