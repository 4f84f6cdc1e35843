package sim

import (
	"fmt"

	"thonsync/syncproto"
)

// deed is something that may happen, with its weight.
type deed struct {
	weight int
	do     func(w *world, p *phone) error
}

// deeds in a fixed order: a seed must pick the same ones.
var deeds = []deed{
	{26, (*world).record},
	{10, (*world).edit},
	{24, func(w *world, p *phone) error { return w.meet(p) }},
	{16, func(w *world, _ *phone) error { return w.forward(pick(w.rng, w.points)) }},
	{5, (*world).carry},
	{6, func(w *world, _ *phone) error { w.net.arrive(w.ctx); return nil }},
	{3, func(w *world, _ *phone) error {
		s := pick(w.rng, w.sites())
		w.note("%s crashes", s)
		return w.crash(s)
	}},
	{3, (*world).crashPhone},
	{4, (*world).change},
	{3, func(w *world, p *phone) error { p.skewMS = w.skew(); return nil }},
	{2, restores((*world).restorePhone)},
	{2, restores(func(w *world, _ *phone) error { return w.restorePoint(pick(w.rng, w.points)) })},
	{2, func(w *world, _ *phone) error { w.note("the centre is backed up"); return w.makeBackup() }},
	{1, restores(func(w *world, _ *phone) error { return w.restoreCentre() })},
	{1, restores((*world).clone)},
	{2, func(w *world, p *phone) error {
		if !p.renamed {
			return nil
		}
		return w.enrol(p)
	}},
	{1, (*world).erase},
}

// restores does a deed only in plays in which old copies may come back.
func restores(do func(w *world, p *phone) error) func(w *world, p *phone) error {
	return func(w *world, p *phone) error {
		if !w.cfg.Restores {
			return nil
		}
		return do(w, p)
	}
}

// act lets some time pass and one thing happen.
func (w *world) act() error {
	w.nowMS += int64(w.rng.IntN(40 * 60_000))
	if w.rng.IntN(40) == 0 {
		w.nowMS += int64(w.rng.IntN(4 * 86_400_000))
	}
	sum := 0
	for _, d := range deeds {
		sum += d.weight
	}
	p, n := pick(w.rng, w.phones), w.rng.IntN(sum)
	for _, d := range deeds {
		if n -= d.weight; n < 0 {
			return d.do(w, p)
		}
	}
	return nil
}

// meet has a phone exchange with a point of its commune or with the centre.
// Errors are the network's business, as long as nothing is lost.
func (w *world) meet(p *phone) error {
	_, err := w.exchange(p, pick(w.rng, append(w.near(p), w.centre)))
	return w.expected(p, err)
}

// forward has a point exchange with the centre.
func (w *world) forward(s *site) error {
	err := s.node.Relay().Sync(w.ctx)
	w.note("%s at the centre: %v", s, err)
	return w.expected(s, err)
}

// expected lets only those errors pass that a faulty network explains.
func (w *world) expected(who fmt.Stringer, err error) error {
	switch syncproto.CodeOf(err) {
	case syncproto.CodeDiskFull, syncproto.CodeInUse, syncproto.CodeNewerSchema, syncproto.CodeCredential, syncproto.CodeScope, syncproto.CodeForeignKey:
		return fmt.Errorf("%s: %w", who, err)
	}
	return nil
}

// change takes a site off the net or puts it back.
func (w *world) change(*phone) error {
	s := pick(w.rng, w.sites())
	if s.up = !s.up; s.up {
		w.note("%s is reachable again", s)
	} else {
		w.note("%s is not reachable", s)
	}
	return nil
}

// erase has the centre erase a record.
func (w *world) erase(p *phone) error {
	for id := range w.holds(p) {
		if it := w.items[id]; it.erased || w.rng.IntN(2) == 0 && len(w.items) > 1 {
			continue
		}
		_, err := w.centre.node.Rule(w.ctx, syncproto.Ruling{Kind: syncproto.RulingErase, Record: id, Unit: p.team.unit})
		w.items[id].erased = err == nil
		w.note("the centre erases %s: %v", short(id), err)
		return err
	}
	return nil
}
