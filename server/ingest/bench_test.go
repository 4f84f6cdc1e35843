//go:build unix

package ingest

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"time"

	_ "modernc.org/sqlite"

	"thonsync/server/store"
	"thonsync/syncproto"
	"thonsync/syncproto/credential"
)

const (
	benchPhones   = 4
	benchSegments = 6 // per phone, of 1,000 changes
)

// bulk gives segments of 1,000 changes of several phones.
func bulk(b testing.TB) (segments [][]byte, creds []syncproto.OriginCredential, changes int) {
	b.Helper()
	for i := range benchPhones {
		a := newAuthor(b, fmt.Sprint("bulk ", i), credential.RolePhone, testVillage)
		rng := rand.New(rand.NewPCG(uint64(i), 9))
		for range benchSegments * syncproto.MaxSegmentChanges {
			a.write(activity(testVillage, rng))
		}
		segments = append(segments, a.cuts(1, a.heads.Seq, syncproto.MaxSegmentChanges)...)
		creds = append(creds, a.credentials())
		changes += int(a.heads.Seq)
	}
	return segments, creds, changes
}

// BenchmarkIngest takes bulk segments in as two senders at once would bring
// them, and in the same run inserts the very rows that this left behind with
// bare prepared statements of the same driver and settings: the ratio of the
// two is what verifying, opening, judging and merging cost.
func BenchmarkIngest(b *testing.B) {
	segments, creds, changes := bulk(b)
	var ingest, bare, ingestCPU, bareCPU time.Duration
	for b.Loop() {
		s := withReference(b)
		s.submitBatch(Batch{Credentials: creds})
		before := s.rowCount()
		runtime.GC()
		cpu := cpuTime(b)
		ingest += s.pour(segments)
		ingestCPU += cpuTime(b) - cpu
		if got := s.rowCount() - before; got != changes {
			b.Fatalf("%d records, want %d", got, changes)
		}
		wall, cpu := s.bareInserts(b)
		bare, bareCPU = bare+wall, bareCPU+cpu
	}
	n := float64(changes * b.N)
	b.ReportMetric(n/ingest.Seconds(), "changes/s")
	b.ReportMetric(n/bare.Seconds(), "bare-rows/s")
	b.ReportMetric(bare.Seconds()/ingest.Seconds(), "ratio")
	// On a busy machine wall time tells little; processor time does.
	b.ReportMetric(ingestCPU.Seconds()/n*1e6, "cpu-µs/change")
	b.ReportMetric(bareCPU.Seconds()/n*1e6, "bare-cpu-µs/row")
	b.ReportMetric(0, "ns/op")
}

func cpuTime(t testing.TB) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// pour submits segments from two goroutines and gives the time until the last
// is durable.
func (s *server) pour(segments [][]byte) time.Duration {
	start := time.Now()
	var wg sync.WaitGroup
	next := make(chan []byte)
	for range 2 {
		wg.Go(func() {
			for seg := range next {
				r, err := s.Submit(context.Background(), Batch{Segments: [][]byte{seg}})
				if err != nil || len(r.Problems) > 0 {
					s.t.Errorf("submit: %+v, %v", r, err)
				}
			}
		})
	}
	for _, seg := range segments {
		next <- seg
	}
	close(next)
	wg.Wait()
	return time.Since(start)
}

func (s *server) rowCount() (n int) {
	s.view(func(r store.Reader) {
		err := r.EachRecord(store.RecordQuery{WithoutHistory: true}, func(store.Record) error { n++; return nil })
		if err != nil {
			s.t.Fatal(err)
		}
	})
	return n
}

// bareInserts copies records, segments and ledger into an empty database of the
// same schema, 1,000 rows a transaction, and gives the time that takes.
func (s *server) bareInserts(b *testing.B) (wall, cpu time.Duration) {
	b.Helper()
	const pragmas = "_pragma=page_size(8192)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=secure_delete(1)&_pragma=cache_size(-32768)&_txlock=immediate"
	from, err := sql.Open("sqlite", "file:"+s.path+"?mode=ro")
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = from.Close() }()
	to, err := sql.Open("sqlite", "file:"+filepath.Join(b.TempDir(), "bare.db")+"?"+pragmas)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = to.Close() }()
	to.SetMaxOpenConns(1)
	copySchema(b, from, to)
	for table, where := range map[string]string{"records": "collection=7", "segments": "1", "outcomes": "1"} {
		rows := allRows(b, from, table, "WHERE "+where)
		before, start := cpuTime(b), time.Now()
		insertRows(b, to, table, rows)
		wall, cpu = wall+time.Since(start), cpu+cpuTime(b)-before
	}
	return wall, cpu
}

func copySchema(b *testing.B, from, to *sql.DB) {
	b.Helper()
	rows, err := from.Query("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%'")
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var q string
		if err := rows.Scan(&q); err != nil {
			b.Fatal(err)
		}
		if _, err := to.Exec(q); err != nil {
			b.Fatal(err)
		}
	}
	if err := rows.Err(); err != nil {
		b.Fatal(err)
	}
}

// allRows reads rows of a table in the order of their keys, which flatters the
// bare inserts: phones bring records in the order of their own stamps only.
func allRows(b *testing.B, from *sql.DB, table, where string) [][]any {
	b.Helper()
	rows, err := from.Query("SELECT * FROM " + table + " " + where)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	cols, err := rows.Columns()
	if err != nil {
		b.Fatal(err)
	}
	var out [][]any
	for rows.Next() {
		row, ptr := make([]any, len(cols)), make([]any, len(cols))
		for i := range row {
			ptr[i] = &row[i]
		}
		if err := rows.Scan(ptr...); err != nil {
			b.Fatal(err)
		}
		out = append(out, row)
	}
	if err := rows.Err(); err != nil {
		b.Fatal(err)
	}
	return out
}

func insertRows(b *testing.B, to *sql.DB, table string, rows [][]any) {
	b.Helper()
	if len(rows) == 0 {
		return
	}
	marks := "?"
	for range len(rows[0]) - 1 {
		marks += ",?"
	}
	for len(rows) > 0 {
		n := min(len(rows), 1000)
		tx, err := to.Begin()
		if err != nil {
			b.Fatal(err)
		}
		st, err := tx.Prepare("INSERT INTO " + table + " VALUES (" + marks + ")")
		if err != nil {
			b.Fatal(err)
		}
		for _, r := range rows[:n] {
			if _, err := st.Exec(r...); err != nil {
				b.Fatal(err)
			}
		}
		if err := tx.Commit(); err != nil {
			b.Fatal(err)
		}
		rows = rows[n:]
	}
}
