package main

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"thonsync/testdata/province"
)

// The size of the bulk intake.
const (
	ingestPhones  = 16
	ingestChanges = 1000
)

// ingestSuite measures the centre's intake (verify, open, merge, ledger,
// receipt, durable) in changes per second. The reference inserts exactly the
// rows that the intake left behind into an empty copy of the same tables with
// the same driver, 1,000 a transaction, FULL, in the order of their keys.
func ingestSuite(emit func(line)) error {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "thonsync-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	p := province.Small(1, 4, 6)
	n, err := reference(ctx, dir, p)
	if err != nil {
		return err
	}
	if err := n.Close(); err != nil {
		return err
	}
	in, err := openIntake(ctx, dir)
	if err != nil {
		return err
	}
	list, err := in.works(p, ingestPhones, ingestChanges, 3)
	if err != nil {
		return err
	}
	before, err := snapshot(ctx, in.path)
	if err != nil {
		return err
	}
	start := time.Now()
	if err := in.submit(ctx, list); err != nil {
		return err
	}
	took := time.Since(start)
	if err := in.close(); err != nil {
		return err
	}
	after, err := snapshot(ctx, in.path)
	if err != nil {
		return err
	}
	total := float64(ingestPhones * ingestChanges)
	ours := total / took.Seconds()
	bare, err := replay(ctx, in.path, filepath.Join(dir, "bare.db"), before)
	if err != nil {
		return err
	}
	rows := 0
	for t, n := range after {
		rows += n - before[t]
	}
	emit(compare("ingest/sqlite", ours, total/bare.Seconds(),
		fmt.Sprintf("the same driver bare inserting all %d rows that we wrote, fastest of prepared and multi-row", rows), "changes/s", atLeast, 0.5))
	plain, err := decodedFields(ctx, in.path, filepath.Join(dir, "fields.db"))
	if err != nil {
		return err
	}
	emit(compare("ingest/one-table", ours, total/plain.Seconds(), "bare inserts of the decoded columns of the records alone, prepared", "changes/s", atLeast, 0))
	return nil
}

// tables are those that the intake of phones' work writes to.
var tables = []string{"origins", "runs", "segments", "outcomes", "records", "receipts", "tallies", "arrivals"}

func snapshot(ctx context.Context, path string) (map[string]int, error) {
	db, err := sql.Open("sqlite", "file:"+filepath.ToSlash(path)+"?mode=ro")
	if err != nil {
		return nil, err
	}
	defer db.Close()
	out := map[string]int{}
	for _, t := range tables {
		var n int
		if err := db.QueryRowContext(ctx, "SELECT count(*) FROM "+t).Scan(&n); err != nil {
			return nil, err
		}
		out[t] = n
	}
	return out, nil
}

// rowSet is the rows of one table, in the order of their keys.
type rowSet struct {
	table   string
	columns int
	rows    [][]any
}

func readRows(ctx context.Context, db *sql.DB, query, table string) (*rowSet, error) {
	rows, err := db.QueryContext(ctx, query)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	cols, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	set := &rowSet{table: table, columns: len(cols)}
	for rows.Next() {
		row, at := make([]any, len(cols)), make([]any, len(cols))
		for i := range row {
			at[i] = &row[i]
		}
		if err := rows.Scan(at...); err != nil {
			return nil, err
		}
		set.rows = append(set.rows, row)
	}
	return set, rows.Err()
}

// replay inserts the rows that are new since before into an empty database with
// the same schema, and gives the time of the faster way.
func replay(ctx context.Context, from, to string, before map[string]int) (time.Duration, error) {
	src, err := sql.Open("sqlite", "file:"+filepath.ToSlash(from)+"?mode=ro")
	if err != nil {
		return 0, err
	}
	defer src.Close()
	var schema []string
	rows, err := src.QueryContext(ctx, `SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%'`)
	if err != nil {
		return 0, err
	}
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			return 0, err
		}
		schema = append(schema, s)
	}
	if err := rows.Err(); err != nil {
		return 0, err
	}
	var sets []*rowSet
	for _, t := range tables {
		set, err := readRows(ctx, src, "SELECT * FROM "+t, t)
		if err != nil {
			return 0, err
		}
		if t == "segments" || t == "receipts" { // numbered in order of arrival
			set.rows = set.rows[min(before[t], len(set.rows)):]
		}
		sets = append(sets, set)
	}
	best := time.Duration(0)
	for i, perStatement := range []int{1, 50} {
		took, err := insertAll(ctx, fmt.Sprintf("%s.%d", to, i), schema, sets, perStatement)
		if err != nil {
			return 0, err
		}
		if best == 0 || took < best {
			best = took
		}
	}
	return best, nil
}

func insertAll(ctx context.Context, path string, schema []string, sets []*rowSet, perStatement int) (time.Duration, error) {
	dsn := strings.Replace(bareDSN(path), "foreign_keys(1)", "foreign_keys(0)", 1)
	db, err := sql.Open("sqlite", dsn)
	if err != nil {
		return 0, err
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	for _, s := range schema {
		if _, err := db.ExecContext(ctx, s); err != nil {
			return 0, err
		}
	}
	start := time.Now()
	for _, set := range sets {
		for at := 0; at < len(set.rows); at += 1000 {
			if err := insertSome(ctx, db, set, set.rows[at:min(at+1000, len(set.rows))], perStatement); err != nil {
				return 0, fmt.Errorf("%s: %w", set.table, err)
			}
		}
	}
	return time.Since(start), nil
}

func insertSome(ctx context.Context, db *sql.DB, set *rowSet, rows [][]any, perStatement int) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // after a commit there is nothing to undo
	one := "(" + strings.TrimSuffix(strings.Repeat("?,", set.columns), ",") + ")"
	statement := func(n int) string {
		return "INSERT INTO " + set.table + " VALUES " + strings.TrimSuffix(strings.Repeat(one+",", n), ",")
	}
	stmt, err := tx.PrepareContext(ctx, statement(perStatement))
	if err != nil {
		return err
	}
	defer stmt.Close()
	var args []any
	for len(rows) >= perStatement {
		args = args[:0]
		for _, r := range rows[:perStatement] {
			args = append(args, r...)
		}
		if _, err := stmt.ExecContext(ctx, args...); err != nil {
			return err
		}
		rows = rows[perStatement:]
	}
	for _, r := range rows {
		if _, err := tx.ExecContext(ctx, statement(1), r...); err != nil {
			return err
		}
	}
	return tx.Commit()
}

// decodedFields inserts what a report would want of each record into one plain
// table.
func decodedFields(ctx context.Context, from, to string) (time.Duration, error) {
	src, err := sql.Open("sqlite", "file:"+filepath.ToSlash(from)+"?mode=ro")
	if err != nil {
		return 0, err
	}
	defer src.Close()
	set, err := readRows(ctx, src, `SELECT id, unit, kind, occurred, result, author, stamp_ms FROM records WHERE collection = 7`, "plain")
	if err != nil {
		return 0, err
	}
	schema := `CREATE TABLE plain (id BLOB PRIMARY KEY, unit TEXT, kind TEXT, occurred TEXT, result TEXT, author BLOB, stamp_ms INTEGER) STRICT, WITHOUT ROWID`
	return insertAll(ctx, to, []string{schema}, []*rowSet{set}, 1)
}
