// Package sim plays a small province from a seed: phones, points and a centre
// with real databases, joined by a network that loses, cuts, repeats, delays and
// spoils, with wrong clocks, crashes, copies and restored databases. While the
// faults last it holds what must never break; then the faults stop, and
// everything has to drain.
package sim

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"time"

	"github.com/google/uuid"
)

// Config says what is played. Equal configurations play the same events and
// faults; keys and ciphertexts are random all the same.
type Config struct {
	Seed   uint64
	Steps  int    // with faults; 200 if 0
	Phones int    // 4 if 0
	Points int    // 2 if 0
	Dir    string // where the databases go; a temporary folder if empty
	// Restores lets old copies come back and phones be cloned as well.
	Restores bool
}

// Report counts what was played.
type Report struct {
	Seed         uint64
	Steps        int
	Records      int // made on phones
	Edits        int
	Exchanges    int // requests that a server answered
	Faults       int // requests and answers that the network spoilt
	Crashes      int
	Restores     int // phones, points and centres put back to an older state
	Clones       int
	Enrolments   int
	AtCentre     int // activities at the end
	Compared     int // records that a point and the centre showed alike
	Forked, Held uint64
	Lost         int // records that went with a phone before anybody had them
}

// String gives the report in one line.
func (r *Report) String() string {
	return fmt.Sprintf("seed %d: %d steps, %d records, %d edits, %d exchanges, %d faults, %d crashes, %d restores, %d clones, %d enrolments; at the centre %d records, %d compared at points, %d changes forked, %d released; %d went with a phone",
		r.Seed, r.Steps, r.Records, r.Edits, r.Exchanges, r.Faults, r.Crashes, r.Restores, r.Clones, r.Enrolments, r.AtCentre, r.Compared, r.Forked, r.Held, r.Lost)
}

// Violation is a broken promise, with what led to it.
type Violation struct {
	Seed   uint64
	Step   int
	What   string
	Events []string // the last ones, oldest first
	// Variant is what to add to the command that plays it again.
	Variant string
}

// Error names the seed, the promise and the events.
func (v *Violation) Error() string {
	return fmt.Sprintf("seed %d, step %d: %s\nthe last events:\n  %s\nagain: make torture SEED=%d ROUNDS=1%s",
		v.Seed, v.Step, v.What, strings.Join(v.Events, "\n  "), v.Seed, v.Variant)
}

// keptEvents is how many events a violation shows.
const keptEvents = 60

// world is one play. Everything happens on one goroutine.
type world struct {
	ctx    context.Context
	cfg    Config
	rng    *rand.Rand
	dir    string
	nowMS  int64 // true time
	faults bool
	step   int
	net    *network
	centre *site
	points []*site
	phones []*phone
	items  map[uuid.UUID]*item
	events []string
	folder int // number of the next folder
	backup string
	madeMS int64 // when the backup was made
	rep    Report
}

// item is a record that a phone has said is stored.
type item struct {
	id      uuid.UUID
	holders map[*phone]bool // whose present store has it
	// gone says that every store which had it was put back to an older state
	// before the centre had it. It may come back by a copy under way.
	gone bool
	// behind says that the centre was put back to before it.
	behind bool
	erased bool // by an order of the centre
}

// Run plays. The error is a *Violation where a promise was broken.
func Run(ctx context.Context, cfg Config) (Report, error) {
	if cfg.Steps == 0 {
		cfg.Steps = 200
	}
	if cfg.Phones == 0 {
		cfg.Phones = 4
	}
	if cfg.Points == 0 {
		cfg.Points = 2
	}
	dir, err := os.MkdirTemp(cfg.Dir, "sim")
	if err != nil {
		return Report{}, fmt.Errorf("making a folder to play in: %w", err)
	}
	w := &world{
		ctx: ctx, cfg: cfg, rng: rand.New(rand.NewPCG(cfg.Seed, 0x74686f6e)),
		dir: dir, nowMS: startMS, items: make(map[uuid.UUID]*item),
	}
	w.rep.Seed = cfg.Seed
	w.net = &network{w: w, sites: make(map[string]*site)}
	err = w.play()
	return w.rep, errors.Join(err, w.close(), os.RemoveAll(dir))
}

// startMS is when every play begins: 1 August 2026.
const startMS = 1_785_542_400_000

func (w *world) play() error {
	if err := w.build(); err != nil {
		return fmt.Errorf("seed %d: setting the stage: %w", w.cfg.Seed, err)
	}
	w.faults = true
	for w.step = 1; w.step <= w.cfg.Steps; w.step++ {
		if err := w.ctx.Err(); err != nil {
			return err
		}
		w.rep.Steps++
		if err := w.act(); err != nil {
			return w.violated("%v", err)
		}
		if err := w.checkStep(); err != nil {
			return w.violated("%v", err)
		}
	}
	w.faults = false
	w.note("the faults stop")
	if err := w.drain(); err != nil {
		return w.violated("with the faults stopped: %v", err)
	}
	if err := w.checkEnd(); err != nil {
		return w.violated("with the faults stopped: %v", err)
	}
	return nil
}

// note keeps an event for a violation to show.
func (w *world) note(format string, args ...any) {
	at := time.UnixMilli(w.nowMS).UTC().Format("01-02 15:04")
	w.events = append(w.events, fmt.Sprintf("%4d %s %s", w.step, at, fmt.Sprintf(format, args...)))
	if n := len(w.events); n > 4*keptEvents {
		w.events = append(w.events[:0], w.events[n-keptEvents:]...)
	}
}

func (w *world) violated(format string, args ...any) error {
	n := max(0, len(w.events)-keptEvents)
	return &Violation{Seed: w.cfg.Seed, Step: w.step, What: fmt.Sprintf(format, args...), Events: w.events[n:], Variant: map[bool]string{true: " RESTORES=1"}[w.cfg.Restores]}
}

// chance is true with a probability of percent, while faults last.
func (w *world) chance(percent int) bool { return w.faults && w.rng.IntN(100) < percent }

// pick gives one of a list that is not empty.
func pick[T any](rng *rand.Rand, list []T) T { return list[rng.IntN(len(list))] }

func (w *world) sites() []*site { return append([]*site{w.centre}, w.points...) }

func (w *world) close() error {
	var errs []error
	for _, p := range w.phones {
		errs = append(errs, p.close())
	}
	for _, s := range w.sites() {
		if s != nil && s.node != nil {
			errs = append(errs, s.node.Close())
		}
	}
	return errors.Join(errs...)
}
