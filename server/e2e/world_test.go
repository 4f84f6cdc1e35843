package e2e

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"thonsync/clientlib"
	"thonsync/clientlib/httptransport"
	"thonsync/server"
	"thonsync/server/config"
	"thonsync/server/imports"
	"thonsync/server/store"
	"thonsync/syncproto"
	"thonsync/syncproto/credential"
	"thonsync/testdata/fieldwork"
	"thonsync/testdata/province"
)

// world is a centre with reference data, and what joins it.
type world struct {
	t       *testing.T
	prov    *province.Province
	centre  *site
	team    uuid.UUID
	commune string
	now     func() time.Time    // of all servers; nil for the real time
	line    clientlib.Transport // of servers started from now on; nil for HTTP
}

// site is a running server.
type site struct {
	cfg  config.Config
	node *server.Node
	url  string
	addr string
	stop func() // may be called again
}

func newWorld(t *testing.T) *world {
	t.Helper()
	return newWorldAt(t, nil)
}

// newWorldAt is newWorld by another clock, with the centre's settings changed.
func newWorldAt(t *testing.T, now func() time.Time, change ...func(*config.Config)) *world {
	t.Helper()
	w := &world{t: t, prov: province.Small(1, 1, 1), now: now}
	w.commune = fieldwork.UnitKey(w.prov.Teams[0].Commune)
	w.centre = w.serve(func(c *config.Config) {
		c.BackupFolder, c.BackupEvery = t.TempDir(), 0
		for _, f := range change {
			f(c)
		}
	}, "")
	files := t.TempDir()
	w.must(fieldwork.WriteFiles(files, w.prov))
	for _, what := range imports.All() {
		name := string(what) + ".csv"
		if what == imports.Kinds || what == imports.Guides {
			name = string(what) + ".json"
		}
		b, err := os.ReadFile(filepath.Join(files, name))
		w.must(err)
		res, err := imports.Run(t.Context(), w.centre.node, what, b, imports.Options{})
		w.must(err)
		if len(res.Bad) > 0 {
			t.Fatalf("%s: %+v", name, res.Bad[0])
		}
	}
	w.each(syncproto.CollectionTeam, func(r store.Record) { w.team = r.ID })
	return w
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// serve starts a server, a point if invite is a joining URI.
func (w *world) serve(change func(*config.Config), invite string) *site {
	w.t.Helper()
	cfg, err := config.Default()
	w.must(err)
	public, err := net.Listen("tcp", "127.0.0.1:0")
	w.must(err)
	admin, err := net.Listen("tcp", "127.0.0.1:0")
	w.must(err)
	cfg.Data, cfg.Listen, cfg.DrainTimeout = w.t.TempDir(), public.Addr().String(), time.Second
	if change != nil {
		change(&cfg)
	}
	opts := server.Options{Transport: w.line, Now: w.now, Reports: server.Reporter, Mounts: server.Pages}
	if w.line == nil {
		opts.Transport = httptransport.New(0)
	}
	if invite != "" {
		w.must(server.JoinUpstream(w.t.Context(), cfg, opts, invite, "point"))
	}
	return w.open(cfg, opts, server.Listeners{Public: public, Admin: admin})
}

// open runs a server until its stop or the end of the test.
func (w *world) open(cfg config.Config, opts server.Options, l server.Listeners) *site {
	w.t.Helper()
	n, err := server.Open(w.t.Context(), cfg, opts)
	w.must(err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- n.Serve(ctx, l) }()
	stop := sync.OnceFunc(func() {
		cancel()
		if err := errors.Join(<-done, n.Close()); err != nil {
			w.t.Error(err)
		}
	})
	w.t.Cleanup(stop)
	return &site{node: n, cfg: cfg, url: "http://" + cfg.Listen, addr: cfg.Listen, stop: stop}
}

// restart stops a server and runs it again, in its old place.
func (w *world) restart(s *site, opts server.Options, changes ...func(*config.Config)) *site {
	w.t.Helper()
	s.stop()
	cfg := s.cfg
	for _, change := range changes {
		change(&cfg)
	}
	public, err := net.Listen("tcp", cfg.Listen)
	w.must(err)
	admin, err := net.Listen("tcp", "127.0.0.1:0")
	w.must(err)
	opts.Transport = httptransport.New(0)
	return w.open(cfg, opts, server.Listeners{Public: public, Admin: admin})
}

// point starts a point of the commune.
func (w *world) point() *site {
	w.t.Helper()
	code, err := w.centre.node.NewCode(w.t.Context(), server.CodeRequest{Role: credential.RolePoint, Units: []string{w.commune}})
	w.must(err)
	p := w.serve(func(c *config.Config) { c.Upstream, c.SyncEvery = w.centre.url, time.Hour }, code.URI)
	w.must(p.node.Relay().Sync(w.t.Context()))
	return p
}

// device is a phone with a person.
type device struct {
	*clientlib.Device
	w      *world
	gen    *province.ActivityGen
	byGen  map[int]uuid.UUID
	made   []uuid.UUID
	path   string
	joined clientlib.Joined
}

// phone joins a phone of the team at a site.
func (w *world) phone(at *site, seed uint64) *device {
	w.t.Helper()
	d := &device{w: w, gen: province.NewActivityGen(w.prov, seed, time.Now().AddDate(0, 0, -9)), byGen: map[int]uuid.UUID{}}
	d.path = filepath.Join(w.t.TempDir(), "field.db")
	var err error
	d.Device, err = clientlib.Open(w.t.Context(), clientlib.Options{Path: d.path, Transport: httptransport.New(0)})
	w.must(err)
	w.t.Cleanup(func() { _ = d.Close() }) // closing twice is fine
	code, err := at.node.NewCode(w.t.Context(), server.CodeRequest{Role: credential.RolePhone, Team: w.team})
	w.must(err)
	d.joined, err = d.Join(w.t.Context(), code.URI, "phone")
	w.must(err)
	d.sync()
	return d
}

func (d *device) sync() clientlib.Report {
	d.w.t.Helper()
	r, err := d.Sync(d.w.t.Context())
	d.w.must(err)
	return r
}

// work records n new activities, and the edits that come between them.
func (d *device) work(n int) {
	d.w.t.Helper()
	ctx := d.w.t.Context()
	for n > 0 {
		a := d.gen.Next(0)
		op, personal := fieldwork.Row(a.Op), fieldwork.Row(a.Personal)
		var own syncproto.Row
		for _, f := range op {
			if f.Num >= syncproto.FirstKindField {
				own = append(own, f)
			}
		}
		members := d.joined.Welcome.Members
		person, result := members[a.AuthorIndex%len(members)].ID, op.Value(syncproto.ActivityResult).Text()
		if _, known := d.byGen[a.EditOf]; a.EditOf >= 0 && !known {
			continue
		}
		if a.EditOf >= 0 {
			_, err := d.Edit(ctx, d.byGen[a.EditOf], clientlib.EditInput{Person: person, Result: result, Operational: own, Personal: personal})
			d.w.must(err)
			continue
		}
		got, err := d.Record(ctx, clientlib.RecordInput{
			Person: person, Kind: a.Kind, Unit: fieldwork.UnitKey(a.Unit), Occurred: fieldwork.Date(a.Occurred),
			Result: result, Operational: own, Personal: personal,
		})
		d.w.must(err)
		d.byGen[a.Index] = got.ID
		d.made = append(d.made, got.ID)
		n--
	}
}

// stages counts a phone's own records by stage.
func (d *device) stages() clientlib.CustodySum {
	d.w.t.Helper()
	sum, err := d.CustodySum(d.w.t.Context())
	d.w.must(err)
	return sum
}

// each calls f for the centre's live records of a collection.
func (w *world) each(collection uint32, f func(store.Record)) {
	w.t.Helper()
	w.must(w.centre.node.Store().View(w.t.Context(), func(r store.Reader) error {
		return r.EachRecord(store.RecordQuery{Collection: collection, ExistsOnly: true, WithoutHistory: true}, func(rec store.Record) error {
			f(rec)
			return nil
		})
	}))
}

// activities gives the ids of the centre's activities.
func (w *world) activities() map[uuid.UUID]bool {
	w.t.Helper()
	out := map[uuid.UUID]bool{}
	w.each(syncproto.CollectionActivity, func(r store.Record) { out[r.ID] = true })
	return out
}

// checkLedger holds every sum of the centre: head = outcomes + gaps, and that
// nothing is missing.
func (w *world) checkLedger(st store.Store) {
	w.t.Helper()
	type key struct {
		origin syncproto.OriginID
		branch uint32
	}
	held, counted := map[key]uint64{}, map[key]uint64{}
	w.must(st.View(context.Background(), func(r store.Reader) error {
		ends := map[key]uint64{}
		err := r.EachRun(func(run store.Run) error {
			k := key{run.Origin, run.Branch}
			if _, seen := ends[k]; !seen {
				ends[k] = run.After
			}
			if run.First != ends[k]+1 {
				w.t.Errorf("origin %s: changes %d-%d are missing", run.Origin, ends[k]+1, run.First-1)
			}
			held[k] += run.Last.Seq - run.First + 1
			ends[k] = run.Last.Seq
			return nil
		})
		if err != nil {
			return err
		}
		counts, err := r.OutcomeCounts(nil)
		for _, c := range counts {
			counted[key{c.Origin, c.Branch}] += c.Changes
			if c.Outcome != syncproto.OutcomeAccepted {
				w.t.Errorf("origin %s: %d changes are %s: %s", c.Origin, c.Changes, c.Outcome, c.Reason)
			}
		}
		return err
	}))
	for k, n := range held {
		if counted[k] != n {
			w.t.Errorf("origin %s branch %d: %d changes held, %d outcomes", k.origin, k.branch, n, counted[k])
		}
	}
}
