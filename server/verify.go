package server

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"

	"thonsync/server/store"
	"thonsync/syncproto"
)

// Verified is what Verify found. No damage means that every signature, every
// chain and every page of the databases is whole.
type Verified struct {
	Origins  int      `json:"origins"`
	Segments int      `json:"segments"`
	Changes  uint64   `json:"changes"`
	Damage   []string `json:"damage"` // what is wrong, where, and what to do
}

// Verify proves everything that is stored.
func (n *Node) Verify(ctx context.Context) (Verified, error) {
	var v Verified
	for _, name := range []string{storeName} {
		if err := integrity(ctx, n.path(name), &v); err != nil {
			return v, err
		}
	}
	if err := n.own.Verify(ctx); err != nil {
		v.Damage = append(v.Damage, "own log: "+err.Error())
	}
	err := n.store.View(ctx, func(r store.Reader) error { return verifyStore(r, &v) })
	return v, err
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
	defer db.Close()
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

// verifyStore checks each segment under its origin's key, and that the runs
// tell what the segments hold.
func verifyStore(r store.Reader, v *Verified) error {
	origins, err := r.Origins(store.OriginQuery{})
	if err != nil {
		return err
	}
	v.Origins = len(origins)
	keys := make(map[syncproto.OriginID]*store.Origin, len(origins))
	for i := range origins {
		keys[origins[i].ID] = &origins[i]
	}
	err = r.EachSegment(0, func(s store.Segment) error {
		v.Segments++
		if err := verifySegment(&s, keys[s.Origin]); err != nil {
			v.Damage = append(v.Damage, fmt.Sprintf("segment %d of the store: %v: restore a backup; phones and points still hold what the centre has not called safe", s.ID, err))
		}
		return nil
	})
	if err != nil {
		return err
	}
	return r.EachRun(func(run store.Run) error {
		v.Changes += run.Last.Seq - run.First + 1
		return nil
	})
}

func verifySegment(s *store.Segment, o *store.Origin) error {
	if o == nil {
		return syncproto.Errorf(syncproto.CodeUnknownPeer, "its origin %s is not stored", s.Origin)
	}
	seg, err := syncproto.ParseSegment(s.Data)
	if err != nil {
		return err
	}
	if seg.Origin != s.Origin || seg.First() != s.First || seg.Last() != s.Last || !seg.After.Equal(s.After) {
		return syncproto.Errorf(syncproto.CodeChain, "the index says otherwise than the segment %d-%d of origin %s", s.First, s.Last, s.Origin)
	}
	_, err = seg.Verify(o.Key)
	return err
}
