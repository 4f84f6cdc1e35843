package demo

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"thonsync/server"
	"thonsync/server/store"
	"thonsync/syncproto"
)

// evening brings all phones to their points once more, lets the points exchange
// and brings them a last time: the receipts of the centre come back by the way
// that the work went.
func (s *stage) evening(ctx context.Context, saboteur *promise) error {
	for range 2 {
		for _, p := range s.phones {
			if p == s.cast.carried || stranded(saboteur) && p == s.phones[len(s.phones)-1] {
				continue
			}
			p.cable.cut.Store(false)
			if _, err := p.dev.Sync(ctx); err != nil {
				return fmt.Errorf("%s in the evening: %w", p.name, err)
			}
		}
		if err := s.upstream(ctx, s.points...); err != nil {
			return err
		}
	}
	for _, p := range s.phones {
		if p == s.cast.carried || stranded(saboteur) && p == s.phones[len(s.phones)-1] {
			continue
		}
		if _, err := p.dev.Sync(ctx); err != nil {
			return fmt.Errorf("%s in the evening: %w", p.name, err)
		}
	}
	return nil
}

func stranded(p *promise) bool { return p != nil && p.name == "never-stranded" }

// checkErased erases the personal data of one record by a ruling, delivers old
// copies again and looks for what is left.
func checkErased(ctx context.Context, s *stage, d *day) (string, error) {
	id, before, err := s.personalRecord(ctx)
	if err != nil {
		return "", err
	}
	rule := syncproto.Ruling{Kind: syncproto.RulingErase, Record: id, Unit: s.points[0].unit, Reason: syncproto.ReasonErased}
	if _, err := s.centre.node.Rule(ctx, rule); err != nil {
		return "", err
	}
	if d.putBack {
		err := s.centre.node.Store().Update(ctx, func(tx store.Tx) error { return tx.PutRecord(&before) })
		if err != nil {
			return "", err
		}
	}
	for _, p := range s.phones {
		var b strings.Builder
		if err := p.dev.ExportBundle(ctx, &b, everything); err != nil {
			return "", err
		}
		if _, err := server.BundleImport.Do(ctx, s.centre.node, server.Bundle{Data: []byte(b.String())}); err != nil {
			return "", err
		}
	}
	left, err := s.personalLeft(ctx, id)
	if err != nil {
		return "", err
	}
	if left > 0 {
		return "", brokenf("after the erasure and the return of old copies %d changes of the record still hold personal values", left)
	}
	return "one record erased by a ruling, all old copies delivered again: no change of it can be opened", nil
}

// checkRestorable makes a backup, restores it into an empty folder and compares
// all heads.
func checkRestorable(ctx context.Context, s *stage, d *day) (string, error) {
	made, err := server.BackupCommand.Do(ctx, s.centre.node, server.None{})
	if err != nil {
		return "", brokenf("no backup could be made and proved: %v", err)
	}
	if d.damageBackup {
		if err := flipByte(made.File); err != nil {
			return "", err
		}
	}
	back, err := s.restored(ctx, "restored", made.File)
	if err != nil {
		return "", brokenf("the backup does not restore: %v", err)
	}
	defer func() { _ = back.Close() }() // a copy that is thrown away
	want, err := headsOf(ctx, s.centre.node)
	if err != nil {
		return "", err
	}
	got, err := headsOf(ctx, back)
	if err != nil {
		return "", err
	}
	for origin, h := range want {
		if !got[origin].Equal(h) {
			return "", brokenf("origin %s ends at change %d here and at %d in the restored copy", origin, h.Seq, got[origin].Seq)
		}
	}
	return fmt.Sprintf("restored into an empty folder with all %d heads (%d kB, encrypted)", len(want), made.Bytes/1024), nil
}

func headsOf(ctx context.Context, n *server.Node) (map[syncproto.OriginID]syncproto.Heads, error) {
	out := map[syncproto.OriginID]syncproto.Heads{}
	err := n.Store().View(ctx, func(r store.Reader) error {
		return r.EachRun(func(run store.Run) error {
			if run.Branch == 0 {
				out[run.Origin] = run.Last
			}
			return nil
		})
	})
	return out, err
}

func flipByte(path string) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	b[len(b)/2] ^= 1
	return os.WriteFile(path, b, 0o600)
}

// personalRecord finds a citizen's record of the first commune.
func (s *stage) personalRecord(ctx context.Context) (id [16]byte, rec store.Record, err error) {
	found := false
	err = s.centre.node.Store().View(ctx, func(r store.Reader) error {
		return r.EachRecord(store.RecordQuery{Collection: syncproto.CollectionActivity, Kind: "CC", ExistsOnly: true}, func(x store.Record) error {
			if !found && !x.Erased {
				rec, id, found = x, x.ID, true
			}
			return nil
		})
	})
	if err == nil && !found {
		err = errors.New("nobody was helped with an identity card today: take another seed")
	}
	return id, rec, err
}
