package sim

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"thonsync/server"
	"thonsync/server/config"
	"thonsync/server/store"
	"thonsync/syncproto"
)

// site is a point or the centre.
type site struct {
	w       *world
	name    string
	url     string
	commune int // points only
	cfg     config.Config
	node    *server.Node
	up      bool
	skewMS  int64
	old     string // copy of an earlier state; points only
}

func (s *site) String() string { return s.name }

func (s *site) now() time.Time { return time.UnixMilli(s.w.nowMS + s.skewMS) }

func (s *site) options() server.Options {
	return server.Options{
		Transport: s.w.net, Now: s.now,
		After: func(time.Duration) <-chan time.Time { return nil }, // nothing happens by itself
	}
}

// newSite opens a new centre or, with a joining code, a new point.
func (w *world) newSite(name, upstream, invite string) (*site, error) {
	s := &site{w: w, name: name, url: "http://" + name + ".sim", up: true}
	if invite != "" {
		s.skewMS = pick(w.rng, []int64{0, 0, -3 * 3_600_000, 40 * 60_000})
	}
	w.net.sites[s.url] = s
	var err error
	if s.cfg, err = w.settings(name, s.url, upstream); err != nil {
		return nil, err
	}
	if invite != "" {
		if err := server.JoinUpstream(w.ctx, s.cfg, s.options(), invite, name); err != nil {
			return nil, err
		}
	}
	return s, s.open()
}

func (s *site) open() (err error) {
	if s.node, err = server.Open(s.w.ctx, s.cfg, s.options()); err != nil {
		return fmt.Errorf("%s does not open: %w", s, err)
	}
	return nil
}

// path gives a new folder name.
func (w *world) path(name string) string {
	w.folder++
	return filepath.Join(w.dir, fmt.Sprintf("%s-%d", name, w.folder))
}

// crash ends a site without notice: what its disk held at that moment is opened
// again.
func (w *world) crash(s *site) error {
	w.rep.Crashes++
	next := w.path(s.name)
	if err := copyFolder(s.cfg.Data, next); err != nil {
		return err
	}
	return s.move(next)
}

// move closes a site and opens it on another folder.
func (s *site) move(next string) error {
	if err := s.node.Close(); err != nil {
		return err
	}
	if err := os.RemoveAll(s.cfg.Data); err != nil {
		return err
	}
	s.cfg.Data = next
	return s.open()
}

// copyFolder copies files as a disk would keep them over a power cut: without
// SQLite's shared memory and without what names a running process.
func copyFolder(from, to string) error {
	return filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		if d.IsDir() {
			return os.MkdirAll(filepath.Join(to, rel), 0o700)
		}
		if strings.HasSuffix(path, "-shm") || d.Name() == "admin.json" {
			return nil
		}
		return copyFile(path, filepath.Join(to, rel))
	})
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

// restorePoint puts a point's disk back to an earlier copy.
func (w *world) restorePoint(s *site) error {
	if s.old == "" {
		s.old = w.path(s.name + "-old")
		w.note("%s is copied", s)
		return copyFolder(s.cfg.Data, s.old)
	}
	w.rep.Restores++
	w.note("%s is put back to an old copy", s)
	next := s.old
	s.old = ""
	return s.move(next)
}

// makeBackup makes a verified backup of the centre.
func (w *world) makeBackup() error {
	made, err := server.BackupCommand.Do(w.ctx, w.centre.node, server.None{})
	if err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	w.backup, w.madeMS = made.File, w.nowMS
	return nil
}

// backupAge is for how long a backup is taken to be there: its key is destroyed
// within the erasure deadline.
const backupAge = 8 * 24 * time.Hour

// restoreCentre loses the centre's disk and restores the last backup. The orders
// file lies outside the database and outlives it.
func (w *world) restoreCentre() error {
	if w.nowMS-w.madeMS > backupAge.Milliseconds() {
		return w.makeBackup()
	}
	w.rep.Restores++
	s := w.centre
	safe, err := w.claimed("safe")
	if err != nil {
		return err
	}
	if err := s.node.Close(); err != nil {
		return err
	}
	orders := filepath.Join(s.cfg.Data, "orders.jsonl")
	if err := copyFile(orders, filepath.Join(s.cfg.BackupFolder, "orders.jsonl")); err != nil {
		return err
	}
	if err := os.RemoveAll(s.cfg.Data); err != nil {
		return err
	}
	s.cfg.Data = w.path("centre")
	if err := server.Restore(w.ctx, s.cfg, s.options(), w.backup); err != nil {
		return fmt.Errorf("restoring the centre: %w", err)
	}
	if err := s.open(); err != nil {
		return err
	}
	have, err := w.held()
	if err != nil {
		return err
	}
	behind := 0
	for id, it := range w.items {
		if it.behind = !have[id]; it.behind {
			behind++
			it.gone = it.gone || len(it.holders) == 0
		}
	}
	w.note("the centre is restored from its backup; %d records came later", behind)
	for id := range safe {
		if !have[id] {
			return fmt.Errorf("record %s was called safe and is not in the backup", id)
		}
	}
	return nil
}

// held gives the activities that the centre's store has, whatever became of
// them.
func (w *world) held() (map[[16]byte]bool, error) {
	out := make(map[[16]byte]bool)
	err := w.centre.node.Store().View(w.ctx, func(r store.Reader) error {
		return r.EachRecord(store.RecordQuery{Collection: syncproto.CollectionActivity, WithoutHistory: true}, func(rec store.Record) error {
			out[rec.ID] = true
			return nil
		})
	})
	return out, err
}
