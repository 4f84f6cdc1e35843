// Package backup makes encrypted copies of a server's data, proves each by
// restoring it, forgets them in time, and keeps the orders that must be carried
// out again after a restore. A copy that was not restored in a drill does not
// count.
package backup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"filippo.io/age"

	"thonsync/server/keys"
	"thonsync/syncproto"
)

// Config is what a Service needs. All fields are required, except where they
// say otherwise.
type Config struct {
	Folder      string        // where backups go
	PeriodKeys  string        // where their keys are kept
	Work        string        // folder for plain copies while they are made; on the data's own disk
	Keep        int           // backups that are kept
	Period      time.Duration // how long one key serves
	EraseWithin time.Duration // age at which a key is destroyed, counted from its first use

	// Copy writes consistent copies of all files of a data folder into dir,
	// while the server runs.
	Copy func(ctx context.Context, dir string) error
	// Prove opens restored files, checks every chain and gives the heads.
	Prove func(ctx context.Context, dir string) ([]syncproto.OriginHeads, error)
	// Safe is told what a verified backup covers; nil at a point.
	Safe func(ctx context.Context, heads []syncproto.OriginHeads) error
	// Beside lists small files that are copied beside every backup as they are:
	// the orders, and the heads that show an access log cut short.
	Beside []string

	// Recovery gives who can open the keys of backups when all else is lost; nil,
	// or giving nil, for nobody.
	Recovery func() (age.Recipient, error)

	Now     func() time.Time
	Random  io.Reader // cryptographic
	Program string    // version, for the manifest
	Log     *slog.Logger
}

// Service makes backups. It is safe for concurrent use; backups take turns.
type Service struct {
	cfg  Config
	turn sync.Mutex
	// copying is held while the files beside the backups are copied.
	copying sync.Mutex

	mu       sync.Mutex
	verified time.Time
	wanted   time.Time // a backup later than this is wanted at once
	err      error
}

// New makes a service and its folders.
func New(cfg Config) (*Service, error) {
	for _, dir := range []string{cfg.Folder, cfg.PeriodKeys} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, fmt.Errorf("making a folder for backups: %w", err)
		}
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	s := &Service{cfg: cfg}
	list, err := s.list()
	if err != nil {
		return nil, err
	}
	ended, err := s.ended()
	if err != nil {
		return nil, err
	}
	for _, e := range ended {
		s.wanted = maxTime(s.wanted, e.at())
	}
	if n := len(list); n > 0 {
		s.verified = list[n-1].made
	}
	return s, nil
}

func maxTime(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// Made describes a backup that was made and proved.
type Made struct {
	File    string `json:"file"`
	Bytes   int64  `json:"bytes"`
	Origins int    `json:"origins"`
	Changes uint64 `json:"changes"`
	MadeMS  int64  `json:"made_ms"`
}

// Make makes one backup, restores it into a scratch folder, proves it there and
// then says that what it holds is safe.
func (s *Service) Make(ctx context.Context) (Made, error) {
	s.turn.Lock()
	defer s.turn.Unlock()
	made, err := s.make(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err = err; err == nil {
		s.verified = time.UnixMilli(made.MadeMS)
	}
	return made, err
}

func (s *Service) make(ctx context.Context) (Made, error) {
	scratch, err := os.MkdirTemp(s.cfg.Work, "backup-")
	if err != nil {
		return Made{}, fmt.Errorf("making a scratch folder: %w", err)
	}
	defer func() { _ = os.RemoveAll(scratch) }() // the next start removes leftovers, too
	plain, drill := filepath.Join(scratch, "plain"), filepath.Join(scratch, "drill")
	for _, dir := range []string{plain, drill} {
		if err := os.Mkdir(dir, 0o700); err != nil {
			return Made{}, fmt.Errorf("making a scratch folder: %w", err)
		}
	}
	if err := s.cfg.Copy(ctx, plain); err != nil {
		return Made{}, err
	}
	now := s.cfg.Now()
	period, err := s.period(now)
	if err != nil {
		return Made{}, err
	}
	path := filepath.Join(s.cfg.Folder, fileName(period.since, now))
	if err := pack(plain, path, period.identity.Recipient(), Manifest{MadeMS: now.UnixMilli(), Program: s.cfg.Program}); err != nil {
		return Made{}, err
	}
	if err := s.wrapPeriod(period); err != nil {
		return Made{}, err
	}
	made, heads, err := s.drill(ctx, path, drill)
	if err != nil {
		return Made{}, fmt.Errorf("the backup %s was made and does not restore: %w", filepath.Base(path), err)
	}
	made.MadeMS = now.UnixMilli()
	if err := s.RenewBeside(); err != nil {
		return Made{}, err
	}
	if s.cfg.Safe != nil {
		if err := s.cfg.Safe(ctx, heads); err != nil {
			return Made{}, err
		}
	}
	return made, s.forget(now)
}

// RenewBeside copies the small files beside the backups anew. It is called after
// every order, too: a backup that is older than an erasure is restored with it
// all the same, even if nothing else is left of the machine.
func (s *Service) RenewBeside() error {
	s.copying.Lock()
	defer s.copying.Unlock()
	for _, path := range s.cfg.Beside {
		if err := copyFile(path, filepath.Join(s.cfg.Folder, filepath.Base(path))); err != nil {
			return err
		}
	}
	return nil
}

// drill restores a backup into dir and proves it.
func (s *Service) drill(ctx context.Context, path, dir string) (Made, []syncproto.OriginHeads, error) {
	m, err := Unpack(path, s.cfg.PeriodKeys, dir)
	if err != nil {
		return Made{}, nil, err
	}
	heads, err := s.cfg.Prove(ctx, dir)
	if err != nil {
		return Made{}, nil, err
	}
	st, err := os.Stat(path)
	if err != nil {
		return Made{}, nil, err
	}
	out := Made{File: path, Bytes: st.Size(), Origins: len(heads), MadeMS: m.MadeMS}
	for _, h := range heads {
		out.Changes += h.Seq
	}
	return out, heads, nil
}

// Verify restores a backup into a scratch folder and proves it.
func (s *Service) Verify(ctx context.Context, path string) (Made, error) {
	s.turn.Lock()
	defer s.turn.Unlock()
	dir, err := os.MkdirTemp(s.cfg.Work, "backup-")
	if err != nil {
		return Made{}, fmt.Errorf("making a scratch folder: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	made, _, err := s.drill(ctx, path, dir)
	return made, err
}

// Status is how backups stand.
type Status struct {
	Verified time.Time // newest backup that was proved; zero for none
	Err      error     // of the last attempt
	Kept     int
}

// Status tells how backups stand.
func (s *Service) Status() (Status, error) {
	list, err := s.list()
	s.mu.Lock()
	defer s.mu.Unlock()
	return Status{Verified: s.verified, Err: s.err, Kept: len(list)}, err
}

// Due gives when the next backup should be made.
func (s *Service) Due(every time.Duration) time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.verified.IsZero() || s.verified.Before(s.wanted) {
		return s.cfg.Now()
	}
	return s.verified.Add(every)
}

// copyFile copies a small file durably; a missing source is no error.
func copyFile(from, to string) error {
	b, err := os.ReadFile(from)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("copying %s: %w", filepath.Base(from), err)
	}
	return keys.WriteFile(to, b)
}
