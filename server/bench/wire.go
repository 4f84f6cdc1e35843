package main

import (
	"bytes"
	"compress/gzip"
	"crypto/ed25519"
	"encoding/binary"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os/exec"
	"time"

	"github.com/fxamacker/cbor/v2"
	"github.com/klauspost/compress/zstd"

	"thonsync/syncproto"
	"thonsync/testdata/fieldwork"
	"thonsync/testdata/province"
)

// batch is one phone's work, ready to be encoded in any form.
type batch struct {
	in      syncproto.SegmentInput
	records []map[string]any // the same values for the self-describing forms
	table   [][]string       // the same values as CSV
}

// opensEvery is after how many records the phone's program is opened anew; each
// opening costs 8 random octets.
const opensEvery = 12

func wireSuite(emit func(line)) error {
	p := province.Generate(1)
	for _, n := range []int{1, 10, 100, 1000} {
		b, err := phoneBatch(p, n, 7)
		if err != nil {
			return err
		}
		if err := wireLines(b, n, emit); err != nil {
			return err
		}
	}
	return nil
}

func suites() []suite {
	return []suite{{"wire", wireSuite}, {"record", recordSuite}, {"ingest", ingestSuite}, {"linkage", linkageSuite}, {"overview", overviewSuite}, {"memory", memorySuite}}
}

func wireLines(b *batch, n int, emit func(line)) error {
	seg, err := syncproto.EncodeSegment(b.in)
	if err != nil {
		return err
	}
	open, personal, err := syncproto.Columns(b.in)
	if err != nil {
		return err
	}
	columns := bytes.Join(append(open, personal...), nil)
	forms, err := otherForms(b)
	if err != nil {
		return err
	}
	xzColumns, err := xz(columns)
	if err != nil {
		return err
	}
	xzTable, err := xz(forms.csv)
	if err != nil {
		return err
	}
	per := func(bytes int) float64 { return float64(bytes) / float64(n) }
	ours := per(len(seg.Encode()))
	name := fmt.Sprintf("wire/%d", n)
	goalXZ, goalZstd := 0.0, 0.0
	if n == 1000 {
		goalXZ, goalZstd = 1.25, 0.35
	}
	const unit = "B/change"
	emit(compare(name, ours, per(min(xzColumns, xzTable)), "smaller of xz -9e over our raw columns and over a CSV of the same values", unit, atMost, goalXZ))
	emit(compare(name+"/json-zstd", ours, per(zstdBest(forms.json)), "JSON with zstd at its best level", unit, atMost, goalZstd))
	emit(compare(name+"/json-gzip", ours, per(gzipBest(forms.json)), "JSON with gzip -9", unit, atMost, 0))
	emit(compare(name+"/cbor-zstd", ours, per(zstdBest(forms.cbor)), "CBOR with zstd at its best level", unit, atMost, 0))
	emit(compare(name+"/entropy", ours, order0(append(open, personal...))/float64(n), "order-0 entropy of each of our columns, without seal, signature and chain", unit, atMost, 0))
	return nil
}

type encoded struct{ json, cbor, csv []byte }

func otherForms(b *batch) (encoded, error) {
	var e encoded
	var err error
	if e.json, err = json.Marshal(b.records); err != nil {
		return e, err
	}
	if e.cbor, err = cbor.Marshal(b.records); err != nil {
		return e, err
	}
	var buf bytes.Buffer
	w := csv.NewWriter(&buf)
	if err := w.WriteAll(b.table); err != nil {
		return e, err
	}
	e.csv = buf.Bytes()
	return e, nil
}

// phoneBatch makes n changes of one shared phone.
func phoneBatch(p *province.Province, n int, seed uint64) (*batch, error) {
	rng := rand.New(rand.NewPCG(seed, 1))
	seal, err := syncproto.NewSealPrivate(random(rng, 32))
	if err != nil {
		return nil, err
	}
	return segmentOf(p, sharedPhone(p), n, rng, seal.Public)
}

// segmentOf makes n changes of one phone of the province, with a key of its own.
func segmentOf(p *province.Province, phone, n int, rng *rand.Rand, to syncproto.SealPublic) (*batch, error) {
	key := ed25519.NewKeyFromSeed(random(rng, 32))
	origin := syncproto.OriginOf(key.Public().(ed25519.PublicKey))
	b := &batch{in: syncproto.SegmentInput{Origin: origin, Before: syncproto.Genesis(origin), Key: key, To: to}}
	member, team := fieldwork.Invented(p)
	stream := fieldwork.NewStream(province.NewActivityGen(p, rng.Uint64(), time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)), member, team)
	heads := b.in.Before
	for i := range n {
		c, a := stream.NextOn(phone)
		c.Origin, c.Seq = origin, uint64(i+1)
		if i%opensEvery == 0 {
			c.Header.Nonce = random(rng, syncproto.NonceBytes)
		}
		c.Header.Beacon.MS = 1_772_400_000_000 + int64(i/60)*86_400_000
		binary.BigEndian.PutUint64(c.Header.Beacon.Tag[:], uint64(i/60+1)*0x9e3779b97f4a7c15)
		if i%syncproto.MaxSaltedChanges == 0 {
			b.in.Salts = append(b.in.Salts, syncproto.SaltRun{Secret: (*syncproto.SaltSecret)(random(rng, 32))})
		}
		b.in.Salts[len(b.in.Salts)-1].Count++
		header, op := syncproto.AppendRow(nil, c.Header.Row()), syncproto.AppendRow(nil, c.Operational)
		heads = heads.Next(origin, header, op, syncproto.Hash{})
		record := c.Header.Record
		if c.Header.Op == syncproto.OpCreate {
			record = syncproto.RecordID(c.Header.StampMS, heads.Open)
			stream.Made(a, record)
		}
		b.in.Changes = append(b.in.Changes, c)
		b.describe(c, record.String())
	}
	return b, nil
}

// sharedPhone picks a phone that several people record on.
func sharedPhone(p *province.Province) int {
	for i, ph := range p.Phones {
		if len(ph.Members) > 2 {
			return i
		}
	}
	return 0
}

// describe adds the change's values in the forms that others would use: what
// the phone's origin and number are, once per change, as everybody does.
func (b *batch) describe(c syncproto.Change, record string) {
	m := map[string]any{"origin": c.Origin.String(), "seq": c.Seq, "record": record,
		"stamp": c.Header.StampMS, "author": c.Header.Author.String(), "op": int(c.Header.Op)}
	row := []string{record, fmt.Sprint(c.Header.StampMS), c.Header.Author.String(), fmt.Sprint(c.Header.Op)}
	coll, _ := syncproto.CollectionOf(c.Header.Collection)
	for comp, r := range [][]syncproto.Field{c.Operational, c.Personal} {
		cells := make([]string, 48)
		for _, f := range r {
			name := fmt.Sprintf("field_%d", f.Num)
			if def, ok := coll.Field(syncproto.Compartment(comp), f.Num); ok {
				name = def.Name
			}
			m[name] = f.Value.JSON()
			cells[f.Num] = fmt.Sprint(f.Value.JSON())
		}
		row = append(row, cells...)
	}
	b.records = append(b.records, m)
	b.table = append(b.table, row)
}

func random(rng *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(rng.Uint32())
	}
	return b
}

func xz(b []byte) (int, error) {
	path, err := exec.LookPath("xz")
	if err != nil {
		return 0, fmt.Errorf("the reference needs the program xz (Debian: apt-get install xz-utils): %w", err)
	}
	cmd := exec.Command(path, "-9e", "--stdout")
	cmd.Stdin = bytes.NewReader(b)
	out, err := cmd.Output()
	return len(out), err
}

func zstdBest(b []byte) int {
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedBestCompression))
	if err != nil {
		panic(err) // fixed options
	}
	return len(enc.EncodeAll(b, nil))
}

func gzipBest(b []byte) int {
	var buf bytes.Buffer
	w, _ := gzip.NewWriterLevel(&buf, gzip.BestCompression) // fixed, valid level
	_, _ = w.Write(b)
	_ = w.Close()
	return buf.Len()
}

// order0 sums the order-0 entropy of the columns, in bytes.
func order0(cols [][]byte) float64 {
	total := 0.0
	for _, c := range cols {
		var hist [256]int
		for _, x := range c {
			hist[x]++
		}
		for _, h := range hist {
			if h > 0 {
				total += float64(h) * math.Log2(float64(len(c))/float64(h)) / 8
			}
		}
	}
	return total
}
