package backup

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"filippo.io/age"

	"thonsync/server/keys"
	"thonsync/syncproto"
)

// stampForm is how times stand in file names: UTC, to the millisecond.
const stampForm = "20060102T150405.000Z"

func fileName(period, made time.Time) string {
	return "thonsync-" + stamp(period) + "-" + stamp(made) + ".age"
}

func stamp(t time.Time) string { return t.UTC().Format(stampForm) }

// kept is a backup in the folder.
type kept struct {
	path   string
	period time.Time
	made   time.Time
}

// parseName reads what fileName wrote.
func parseName(path string) (kept, bool) {
	name, ok := strings.CutSuffix(filepath.Base(path), ".age")
	if !ok {
		return kept{}, false
	}
	parts := strings.Split(name, "-")
	if len(parts) != 3 || parts[0] != "thonsync" {
		return kept{}, false
	}
	period, err1 := time.Parse(stampForm, parts[1])
	made, err2 := time.Parse(stampForm, parts[2])
	return kept{path, period, made}, err1 == nil && err2 == nil
}

// list gives the backups there are, oldest first.
func (s *Service) list() ([]kept, error) {
	entries, err := os.ReadDir(s.cfg.Folder)
	if err != nil {
		return nil, fmt.Errorf("reading the backup folder: %w", err)
	}
	var out []kept
	for _, e := range entries {
		if k, ok := parseName(filepath.Join(s.cfg.Folder, e.Name())); ok {
			out = append(out, k)
		}
	}
	slices.SortFunc(out, func(a, b kept) int { return a.made.Compare(b.made) })
	return out, nil
}

// period is one key and when it was first used. Everything that is encrypted
// under it goes when it is destroyed, copies of the files included.
type period struct {
	since    time.Time
	identity *age.X25519Identity
}

func periodPath(folder string, since time.Time) string {
	return filepath.Join(folder, "period-"+stamp(since)+".key")
}

// periods lists the keys there are, oldest first.
func periods(folder string) ([]period, error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, fmt.Errorf("reading the folder of backup keys: %w", err)
	}
	var out []period
	for _, e := range entries {
		name, ok := strings.CutPrefix(e.Name(), "period-")
		if !ok {
			continue
		}
		since, err := time.Parse(stampForm, strings.TrimSuffix(name, ".key"))
		if err != nil {
			continue
		}
		p, err := readPeriod(folder, since)
		if err != nil {
			return nil, err
		}
		out = append(out, p)
	}
	slices.SortFunc(out, func(a, b period) int { return a.since.Compare(b.since) })
	return out, nil
}

// Identities gives the period keys in a folder that are not destroyed yet,
// oldest first: with them every backup can be opened that still can be.
func Identities(folder string) ([]age.Identity, error) {
	if _, err := os.Stat(folder); errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	list, err := periods(folder)
	if err != nil {
		return nil, err
	}
	out := make([]age.Identity, len(list))
	for i, p := range list {
		out[i] = p.identity
	}
	return out, nil
}

func readPeriod(folder string, since time.Time) (period, error) {
	text, err := os.ReadFile(periodPath(folder, since))
	if errors.Is(err, os.ErrNotExist) {
		return period{}, syncproto.Errorf(syncproto.CodeUnreadable, "the key of this backup is not in the folder of backup keys: it was destroyed in time, or --backup-keys names another folder")
	}
	if err != nil {
		return period{}, fmt.Errorf("reading a backup key: %w", err)
	}
	id, err := age.ParseX25519Identity(strings.TrimSpace(string(text)))
	if err != nil {
		return period{}, syncproto.Errorf(syncproto.CodeUnreadable, "the backup key of %s is damaged", stamp(since))
	}
	return period{since, id}, nil
}

// period gives the key for a backup made now; a new one when the last has
// served its time, or comes from the future.
func (s *Service) period(now time.Time) (period, error) {
	list, err := periods(s.cfg.PeriodKeys)
	if err != nil {
		return period{}, err
	}
	ended, err := s.ended()
	if err != nil {
		return period{}, err
	}
	since := now.UTC().Truncate(time.Millisecond)
	for _, e := range ended {
		if !since.After(e.at()) {
			since = e.at().Add(time.Millisecond)
		}
	}
	if n := len(list); n > 0 {
		last := list[n-1].since
		over := slices.ContainsFunc(ended, func(e ending) bool { return !last.After(e.at()) })
		if age := now.Sub(last); age >= 0 && age < s.cfg.Period && !over {
			return list[n-1], nil
		}
	}
	id, err := age.GenerateX25519Identity()
	if err != nil {
		return period{}, fmt.Errorf("making a backup key: %w", err)
	}
	return period{since, id}, keys.WriteFile(periodPath(s.cfg.PeriodKeys, since), []byte(id.String()+"\n"))
}

// Forget destroys the keys whose time is over, whether or not a new backup could
// be made, and removes what nobody can read any more.
func (s *Service) Forget() error {
	s.turn.Lock()
	defer s.turn.Unlock()
	return s.forget(s.cfg.Now())
}

// forget destroys the keys whose time is over, removes the backups that nobody
// can read any more, and those beyond the number that is kept.
func (s *Service) forget(now time.Time) error {
	list, err := periods(s.cfg.PeriodKeys)
	if err != nil {
		return err
	}
	ended, err := s.ended()
	if err != nil {
		return err
	}
	live := make(map[string]bool)
	for _, p := range list {
		if now.Before(s.end(p, ended)) {
			live[stamp(p.since)] = true
			continue
		}
		if err := destroy(periodPath(s.cfg.PeriodKeys, p.since)); err != nil {
			return err
		}
		s.cfg.Log.Info("the key of a backup period was destroyed", "since", p.since)
	}
	if err := s.keepEndings(ended, live); err != nil {
		return err
	}
	if err := s.unwrapOld(live); err != nil {
		return err
	}
	backups, err := s.list()
	if err != nil {
		return err
	}
	for i, k := range backups {
		if live[stamp(k.period)] && len(backups)-i <= s.cfg.Keep {
			continue
		}
		if err := os.Remove(k.path); err != nil {
			return fmt.Errorf("removing an old backup: %w", err)
		}
	}
	return nil
}

// destroy overwrites a key file before it removes it. On flash and on
// copy-on-write disks the old bytes may stay until they are reused; encrypt
// such a disk.
func destroy(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return fmt.Errorf("destroying a backup key: %w", err)
	}
	st, err := f.Stat()
	if err == nil {
		_, err = io.CopyN(f, zeros{}, st.Size())
	}
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Remove(path)
	}
	if err != nil {
		return fmt.Errorf("destroying a backup key: %w", err)
	}
	return nil
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}
