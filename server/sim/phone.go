package sim

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"

	"github.com/google/uuid"

	"thonsync/clientlib"
	"thonsync/server"
	"thonsync/server/relay"
	"thonsync/syncproto"
	"thonsync/syncproto/credential"
)

// phone is a device.
type phone struct {
	w      *world
	name   string
	team   team
	path   string
	dev    *clientlib.Device
	skewMS int64
	// renamed says that it found itself restored or cloned and has not been
	// enrolled since.
	renamed bool
	old     *copied
}

// copied is an earlier state of a phone.
type copied struct {
	path    string
	held    map[uuid.UUID]bool
	renamed bool
}

func (p *phone) String() string { return p.name }

// NowMS is the phone's idea of now.
func (p *phone) NowMS() int64 { return p.w.nowMS + p.skewMS }

// skews are the clocks that phones have: right, a little wrong, 1970, 2099.
func (w *world) skew() int64 {
	return pick(w.rng, []int64{0, 0, 0, 90_000, -86_400_000, 400 * 86_400_000, -startMS, 2_290_000_000_000})
}

func (p *phone) open() (err error) {
	p.dev, err = clientlib.Open(p.w.ctx, clientlib.Options{Path: p.path, Clock: p, Transport: p.w.net})
	if err != nil {
		return fmt.Errorf("%s does not open: %w", p, err)
	}
	return nil
}

func (p *phone) close() error {
	if p.dev == nil {
		return nil
	}
	return p.dev.Close()
}

// newPhone has a phone taken in at a point of its commune.
func (w *world) newPhone(i int, t team) error {
	p := &phone{w: w, name: fmt.Sprintf("phone%d", i), team: t, path: w.path("phone"), skewMS: w.skew()}
	if err := p.open(); err != nil {
		return err
	}
	w.phones = append(w.phones, p)
	if err := w.enrol(p); err != nil {
		return err
	}
	if _, err := p.dev.Sync(w.ctx); err != nil {
		return err
	}
	return p.dev.SelectPerson(w.ctx, t.member, "")
}

// enrol gives a phone's present origin a credential, at a point of its commune
// or, where none may, at the centre.
func (w *world) enrol(p *phone) error {
	var last error
	for _, s := range append(w.near(p), w.centre) {
		code, err := s.node.NewCode(w.ctx, server.CodeRequest{Role: credential.RolePhone, Team: p.team.id})
		if err == nil {
			_, err = p.dev.Join(w.ctx, code.URI, p.name)
		}
		if err == nil {
			p.renamed = false
			w.rep.Enrolments++
			w.note("%s is enrolled at %s as %s", p, s, short(p.dev.Origin()))
			return p.dev.SetServers(w.ctx, []string{s.url})
		}
		last = err
	}
	w.note("%s is not enrolled: %v", p, last)
	if w.faults {
		return nil
	}
	return last
}

func short(id uuid.UUID) string { return id.String()[:8] }

// near gives the points that serve a phone's commune.
func (w *world) near(p *phone) (out []*site) {
	for _, s := range w.points {
		if p.team.unit[:len(p.team.unit)-2] == villageOf(s.commune, 0)[:len(p.team.unit)-2] {
			out = append(out, s)
		}
	}
	return out
}

// record makes a record. Whatever the rest of the world does, a phone records.
func (w *world) record(p *phone) error {
	in := clientlib.RecordInput{Kind: "TT", Result: "held"}
	if w.rng.IntN(2) == 0 {
		in = clientlib.RecordInput{Kind: "GD", Result: "done", Personal: syncproto.NewRow(
			text(syncproto.PersonFullName, fmt.Sprintf("Người Thử %d", w.rng.IntN(1000))))}
	}
	got, err := p.dev.Record(w.ctx, in)
	if err != nil {
		return fmt.Errorf("%s cannot record: %w", p, err)
	}
	w.rep.Records++
	w.items[got.ID] = &item{id: got.ID, holders: map[*phone]bool{p: true}}
	w.note("%s records %s", p, short(got.ID))
	return nil
}

// edit changes or retracts a record that the phone shows: its own or a
// colleague's.
func (w *world) edit(p *phone) error {
	list, err := p.dev.List(w.ctx, clientlib.Filter{Limit: 30})
	if err != nil || len(list) == 0 {
		return err
	}
	list = slices.DeleteFunc(list, func(r clientlib.Record) bool { return r.Unit != p.team.unit })
	if len(list) == 0 {
		return nil
	}
	r := pick(w.rng, list)
	if w.rng.IntN(6) == 0 {
		w.note("%s retracts %s", p, short(r.ID))
		err = p.dev.Void(w.ctx, r.ID, uuid.Nil, "mistake", "")
	} else {
		result := map[string][]string{"TT": {"held", "planned"}, "GD": {"done", "waiting"}}[r.Kind]
		if result == nil {
			return nil // it shows a colleague's change of a record whose beginning it lacks
		}
		in := clientlib.EditInput{Result: pick(w.rng, result)}
		w.note("%s edits %s to %s", p, short(r.ID), in.Result)
		_, err = p.dev.Edit(w.ctx, r.ID, in)
	}
	w.rep.Edits++
	if syncproto.CodeOf(err) == syncproto.CodeNotFound || syncproto.CodeOf(err) == syncproto.CodeInvalidInput {
		w.note("refused: %v", err)
		return nil
	}
	return err
}

// exchange has a phone talk to a site that serves it.
func (w *world) exchange(p *phone, s *site) (clientlib.Report, error) {
	if err := p.dev.SetServers(w.ctx, []string{s.url}); err != nil {
		return clientlib.Report{}, err
	}
	r, err := p.dev.Sync(w.ctx)
	p.renamed = p.renamed || r.NewOrigin
	w.note("%s at %s: %d sent, %d waiting, %d receipts, new origin %v: %v", p, s, r.Sent, r.Waiting, r.Receipts, r.NewOrigin, err)
	for _, pr := range r.Problems {
		w.note("  segment %s %d-%d: %s: %s", short(pr.Origin), pr.First, pr.Last, pr.Code, pr.Message)
	}
	return r, err
}

// carry moves a phone's work by file: to a site or to a colleague's phone.
func (w *world) carry(p *phone) error {
	var file bytes.Buffer
	if err := p.dev.ExportBundle(w.ctx, &file, clientlib.BundleOptions{All: w.rng.IntN(3) == 0, Carry: true}); err != nil {
		return fmt.Errorf("%s cannot export: %w", p, err)
	}
	b := file.Bytes()
	if w.chance(30) {
		b = w.net.flip(b)
	}
	if w.chance(10) {
		b = b[:w.rng.IntN(len(b))]
	}
	if w.rng.IntN(3) == 0 {
		to := pick(w.rng, w.phones)
		_, err := to.dev.ImportBundle(w.ctx, bytes.NewReader(b))
		w.note("%s takes a file of %s aboard: %v", to, p, err)
		return w.unlessSpoilt(err)
	}
	to := pick(w.rng, w.sites())
	got, err := relay.Import(w.ctx, to.node.Ingest(), to.node.Origin(), b, nil, nil)
	w.note("%s takes a file of %s in, %d new, %d skipped: %v", to, p, got.New, len(got.Skipped), err)
	if err != nil || len(got.Asks) == 0 {
		return w.unlessSpoilt(err)
	}
	back, err := to.node.Answer().Bundle(w.ctx, got.Asks[0])
	if err != nil {
		return w.unlessSpoilt(err)
	}
	if b, err = syncproto.EncodeBundle(back); err != nil {
		return err
	}
	report, err := p.dev.ImportBundle(w.ctx, bytes.NewReader(b))
	w.note("%s reads the answer by file: %d receipts, %d pages: %v", p, report.Receipts, report.Pages, err)
	return err
}

// unlessSpoilt passes errors on that the file's damage does not explain.
func (w *world) unlessSpoilt(err error) error {
	switch syncproto.CodeOf(err) {
	case syncproto.CodeInternal, syncproto.CodeInUse, syncproto.CodeDiskFull:
		return err
	}
	return nil
}

// crashPhone ends a phone's program without notice.
func (w *world) crashPhone(p *phone) error {
	w.rep.Crashes++
	w.note("%s crashes", p)
	next := w.path("phone")
	if err := copyStore(p.path, next); err != nil {
		return err
	}
	return p.move(next)
}

// move closes a phone and opens it on another store.
func (p *phone) move(next string) error {
	if err := p.dev.Close(); err != nil {
		return err
	}
	p.path = next
	return p.open()
}

// copyStore copies a phone's files.
func copyStore(from, to string) error {
	for _, suffix := range []string{"", "-wal", ".key"} {
		err := copyFile(from+suffix, to+suffix)
		if err != nil && (suffix != "-wal" || !errors.Is(err, os.ErrNotExist)) {
			return err
		}
	}
	return nil
}

// holds gives what a phone's present store has.
func (w *world) holds(p *phone) map[uuid.UUID]bool {
	out := make(map[uuid.UUID]bool)
	for id, it := range w.items {
		if it.holders[p] {
			out[id] = true
		}
	}
	return out
}

// restorePhone copies a phone or puts it back to an earlier copy. What only that
// phone had is gone then, and nobody can be blamed.
func (w *world) restorePhone(p *phone) error {
	if p.old == nil {
		p.old = &copied{path: w.path("phone-old"), held: w.holds(p), renamed: p.renamed}
		w.note("%s is copied", p)
		return copyStore(p.path, p.old.path)
	}
	w.rep.Restores++
	old := p.old
	p.old = nil
	have, err := w.held()
	if err != nil {
		return err
	}
	for id, it := range w.items {
		if it.holders[p] && !old.held[id] {
			delete(it.holders, p)
			it.gone = it.gone || len(it.holders) == 0 && !have[id]
		}
	}
	w.note("%s is put back to an old copy", p)
	if err := p.move(old.path); err != nil {
		return err
	}
	p.renamed = old.renamed
	return nil
}

// maxClones bounds the phones that were copied.
const maxClones = 2

// clone makes a second phone of one, and both live on.
func (w *world) clone(p *phone) error {
	if w.rep.Clones == maxClones {
		return nil
	}
	w.rep.Clones++
	q := &phone{w: w, name: fmt.Sprintf("%s-clone%d", p.name, w.rep.Clones), team: p.team, path: w.path("phone"), skewMS: w.skew(), renamed: p.renamed}
	if err := copyStore(p.path, q.path); err != nil {
		return err
	}
	for id := range maps.Keys(w.holds(p)) {
		w.items[id].holders[q] = true
	}
	w.note("%s is cloned as %s", p, q)
	if err := q.open(); err != nil {
		return err
	}
	w.phones = append(w.phones, q)
	return nil
}
