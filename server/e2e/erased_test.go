package e2e

import (
	"bytes"
	"context"
	"crypto/rand"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"thonsync/clientlib"
	"thonsync/clientlib/httptransport"
	"thonsync/server"
	"thonsync/server/backup"
	"thonsync/server/config"
	"thonsync/server/keys"
	"thonsync/server/scan"
	"thonsync/server/store"
	"thonsync/syncproto"
)

// An invented citizen, whose values must be nowhere after the erasure.
var citizen = map[string]string{
	"id_number": "002190445566", "full_name": "Lò Thị Chim Yến", "phone": "0912345987",
	"note": "nhà có cây đào trước ngõ, hẹn chiều thứ ba",
}

// outer are the values of the record that are nobody's personal data.
var outer = map[string]string{"stage": "review", "reason": "first"}

// erasing is a play about one citizen's record.
type erasing struct {
	*world
	t      *testing.T
	shift  time.Duration
	point  *site
	a, b   *device
	record uuid.UUID
	marks  []scan.Mark
	// recovery is the key that lies on paper in a safe.
	recovery *keys.Recovery
}

func newErasing(t *testing.T) *erasing {
	e := &erasing{t: t}
	var err error
	if e.recovery, err = keys.NewRecovery(); err != nil {
		t.Fatal(err)
	}
	e.world = newWorldAt(t, func() time.Time { return time.Now().Add(e.shift) }, func(c *config.Config) {
		f, err := keys.Open(server.KeysFolder(c.Data), rand.Reader)
		if err == nil {
			err = f.SetRecovery(time.Now(), e.recovery)
		}
		if err != nil {
			t.Fatal(err)
		}
	})
	e.point = e.world.point()
	e.a, e.b = e.phone(e.point, 1), e.phone(e.centre, 2)
	for name, value := range citizen {
		e.marks = append(e.marks, scan.Mark{Name: name, Value: []byte(value)})
	}
	slices.SortFunc(e.marks, func(a, b scan.Mark) int { return strings.Compare(a.Name, b.Name) })
	return e
}

// card records the citizen's card help on phone a, between others' records. It
// gives a file from in between, in which the changes are cut otherwise.
func (e *erasing) card() []byte {
	e.t.Helper()
	e.a.work(3)
	member := e.a.joined.Welcome.Members[0].ID
	first := maps.Clone(outer)
	for k, v := range citizen {
		if k != "phone" {
			first[k] = v
		}
	}
	made, err := e.a.Record(e.t.Context(), clientlib.RecordInput{Person: member, Kind: "CC", Fields: first, Result: "done"})
	e.must(err)
	e.record = made.ID
	e.a.work(2)
	early := e.bundle(e.a)
	_, err = e.a.Edit(e.t.Context(), e.record, clientlib.EditInput{Person: member, Fields: map[string]string{"phone": citizen["phone"]}})
	e.must(err)
	e.a.work(1)
	return early
}

// held gives the keys that are held anywhere now: all sealing and period keys,
// and of the keys of values at rest those of the machine that made dir, since no
// other machine writes under them.
func (e *erasing) held(dir string) scan.Keys {
	e.t.Helper()
	var out scan.Keys
	for _, s := range []*site{e.centre, e.point} {
		f, err := keys.Open(server.KeysFolder(s.cfg.Data), rand.Reader)
		e.must(err)
		h, err := f.Held()
		e.must(err)
		if out.Seals = append(out.Seals, h.Seals...); s.cfg.Data == dir || s == e.centre && !e.isPhone(dir) {
			out.Rows = append(out.Rows, h.Rows...)
		}
	}
	for _, d := range []*device{e.a, e.b} {
		if !e.isPhone(dir) || d == e.b && filepath.Dir(e.b.path) != dir || d == e.a && filepath.Dir(e.b.path) == dir {
			continue
		}
		secret, found, err := clientlib.FileKeyStore(d.path + ".key").Load(e.t.Context())
		e.must(err)
		if !found {
			e.t.Fatal("the phone's key file is not where it was")
		}
		k, err := clientlib.StoreKey(secret)
		e.must(err)
		out.Rows = append(out.Rows, k)
	}
	ages, err := backup.Identities(e.centre.cfg.BackupKeyFolder())
	e.must(err)
	out.Ages = append(ages, e.recovery.Identity())
	e.recovered(&out)
	return out
}

// recovered adds what the paper in the safe gives back: all keys in the bundle
// beside the backups, and the period keys that lie there for it.
func (e *erasing) recovered(out *scan.Keys) {
	e.t.Helper()
	beside := e.centre.cfg.BackupFolder
	packed, err := e.recovery.OpenBundle(filepath.Join(beside, keys.BundleName))
	if syncproto.CodeOf(err) == syncproto.CodeNotFound {
		return // before the first backup
	}
	e.must(err)
	f, err := keys.Open(e.t.TempDir(), rand.Reader)
	e.must(err)
	e.must(f.Unpack(packed))
	h, err := f.Held()
	e.must(err)
	out.Seals = append(out.Seals, h.Seals...)
	periods := e.t.TempDir()
	err = backup.RecoverPeriods(beside, e.recovery.Identity(), periods)
	if syncproto.CodeOf(err) == syncproto.CodeNotFound {
		return // all destroyed
	}
	e.must(err)
	ages, err := backup.Identities(periods)
	e.must(err)
	out.Ages = append(out.Ages, ages...)
}

func (e *erasing) isPhone(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, filepath.Base(e.a.path)))
	return err == nil
}

// scan looks through a folder with all keys.
func (e *erasing) scan(dir string) scan.Report {
	e.t.Helper()
	s, err := scan.New(e.held(dir), e.marks, e.t.TempDir())
	e.must(err)
	e.must(s.Folder(e.t.Context(), dir))
	return s.Report()
}

// live are the folders with live files by name.
func (e *erasing) live() map[string]string {
	return map[string]string{
		"phone a": filepath.Dir(e.a.path), "phone b": filepath.Dir(e.b.path), "point": e.point.cfg.Data, "centre": e.centre.cfg.Data,
	}
}

// find fails unless the scan finds something in a live folder. It is what makes
// finding nothing later mean something.
func (e *erasing) find(name string, marks ...string) {
	e.t.Helper()
	r := e.scan(e.live()[name])
	for _, m := range marks {
		if !slices.ContainsFunc(r.Findings, func(f scan.Finding) bool { return f.Mark == m }) {
			e.t.Errorf("%s: %s is there and was not found: %+v", name, m, r)
		}
	}
}

// clean fails if any live file gives anything away.
func (e *erasing) clean(when string, more ...string) {
	e.t.Helper()
	dirs := e.live()
	for _, m := range more {
		dirs[m] = m
	}
	for name, dir := range dirs {
		r := e.scan(dir)
		for _, f := range r.Findings {
			e.t.Errorf("%s: %s: %s of the citizen is in %s: %s", when, name, f.Mark, filepath.Base(f.File), f.At)
		}
	}
}

// meet lets everybody exchange with everybody.
func (e *erasing) meet() {
	e.t.Helper()
	for range 2 {
		e.a.sync()
		e.must(e.point.node.Relay().Sync(e.t.Context()))
		e.a.sync()
		e.b.sync()
	}
}

// bundle gives all that a phone has, as a file.
func (e *erasing) bundle(d *device) []byte {
	e.t.Helper()
	var b bytes.Buffer
	e.must(d.ExportBundle(e.t.Context(), &b, clientlib.BundleOptions{All: true, Carry: true}))
	return b.Bytes()
}

// salts notes the salts that the centre keeps for the record, and the secret
// that phone a made them from: with either a number can be guessed from its
// commitment.
func (e *erasing) salts(file []byte) {
	e.t.Helper()
	entries, _, err := syncproto.DecodeBundle(file)
	e.must(err)
	ring := func(id syncproto.KeyID) (syncproto.SealPrivate, bool) {
		for _, k := range e.held("").Seals {
			if k.Public.ID == id {
				return k, true
			}
		}
		return syncproto.SealPrivate{}, false
	}
	for _, x := range entries {
		if x.Kind != syncproto.EntrySegment {
			continue
		}
		seg, err := syncproto.ParseSegment(x.Data)
		e.must(err)
		r := seg.Reveal(ring)
		for i, row := range r.Personal {
			if bytes.Contains(syncproto.AppendRow(nil, row), []byte(citizen["phone"])) || bytes.Contains(syncproto.AppendRow(nil, row), []byte(citizen["id_number"])) {
				e.marks = append(e.marks, scan.Mark{Name: "salt", Value: r.Salts[i][:]})
				e.marks = append(e.marks, scan.Mark{Name: "salt secret", Value: r.Plain[3:35]})
			}
		}
	}
	if len(e.marks) < 6 {
		e.t.Fatalf("the record's salts are not in the bundle: %d marks", len(e.marks))
	}
}

// copyFolder copies a folder's files, as a thief or a backup of the phone would.
func (e *erasing) copyFolder(from string) string {
	e.t.Helper()
	to := filepath.Join(e.t.TempDir(), "copy")
	e.must(os.CopyFS(to, os.DirFS(from)))
	return to
}

// TestErasedIsGone erases one citizen's record and looks with every key for what
// is left of it: in every live file, after every stale copy came back, after an
// old backup was restored, and in the backups once their period key is destroyed.
func TestErasedIsGone(t *testing.T) {
	e := newErasing(t)
	ctx := t.Context()
	early := e.card()
	stalePhone := e.copyFolder(filepath.Dir(e.a.path))
	stale := [][]byte{e.bundle(e.a), early}
	e.salts(stale[0])
	// The sealing key is replaced: what is sealed to the old one, and other cuts of
	// the same changes to the new one, come back later.
	_, err := server.KeysRotate.Do(ctx, e.centre.node, server.Rotation{Sealing: true})
	e.must(err)
	_, err = e.b.ImportBundle(ctx, bytes.NewReader(stale[0])) // a colleague carries it
	e.must(err)
	e.find("phone a", "id_number", "full_name", "phone", "note", "salt secret")
	e.find("phone b", "id_number", "full_name", "phone", "note", "salt", "salt secret")
	e.a.sync()
	e.find("point", "id_number", "full_name", "phone", "note")
	up, err := server.BundleUp.Do(ctx, e.point.node, server.None{})
	e.must(err)
	stale = append(stale, up.Bundles...)
	stale = append(stale, e.bundle(e.b))
	stalePoint := e.storedSegments(e.point)
	e.must(e.point.node.Relay().Sync(ctx))
	e.find("centre", "id_number", "full_name", "phone", "note", "salt")
	made, err := server.BackupCommand.Do(ctx, e.centre.node, server.None{})
	e.must(err)
	if r := e.scan(filepath.Dir(made.File)); len(r.Findings) == 0 || r.Archives == 0 {
		t.Fatalf("the backup was not looked into: %+v", r)
	}

	_, err = e.centre.node.Rule(ctx, syncproto.Ruling{Kind: syncproto.RulingErase, Record: e.record, Unit: e.commune, Reason: syncproto.ReasonErased})
	e.must(err)
	for _, f := range e.scan(e.live()["centre"]).Findings {
		t.Errorf("right after the ruling: centre: %s in %s: %s", f.Mark, filepath.Base(f.File), f.At)
	}
	e.meet()
	e.clean("after the next contact")

	for _, b := range stale {
		e.deliver(b)
	}
	for _, b := range stalePoint {
		e.deliver(b)
	}
	e.meet()
	e.clean("after old copies were delivered again")

	old := e.openCopy(stalePhone)
	_, err = old.Sync(ctx)
	e.must(err)
	e.must(old.Close())
	e.meet()
	restored := e.restore(made.File)
	e.clean("after an old copy of the phone came back and an old backup was restored", stalePhone, restored)

	e.shift += 21 * 24 * time.Hour
	e.must(e.centre.node.DestroyPeriods(ctx))
	if r := e.scan(filepath.Dir(made.File)); len(r.Findings) > 0 {
		t.Errorf("the backup gives it away after its key was destroyed: %+v", r.Findings)
	}
	e.proves(e.centre, e.point)
	for _, d := range []*device{e.a, e.b} {
		e.must(d.VerifyChain(ctx))
	}
}

// storedSegments gives the sealed segments that a site holds, each as a bundle
// of its own.
func (e *erasing) storedSegments(s *site) (out [][]byte) {
	e.t.Helper()
	e.must(s.node.Store().View(e.t.Context(), func(r store.Reader) error {
		return r.EachSegment(0, func(row store.Segment) error {
			if !row.Sealed {
				return nil
			}
			b, err := syncproto.EncodeBundle([]syncproto.Entry{{Kind: syncproto.EntrySegment, Data: row.Data}})
			out = append(out, b)
			return err
		})
	}))
	if len(out) == 0 {
		e.t.Fatal("the point holds nothing sealed: nothing stale to deliver")
	}
	return out
}

// deliver takes a file to everybody.
func (e *erasing) deliver(b []byte) {
	e.t.Helper()
	for _, s := range []*site{e.centre, e.point} {
		_, err := server.BundleImport.Do(e.t.Context(), s.node, server.Bundle{Data: b})
		e.must(err)
	}
	for _, d := range []*device{e.a, e.b} {
		_, err := d.ImportBundle(e.t.Context(), bytes.NewReader(b))
		e.must(err)
	}
}

// openCopy opens a copied phone.
func (e *erasing) openCopy(dir string) *clientlib.Device {
	e.t.Helper()
	d, err := clientlib.Open(e.t.Context(), clientlib.Options{Path: filepath.Join(dir, filepath.Base(e.a.path)), Transport: httptransport.New(0)})
	e.must(err)
	return d
}

// restore puts a backup into a folder of its own, checks the chains there and
// gives the folder.
func (e *erasing) restore(file string) string {
	e.t.Helper()
	cfg := e.centre.cfg
	cfg.BackupKeys = e.centre.cfg.BackupKeyFolder()
	cfg.Data, cfg.BackupFolder = filepath.Join(e.t.TempDir(), "restored"), ""
	opts := server.Options{Transport: httptransport.New(0), Now: e.now}
	e.must(server.Restore(context.Background(), cfg, opts, file))
	n, err := server.Open(e.t.Context(), cfg, opts)
	e.must(err)
	e.proves(&site{node: n})
	e.must(n.Store().View(e.t.Context(), func(r store.Reader) error {
		rec, ok, err := r.Record(e.record)
		if !ok || !rec.Erased || !rec.Exists {
			e.t.Errorf("the restored centre shows the record as %+v", rec)
		}
		return err
	}))
	e.must(n.Close())
	return cfg.Data
}

// proves fails unless every chain of the sites verifies.
func (e *erasing) proves(sites ...*site) {
	e.t.Helper()
	for _, s := range sites {
		v, err := s.node.Verify(e.t.Context())
		e.must(err)
		if len(v.Damage) > 0 || v.Changes == 0 {
			e.t.Errorf("%d changes verified, damage %v", v.Changes, v.Damage)
		}
	}
}
