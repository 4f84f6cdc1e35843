package clientlib_test

import (
	"context"
	"database/sql"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"thonsync/clientlib"
	"thonsync/clientlib/clienttest"
)

// BenchmarkRecordCommit measures one durable Record against the bare durable
// insert of as many bytes, which it cannot be faster than. The two take turns, so
// that both meet the same disk; the promise is a ratio of their medians of at
// most 1.5.
func BenchmarkRecordCommit(b *testing.B) {
	ctx := context.Background()
	db := bareStore(b)
	row := make([]byte, 400)
	w := clienttest.NewWorld(b, 1)
	d := w.Device("a", w.Centre)
	fields := clienttest.CardFields(1)
	var bare, record []time.Duration
	for b.Loop() {
		start := time.Now()
		if _, err := db.ExecContext(ctx, `INSERT INTO bare (bytes) VALUES ($1)`, row); err != nil {
			b.Fatal(err)
		}
		middle := time.Now()
		if _, err := d.Record(ctx, clientlib.RecordInput{Kind: "CC", Fields: fields}); err != nil {
			b.Fatal(err)
		}
		bare, record = append(bare, middle.Sub(start)), append(record, time.Since(middle))
	}
	slices.Sort(bare)
	slices.Sort(record)
	one, other := bare[len(bare)/2], record[len(record)/2]
	b.ReportMetric(float64(one.Microseconds()), "bare-µs")
	b.ReportMetric(float64(other.Microseconds()), "record-µs")
	b.ReportMetric(float64(other)/float64(one), "ratio")
}

// BenchmarkList measures the page that the app opens with, among 5,000 records.
func BenchmarkList(b *testing.B) {
	ctx := context.Background()
	w := clienttest.NewWorld(b, 1)
	d := w.Device("a", w.Centre)
	for i := range 5000 {
		w.Clock.Advance(time.Second)
		w.Card(d, i)
	}
	for name, f := range map[string]clientlib.Filter{"newest 50": {}, "search all": {Text: "khong co"}} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := d.List(ctx, f); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// bareStore is a database with the device's own pragmas and one table.
func bareStore(tb testing.TB) *sql.DB {
	db, err := clientlib.DefaultOpener(context.Background(), filepath.Join(tb.TempDir(), "bare.db"))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { db.Close() })
	if _, err := db.Exec(`CREATE TABLE bare (id INTEGER PRIMARY KEY, bytes BLOB NOT NULL) STRICT`); err != nil {
		tb.Fatal(err)
	}
	return db
}
