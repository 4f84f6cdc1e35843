package audit

import (
	"context"
	"errors"
	"time"
)

// Bounds of Note.
const (
	oneByOne = 10          // events alike that are written in full
	window   = time.Minute // in which they are counted
	maxKinds = 4096        // kinds of events that are counted apart
)

// kind is what makes events alike.
type kind struct {
	actor  string
	action Action
}

type tally struct {
	since time.Time
	seen  int
	rest  int // not written yet
}

// crowd counts events alike.
type crowd struct{ kinds map[kind]*tally }

func newCrowd() crowd { return crowd{make(map[kind]*tally)} }

// many stands for all actors beyond maxKinds.
const many = "many"

// Note writes the first events alike of a minute and counts the others; Tidy
// writes the numbers.
func (l *Log) Note(ctx context.Context, e Event) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := e.check(); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.cfg.Now()
	k := kind{e.Actor, e.Action}
	t, ok := l.crowd.kinds[k]
	if !ok && len(l.crowd.kinds) >= maxKinds {
		k.actor = many
		t, ok = l.crowd.kinds[k]
	}
	if ok && due(t, now) {
		if err := l.summarise(k, t); err != nil {
			return err
		}
		ok = false
	}
	if !ok {
		t = &tally{since: now}
		l.crowd.kinds[k] = t
	}
	t.seen++
	if t.seen <= oneByOne {
		return l.append(e)
	}
	t.rest++
	return nil
}

// due also when the clock was set back: the count must not stay for ever.
func due(t *tally, now time.Time) bool {
	age := now.Sub(t.since)
	return age >= window || age < 0
}

// settle writes the numbers of windows that are over.
func (l *Log) settle() error {
	now := l.cfg.Now()
	var errs []error
	for k, t := range l.crowd.kinds {
		if due(t, now) {
			errs = append(errs, l.summarise(k, t))
		}
	}
	return errors.Join(errs...)
}

func (l *Log) summarise(k kind, t *tally) error {
	if t.rest > 0 {
		if err := l.append(Event{Actor: k.actor, Action: k.action, Object: "further", Count: t.rest}); err != nil {
			return err
		}
	}
	delete(l.crowd.kinds, k)
	return nil
}
