package squeeze

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"math"
	"math/bits"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	"pgregory.net/rapid"
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

// forge codes a header that Compress would not write, and nothing behind it. A
// negative value is written as an octet: its complement.
func forge(values ...int64) []byte {
	c := new(codec)
	c.model.reset()
	c.model.begin(0, 0)
	e := encoder{high: 0xffffffff}
	for _, v := range values {
		if v < 0 {
			c.encodeOctet(&e, byte(^v))
			continue
		}
		c.encodeUvarint(&e, uint64(v))
	}
	e.finish()
	return e.out
}

func TestForgedHeaders(t *testing.T) {
	wide := Limits{MaxColumns: 1 << 30, MaxColumnBytes: 1 << 30, MaxTotalBytes: 1 << 30}
	all, none, zero := ^int64(0xff), ^int64(0), ^int64(0)
	for name, c := range map[string]struct {
		src  []byte
		want error
	}{
		"length beyond the format":     {forge(1, 1<<31+1), ErrCorrupt},
		"number too long":              {forge(1 << 36), ErrCorrupt},
		"packed twice":                 {forge(1, 0, 0, 101), ErrCorrupt},
		"packed though short":          {forge(1, 0, minMasked), ErrCorrupt},
		"packed of one value":          {forge(1, 0, 101, all, zero), ErrCorrupt},
		"packed of more than fit":      {forge(1, 0, 101, ^int64(3), zero, ^int64(4)), ErrCorrupt},
		"packed without its bytes":     {forge(1, 0, 101, all, all), ErrCorrupt},
		"fixed bits that are coded":    {forge(1, 101, ^int64(3), ^int64(5)), ErrCorrupt},
		"constant and too long":        {forge(1, maxConstant+2, none, zero), ErrCorrupt},
		"more than can be held":        {forge(1, 1<<29, all), ErrLimit},
		"many that cannot be held":     {forge(3, 1<<16, all, 1<<16, all, 1<<16, all), ErrLimit},
		"one bit each, still too many": {forge(1, 1<<22, ^int64(1), zero), ErrLimit},
		"columns missing":              {forge(1<<20, 1, 1), ErrCorrupt},
	} {
		if _, err := Decompress(c.src, wide); !errors.Is(err, c.want) {
			t.Errorf("%s: error %v, want %v", name, err, c.want)
		}
	}
	if _, err := Decompress(forge(^int64(0x80), zero), wide); !errors.Is(err, ErrCorrupt) {
		t.Errorf("0 written in two bytes: error %v", err)
	}
	cols, err := Decompress(forge(1, maxConstant+1, none, ^int64('7')), wide)
	if err != nil || !bytes.Equal(flatten(cols), bytes.Repeat([]byte{'7'}, maxConstant)) {
		t.Errorf("the longest constant column: error %v", err)
	}
}

// whole is a stream of one column of equal bytes under a shape that Compress
// would not choose.
func whole(s shape, b byte) []byte {
	col := bytes.Repeat([]byte{b}, s.length)
	c := &codec{shapes: []shape{s}}
	c.model.reset()
	e := encoder{high: 0xffffffff}
	c.encodeHeader(&e)
	if s.flat == 0 {
		encodeColumn(&c.model, &e, 1, &s, col, nil)
	}
	e.finish()
	if s.flat != 0 {
		return s.pack(e.out, col)
	}
	return e.out
}

// Shapes that say the same in another way, or more than there is, are refused
// though all else of their streams is sound.
func TestShapesAreCanonical(t *testing.T) {
	for name, c := range map[string]struct {
		src  []byte
		want error
	}{
		"more bits than vary":        {whole(shape{length: 100, mask: 3, base: 4}, 4), nil},
		"more values than there are": {whole(shape{length: 100, mask: 3, base: 4, flat: 4}, 4), nil},
		"fixed bits that are coded":  {whole(shape{length: 100, mask: 3, base: 5}, 4), ErrCorrupt},
		"values beyond the bits":     {whole(shape{length: 100, mask: 3, base: 4, flat: 5}, 4), ErrCorrupt},
	} {
		cols, err := Decompress(c.src, wide)
		if !errors.Is(err, c.want) {
			t.Errorf("%s: error %v, want %v", name, err, c.want)
		}
		if c.want == nil && !bytes.Equal(flatten(cols), bytes.Repeat([]byte{4}, 100)) {
			t.Errorf("%s: other bytes", name)
		}
	}
}

// A packed number that no digits make is refused: there is one form of each.
func TestPackedNumbersAreCanonical(t *testing.T) {
	col := bytes.Repeat([]byte("0123456789"), 12)
	for i := range col {
		col[i] = '0' + byte(i*i*7/3%10)
	}
	packed := roundTrip(t, [][]byte{col})
	if want := 50; len(packed) < want || len(packed) > want+12 {
		t.Fatalf("120 digits became %d bytes: they were not packed", len(packed))
	}
	bad := bytes.Clone(packed)
	for i := range 5 {
		bad[len(bad)-5+i] = 0xff
	}
	if _, err := Decompress(bad, wide); !errors.Is(err, ErrCorrupt) {
		t.Errorf("a group of 2^40-1: error %v", err)
	}
}

func TestPackingIsDense(t *testing.T) {
	for k := 2; k <= 256; k++ {
		g := groups()[k]
		waste := float64(8*bytesFor(g, k)) / (float64(g) * math.Log2(float64(k)))
		if waste < 1 || waste > 1.15 {
			t.Errorf("base %d: %d digits in %d bytes, %.3f of what they need", k, g, bytesFor(g, k), waste)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		s := shape{mask: rapid.Byte().Draw(t, "mask")}
		s.base = rapid.Byte().Draw(t, "base") &^ s.mask
		if s.flat = 1 << bits.OnesCount8(s.mask); s.flat < 2 {
			return
		}
		col := rapid.SliceOfN(rapid.Byte(), 0, 60).Draw(t, "column")
		for i := range col {
			col[i] = col[i]&s.mask | s.base
		}
		s.length = len(col)
		packed := s.pack(nil, col)
		got, ok := s.unpack(nil, packed)
		if len(packed) != packedSize(len(col), s.flat) || !ok || !bytes.Equal(got, col) {
			t.Fatalf("%x became %x, %v, of %d bytes", col, got, ok, len(packed))
		}
	})
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
// only in how columns are coded: flipping bits never yields the same
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
	// All bytes are equal, but one bit of each is coded.
	if n/8/len(packed) > MaxExpansion/2 {
		t.Errorf("%d bytes in %d: MaxExpansion has too little to spare", n, len(packed))
	}
}

// So long a column of equal bytes drives the weights to their bounds; the sum
// of what was made of it is frozen like a vector.
func TestWeightsAreBounded(t *testing.T) {
	cols := [][]byte{make([]byte, 90_000), randomText(6, 3000)}
	c := new(codec)
	c.model.reset()
	c.model.begin(1, 0)
	for _, b := range cols[0] {
		c.model.teach(b)
	}
	if got := slices.Max(c.model.weight[0][:]); got != weightMax {
		t.Errorf("the largest weight is %d, the bound %d", got, weightMax)
	}
	const want = "b25676dc7a4c9e2044c3ce28e11e34656caf47a35350585b4bcb66eee42db7a8"
	if got := sha256.Sum256(roundTrip(t, cols)); hex.EncodeToString(got[:]) != want {
		t.Errorf("the stream's SHA-256 is %x", got)
	}
}

// A stream that claims much and holds little must not make Decompress allocate
// what it claims.
func TestMemoryGrowsWithWhatIsDecoded(t *testing.T) {
	src := append(forge(1, 1<<27+1, ^int64(0xff)), make([]byte, 1<<14)...)
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
