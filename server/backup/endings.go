package backup

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"thonsync/server/keys"
)

// ending says that something was erased at a time, and by when no backup may hold
// it any more.
type ending struct {
	AtMS  int64 `json:"at_ms"`
	DueMS int64 `json:"due_ms"`
}

func (e ending) at() time.Time { return time.UnixMilli(e.AtMS) }

func (s *Service) endingsPath() string { return filepath.Join(s.cfg.PeriodKeys, "endings.json") }

// ended reads the endings that still matter.
func (s *Service) ended() ([]ending, error) {
	b, err := os.ReadFile(s.endingsPath())
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	var list []ending
	if err == nil {
		err = json.Unmarshal(b, &list)
	}
	if err != nil {
		return nil, fmt.Errorf("reading by when backup keys are to be destroyed: %w", err)
	}
	return list, nil
}

// End begins a new period, because something was erased at a time, and has the
// keys of the periods until then destroyed at due at the latest. The next backup
// is made at once, so that there is one when the old ones are no more.
func (s *Service) End(at, due time.Time) error {
	s.turn.Lock()
	defer s.turn.Unlock()
	list, err := s.ended()
	if err != nil {
		return err
	}
	list = append(list, ending{at.UnixMilli(), due.UnixMilli()})
	if err := s.writeEndings(list); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wanted = maxTime(s.wanted, at)
	return nil
}

func (s *Service) writeEndings(list []ending) error {
	b, err := json.Marshal(list)
	if err != nil {
		return fmt.Errorf("encoding by when backup keys are to be destroyed: %w", err)
	}
	return keys.WriteFile(s.endingsPath(), append(b, '\n'))
}

// end gives when a period's key is destroyed.
func (s *Service) end(p period, ended []ending) time.Time {
	end := p.since.Add(s.cfg.EraseWithin)
	for _, e := range ended {
		if due := time.UnixMilli(e.DueMS); !p.since.After(e.at()) && due.Before(end) {
			end = due
		}
	}
	return end
}

// keepEndings forgets the endings that no live period is left of.
func (s *Service) keepEndings(ended []ending, live map[string]bool) error {
	if len(ended) == 0 {
		return nil
	}
	kept := slices.DeleteFunc(slices.Clone(ended), func(e ending) bool {
		for since := range live {
			if t, err := time.Parse(stampForm, since); err == nil && !t.After(e.at()) {
				return false
			}
		}
		return true
	})
	if len(kept) == len(ended) {
		return nil
	}
	return s.writeEndings(kept)
}

// ReadableUntil gives when the last backup that may hold something erased at a
// time becomes unreadable; zero if none can be read any more.
func (s *Service) ReadableUntil(at time.Time) (time.Time, error) {
	list, err := periods(s.cfg.PeriodKeys)
	if err != nil {
		return time.Time{}, err
	}
	ended, err := s.ended()
	if err != nil {
		return time.Time{}, err
	}
	var last time.Time
	for _, p := range list {
		if end := s.end(p, ended); !p.since.After(at) && end.After(last) {
			last = end
		}
	}
	return last, nil
}
