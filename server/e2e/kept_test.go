package e2e

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"thonsync/clientlib"
	"thonsync/server"
	"thonsync/server/config"
	"thonsync/server/imports"
	"thonsync/server/store"
	"thonsync/syncproto"
	"thonsync/syncproto/credential"
	"thonsync/testdata/fieldwork"
	"thonsync/testdata/province"
)

// keptFolder holds one archive for each version of the formats that was
// released, made by the program of that version: the data folders of a centre
// and a point, a phone's database, and a bundle. They are never made anew.
const keptFolder = "../../testdata/kept"

// keptEnv set to the name of an archive makes TestKeptFormats write it first.
const keptEnv = "THONSYNC_KEEP"

// kept says what an archive holds, and when it was made.
type kept struct {
	MadeMS  int64 `json:"made_ms"`
	Records int   `json:"records"`  // of the phone
	Centre  int   `json:"centre"`   // of them at the centre when it was made
	Early   int   `json:"early"`    // of them in the bundle early.thonsync, and nowhere but on the phone
	AtPoint int   `json:"at_point"` // of them at the point only
}

// wires connects replicas inside the process, by their addresses.
type wires map[string]*server.Node

func (w wires) node(at string) (*server.Node, error) {
	if n := w[at]; n != nil {
		return n, nil
	}
	return nil, errors.New("nobody answers at " + at)
}

// Exchange gives a request to the server at an address.
func (w wires) Exchange(ctx context.Context, at string, body []byte) (clientlib.Reply, error) {
	n, err := w.node(at)
	if err != nil {
		return clientlib.Reply{}, err
	}
	answer, err := n.Exchange(ctx, bytes.Clone(body))
	if pe, ok := errors.AsType[*syncproto.Error](err); ok && pe.Code == syncproto.CodeOldKey {
		return clientlib.Reply{Notice: answer}, nil
	} else if ok {
		return clientlib.Reply{}, &clientlib.ServerError{Err: pe}
	}
	return clientlib.Reply{Answer: answer}, err
}

// Keys asks for the key notice of the server at an address.
func (w wires) Keys(ctx context.Context, at string) ([]byte, error) {
	n, err := w.node(at)
	if err != nil {
		return nil, err
	}
	return n.Keys(ctx)
}

const (
	keptCentreURL = "http://centre.example"
	keptPointURL  = "http://point.example"
)

// keptClock is the clock of everybody in an archive.
type keptClock struct{ ms atomic.Int64 }

func (c *keptClock) NowMS() int64   { return c.ms.Load() }
func (c *keptClock) now() time.Time { return time.UnixMilli(c.ms.Load()) }

// keptWorld is the replicas of an archive, open.
type keptWorld struct {
	t      *testing.T
	dir    string
	clock  *keptClock
	wires  wires
	centre *server.Node
	point  *server.Node
	phone  *clientlib.Device
}

func (w *keptWorld) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *keptWorld) open(name, url, upstream string) *server.Node {
	w.t.Helper()
	cfg, opts := w.config(name, url, upstream)
	n, err := server.Open(w.t.Context(), cfg, opts)
	w.must(err)
	w.wires[url] = n
	w.t.Cleanup(func() { _ = n.Close() }) // closing twice is fine
	return n
}

func (w *keptWorld) config(name, url, upstream string) (config.Config, server.Options) {
	w.t.Helper()
	cfg, err := config.Default()
	w.must(err)
	cfg.Data, cfg.PublicURL, cfg.Upstream = filepath.Join(w.dir, name), url, upstream
	return cfg, server.Options{Transport: w.wires, Now: w.clock.now}
}

func (w *keptWorld) openPhone() {
	w.t.Helper()
	var err error
	w.phone, err = clientlib.Open(w.t.Context(), clientlib.Options{Path: filepath.Join(w.dir, "field.db"), Transport: w.wires, Clock: w.clock})
	w.must(err)
	w.t.Cleanup(func() { _ = w.phone.Close() })
}

func (w *keptWorld) record(n int) {
	w.t.Helper()
	for range n {
		w.clock.ms.Add(60_000)
		_, err := w.phone.Record(w.t.Context(), clientlib.RecordInput{
			Kind: "CC", Result: "done",
			Fields: map[string]string{"full_name": "Vàng Mí Thử", "birth_date": "1960", "stage": "enrolled", "reason": "first"},
		})
		w.must(err)
	}
}

func (w *keptWorld) atCentre() map[uuid.UUID]bool {
	w.t.Helper()
	out := map[uuid.UUID]bool{}
	w.must(w.centre.Store().View(w.t.Context(), func(r store.Reader) error {
		return r.EachRecord(store.RecordQuery{Collection: syncproto.CollectionActivity, ExistsOnly: true, WithoutHistory: true}, func(rec store.Record) error {
			out[rec.ID] = true
			return nil
		})
	}))
	return out
}

// keep makes the archive of the formats as they are now.
func keep(t *testing.T, archive string) {
	t.Helper()
	w := &keptWorld{t: t, dir: t.TempDir(), clock: &keptClock{}, wires: wires{}}
	ctx := t.Context()
	w.clock.ms.Store(time.Now().UnixMilli())
	w.centre = w.open("centre", keptCentreURL, "")
	p := province.Small(1, 1, 1)
	files := t.TempDir()
	w.must(fieldwork.WriteFiles(files, p))
	importFile(t, w.centre, imports.Units, filepath.Join(files, "units.csv"))
	importFile(t, w.centre, imports.Kinds, filepath.Join(files, "kinds.json"))
	importFile(t, w.centre, imports.Teams, filepath.Join(files, "teams.csv"))
	importFile(t, w.centre, imports.Members, filepath.Join(files, "members.csv"))
	var team uuid.UUID
	w.must(w.centre.Store().View(ctx, func(r store.Reader) error {
		return r.EachRecord(store.RecordQuery{Collection: syncproto.CollectionTeam, ExistsOnly: true, WithoutHistory: true}, func(rec store.Record) error {
			team = rec.ID
			return nil
		})
	}))
	code, err := w.centre.NewCode(ctx, server.CodeRequest{Role: credential.RolePoint, Units: []string{fieldwork.UnitKey(p.Teams[0].Commune)}})
	w.must(err)
	cfg, opts := w.config("point", keptPointURL, keptCentreURL)
	w.must(server.JoinUpstream(ctx, cfg, opts, code.URI, "point"))
	w.point = w.open("point", keptPointURL, keptCentreURL)
	w.must(w.point.Relay().Sync(ctx))
	w.openPhone()
	code, err = w.point.NewCode(ctx, server.CodeRequest{Role: credential.RolePhone, Team: team})
	w.must(err)
	joined, err := w.phone.Join(ctx, code.URI, "phone")
	w.must(err)
	w.must(w.phone.AddPerson(ctx, joined.Welcome.Members[0].ID, "x"))
	w.must(w.phone.SelectPerson(ctx, joined.Welcome.Members[0].ID, ""))
	m := kept{Records: 22, Centre: 7, AtPoint: 5, Early: 6}
	sync := func() {
		_, err := w.phone.Sync(ctx)
		w.must(err)
	}
	sync()
	w.record(m.Centre)
	sync()
	w.must(w.point.Relay().Sync(ctx))
	sync()
	w.record(m.AtPoint)
	sync()
	w.record(m.Early)
	var early bytes.Buffer
	w.must(w.phone.ExportBundle(ctx, &early, clientlib.BundleOptions{}))
	w.record(m.Records - m.Centre - m.AtPoint - m.Early)
	w.must(errors.Join(w.phone.Close(), w.point.Close(), w.centre.Close()))
	w.must(os.WriteFile(filepath.Join(w.dir, "early.thonsync"), early.Bytes(), 0o600))
	m.MadeMS = w.clock.NowMS()
	b, err := json.MarshalIndent(m, "", "  ")
	w.must(err)
	w.must(os.WriteFile(filepath.Join(w.dir, "kept.json"), append(b, '\n'), 0o600))
	w.must(os.MkdirAll(filepath.Dir(archive), 0o750))
	w.must(pack(archive, w.dir))
}

func pack(archive, dir string) error {
	f, err := os.Create(archive)
	if err != nil {
		return err
	}
	z := zip.NewWriter(f)
	err = z.AddFS(os.DirFS(dir))
	return errors.Join(err, z.Close(), f.Close())
}

// unpack opens a copy of an archive, some days after it was made.
func unpack(t *testing.T, archive string, days int) (*keptWorld, kept) {
	t.Helper()
	w := &keptWorld{t: t, dir: t.TempDir(), clock: &keptClock{}, wires: wires{}}
	z, err := zip.OpenReader(archive)
	w.must(err)
	defer z.Close()
	w.must(fs.WalkDir(z, ".", func(name string, d fs.DirEntry, err error) error {
		to := filepath.Join(w.dir, filepath.FromSlash(name))
		if err != nil || d.IsDir() {
			return errors.Join(err, os.MkdirAll(to, 0o700))
		}
		b, err := fs.ReadFile(z, name)
		return errors.Join(err, os.WriteFile(to, b, 0o600))
	}))
	var m kept
	b, err := os.ReadFile(filepath.Join(w.dir, "kept.json"))
	w.must(err)
	w.must(json.Unmarshal(b, &m))
	w.clock.ms.Store(m.MadeMS + int64(days)*int64(24*time.Hour/time.Millisecond))
	return w, m
}

// TestKeptFormats: databases, segments and bundles of every released version are
// read by this program, more than a year later, and nothing in them is lost: a
// phone with last year's program and no contact since delivers everything.
func TestKeptFormats(t *testing.T) {
	if name := os.Getenv(keptEnv); name != "" {
		keep(t, filepath.Join(keptFolder, name+".zip"))
	}
	list, err := filepath.Glob(filepath.Join(keptFolder, "*.zip"))
	if err != nil || len(list) == 0 {
		t.Fatalf("no kept formats in %s: %v", keptFolder, err)
	}
	for _, archive := range list {
		for _, days := range []int{0, 400} {
			t.Run(filepath.Base(archive)+"/"+strconv.Itoa(days), func(t *testing.T) { readKept(t, archive, days) })
		}
	}
}

// replaceKeys is what happens at a centre in a year: another signing key, other
// sealing keys, and the one that old work is sealed to is destroyed.
func (w *keptWorld) replaceKeys() {
	w.t.Helper()
	_, err := w.centre.Rotate(w.t.Context(), server.Rotation{Signing: true, Sealing: true, Exchange: true})
	w.must(err)
	w.clock.ms.Add(int64(100 * 24 * time.Hour / time.Millisecond))
	gone, err := w.centre.DestroyOld(w.t.Context(), server.Destruction{Force: true, Reason: "kept-formats"})
	w.must(err)
	if gone.Keys == 0 {
		w.t.Error("no sealing key was destroyed")
	}
}

func readKept(t *testing.T, archive string, days int) {
	t.Helper()
	w, m := unpack(t, archive, days)
	ctx := t.Context()
	w.centre = w.open("centre", keptCentreURL, "")
	if n := len(w.atCentre()); n != m.Centre {
		t.Errorf("the centre holds %d records, want %d", n, m.Centre)
	}
	readable := m.AtPoint
	if days > 0 {
		w.replaceKeys()
		// What was sealed to a destroyed key waits for the phone to seal it again.
		readable, m.Early = 0, 0
	}
	w.point = w.open("point", keptPointURL, keptCentreURL)
	w.must(w.point.Relay().Sync(ctx))
	if n := len(w.atCentre()); n != m.Centre+readable {
		t.Errorf("with what the point held the centre has %d records, want %d", n, m.Centre+readable)
	}
	b, err := os.ReadFile(filepath.Join(w.dir, "early.thonsync"))
	w.must(err)
	importAt(t, &world{t: t}, &site{node: w.centre}, b)
	if n := len(w.atCentre()); n != m.Centre+readable+m.Early {
		t.Errorf("with the bundle the centre has %d records, want %d", n, m.Centre+readable+m.Early)
	}
	w.openPhone()
	mine, err := w.phone.List(ctx, clientlib.Filter{})
	w.must(err)
	if len(mine) != m.Records {
		t.Errorf("the phone shows %d records, want %d", len(mine), m.Records)
	}
	w.record(1) // it still records, too
	for range 3 {
		_, err = w.phone.Sync(ctx)
		w.must(err)
		w.must(w.point.Relay().Sync(ctx))
	}
	if n := len(w.atCentre()); n != m.Records+1 {
		t.Errorf("in the end the centre has %d records, want %d", n, m.Records+1)
	}
	_, err = w.phone.Sync(ctx)
	w.must(err)
	sum, err := w.phone.CustodySum(ctx)
	w.must(err)
	if sum[clientlib.StageAtCentre] != m.Records+1 {
		t.Errorf("custody %v, want %d at the centre", sum, m.Records+1)
	}
	v, err := w.centre.Verify(ctx)
	if err != nil || len(v.Damage) > 0 {
		t.Errorf("verify: %v %v", v.Damage, err)
	}
	(&world{t: t}).checkLedger(w.centre.Store())
	w.must(w.phone.VerifyChain(ctx))
}
