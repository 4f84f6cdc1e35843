package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"
)

// teller prints the story.
type teller struct {
	out   io.Writer
	began time.Time
	n     int
}

func (t *teller) line(format string, args ...any) {
	fmt.Fprintf(t.out, format+"\n", args...) // a story nobody can read any more is no error
}

func (t *teller) scene(title, told string, took time.Duration) {
	t.n++
	t.line("%2d. %s (%.1f s)", t.n, title, took.Seconds())
	if told != "" {
		t.line("    %s", told)
	}
}

// judge checks every promise and prints what it saw.
func (s *stage) judge(ctx context.Context, d *day, t *teller) (held bool, err error) {
	if err := s.reports.tell(ctx, s.centre.node, t.out); err != nil {
		return false, err
	}
	t.line("\nPromises, checked against what the databases hold:")
	held = true
	for _, p := range promises() {
		if d.breaks == p.name && p.when == beforeCheck {
			t.line("   !! sabotage of the promise %q: %s", p.name, p.how)
			if err := p.sabotage(ctx, s, d); err != nil {
				return false, err
			}
		}
		evidence, err := p.check(ctx, s, d)
		if d.restore != nil {
			if err := d.restore(ctx); err != nil {
				return false, err
			}
			d.restore = nil
		}
		if b, ok := errors.AsType[broken](err); ok {
			held = false
			t.line("  BROKEN  %-16s %s", p.name, b)
			continue
		}
		if err != nil {
			return false, fmt.Errorf("checking %s: %w", p.name, err)
		}
		t.line("  held    %-16s %s", p.name, p.words)
		t.line("          %-16s %s", "", evidence)
	}
	verdict := "All promises held."
	if !held {
		verdict = "At least one promise is BROKEN."
	}
	t.line("\n%s %.1f s in all.", verdict, time.Since(t.began).Seconds())
	return held, nil
}

// addresses says where to look while the demo stays up.
func (t *teller) addresses(ctx context.Context, s *stage) {
	t.line("\nThe servers stay up until Ctrl-C. Open in a browser:")
	t.line("  centre               %s/", s.centre.url)
	t.line("  API documentation    %s/docs", s.centre.url)
	for _, l := range s.reports.links(ctx, s) {
		t.line("  %-20s %s", l.what, l.url)
	}
	for _, p := range s.points {
		t.line("  %-20s %s/", p.name, p.url)
	}
	t.line("  all databases are in %s", s.dir)
}
