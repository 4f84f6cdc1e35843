package server

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
)

// Verified is what Verify found. No damage means that every signature and
// both chains verify and that every page of the database is whole.
type Verified struct {
	Segments  int      `json:"segments"`
	Changes   int      `json:"changes"`
	Personals int      `json:"personals"` // personal rows that match their commitments; centre only
	Damage    []string `json:"damage"`    // what is wrong, where, and what to do
}

// Verify proves everything that is stored.
func (n *Node) Verify(ctx context.Context) (Verified, error) {
	var v Verified
	if err := integrity(ctx, n.path(storeName), &v); err != nil {
		return v, err
	}
	if err := n.own.Verify(ctx); err != nil {
		v.Damage = append(v.Damage, "own log: "+err.Error())
	}
	got, err := n.ingest.VerifyChains(ctx)
	if err != nil {
		return v, err
	}
	v.Segments, v.Changes, v.Personals = got.Segments, got.Changes, got.Personals
	for _, b := range got.Bad {
		v.Damage = append(v.Damage, fmt.Sprintf("changes %d-%d of origin %s: %v: restore a backup; phones and points still hold what the centre has not called safe", b.First, b.Last, b.Origin, b.Err))
	}
	return v, nil
}

// integrity asks SQLite whether the file is whole.
func integrity(ctx context.Context, path string, v *Verified) error {
	path, err := filepath.Abs(path)
	if err != nil {
		return err
	}
	p := filepath.ToSlash(path)
	if !strings.HasPrefix(p, "/") {
		p = "/" + p
	}
	db, err := sql.Open("sqlite", (&url.URL{Scheme: "file", Path: p, RawQuery: "mode=ro&_pragma=busy_timeout(5000)"}).String())
	if err != nil {
		return fmt.Errorf("opening %s: %w", filepath.Base(path), err)
	}
	defer func() { _ = db.Close() }() // only read from
	rows, err := db.QueryContext(ctx, "PRAGMA integrity_check(20)")
	if err != nil {
		return fmt.Errorf("checking %s: %w", filepath.Base(path), err)
	}
	defer rows.Close()
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			return fmt.Errorf("checking %s: %w", filepath.Base(path), err)
		}
		if line != "ok" {
			v.Damage = append(v.Damage, filepath.Base(path)+": SQLite says: "+line)
		}
	}
	return rows.Err()
}
