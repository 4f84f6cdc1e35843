package clientlib_test

import (
	"context"
	"database/sql"
	"path/filepath"
	"testing"

	"thonsync/clientlib"
	"thonsync/clientlib/clienttest"
)

// BenchmarkRecordCommit measures one durable Record against the bare durable
// insert of as many bytes that it cannot be faster than, in one run on one disk.
// The promise is a ratio of at most 1.5.
func BenchmarkRecordCommit(b *testing.B) {
	ctx := context.Background()
	b.Run("bare", func(b *testing.B) {
		db := bareStore(b)
		row := make([]byte, 400)
		for b.Loop() {
			if _, err := db.ExecContext(ctx, `INSERT INTO bare (bytes) VALUES ($1)`, row); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("record", func(b *testing.B) {
		w := clienttest.NewWorld(b, 1)
		d := w.Device("a", w.Centre)
		fields := clienttest.CardFields(1)
		for b.Loop() {
			if _, err := d.Record(ctx, clientlib.RecordInput{Kind: "CC", Fields: fields}); err != nil {
				b.Fatal(err)
			}
		}
	})
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
