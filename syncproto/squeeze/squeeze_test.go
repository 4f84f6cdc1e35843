package squeeze

import (
	"bytes"
	"compress/flate"
	"os/exec"
	"testing"
)

var wide = Limits{MaxColumns: 1 << 12, MaxColumnBytes: 1 << 22, MaxTotalBytes: 1 << 22}

func flatten(cols [][]byte) []byte { return bytes.Join(cols, nil) }

// xzSize returns the size of raw under xz -9e, which these tests need.
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

func roundTrip(t *testing.T, cols [][]byte) []byte {
	t.Helper()
	packed := Compress(nil, cols)
	got, err := Decompress(packed, wide)
	if err != nil {
		t.Fatalf("Decompress: %v", err)
	}
	if len(got) != len(cols) {
		t.Fatalf("got %d columns, want %d", len(got), len(cols))
	}
	for i := range cols {
		if !bytes.Equal(got[i], cols[i]) {
			t.Fatalf("column %d differs after a round trip", i)
		}
	}
	return packed
}

func TestBeatsXZ(t *testing.T) {
	for _, rows := range []int{1, 3, 10, 30, 100, 300, 1000, 1700} {
		var raw, packed, xz, deflate int
		const seeds = 3
		for seed := range uint64(seeds) {
			cols := sampleColumns(seed, rows)
			flat := flatten(cols)
			raw += len(flat)
			packed += len(roundTrip(t, cols))
			xz += xzSize(t, flat)
			deflate += deflateSize(t, flat)
		}
		t.Logf("%4d rows: raw %6d  squeeze %6d  xz -9e %6d  deflate -9 %6d",
			rows, raw/seeds, packed/seeds, xz/seeds, deflate/seeds)
		if packed >= xz || packed >= deflate {
			t.Errorf("%d rows: squeeze %d bytes, xz %d, deflate %d", rows, packed, xz, deflate)
		}
	}
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
