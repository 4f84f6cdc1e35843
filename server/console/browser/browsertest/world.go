// Package browsertest makes the world in which pages are tested: a centre with an
// invented province, a commune's point, phones that have recorded, accounts that
// have signed in, and Chromium to look at it all.
package browsertest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/google/uuid"

	"thonsync/clientlib"
	"thonsync/clientlib/httptransport"
	"thonsync/server"
	"thonsync/server/accounts"
	"thonsync/server/audit"
	"thonsync/server/config"
	"thonsync/server/imports"
	"thonsync/server/store"
	"thonsync/syncproto"
	"thonsync/syncproto/credential"
	"thonsync/testdata/fieldwork"
	"thonsync/testdata/province"
)

const (
	seed     = 7
	communes = 3
	villages = 4
	// perPhone is how many entries each phone makes.
	perPhone = 12
)

// Site is a running server.
type Site struct {
	Node *server.Node
	URL  string // as a browser on the same machine opens it
	stop func() error
}

// Phone is a device of a team that has delivered its work at the centre.
type Phone struct {
	Device *clientlib.Device
	Team   uuid.UUID
	Unit   string // the village
	Made   []uuid.UUID
}

// World is what pages are opened on. Tests share it and leave what they made.
type World struct {
	Centre, Point *Site
	Province      *province.Province
	Communes      []string // unit keys; the point is of the first
	Phones        []*Phone
	dir           string
	browser       *browser
	sessions      map[string]string
}

// Open makes the world in dir and starts the browser. Close it when done.
func Open(ctx context.Context, dir string) (w *World, err error) {
	w = &World{dir: dir, Province: province.Small(seed, communes, villages), sessions: map[string]string{}}
	defer func() {
		if err != nil {
			err = errors.Join(err, w.Close())
			w = nil
		}
	}()
	for _, t := range w.Province.Teams {
		if key := fieldwork.UnitKey(t.Commune); len(w.Communes) == 0 || w.Communes[len(w.Communes)-1] != key {
			w.Communes = append(w.Communes, key)
		}
	}
	for _, step := range []func(context.Context) error{w.openCentre, w.openPoint, w.work, w.signIn, w.openBrowser} {
		if err := step(ctx); err != nil {
			return w, err
		}
	}
	return w, nil
}

// Close ends everything.
func (w *World) Close() error {
	var errs []error
	if w.browser != nil {
		errs = append(errs, w.browser.close())
	}
	for _, p := range w.Phones {
		errs = append(errs, p.Device.Close())
	}
	for _, s := range []*Site{w.Point, w.Centre} {
		if s != nil {
			errs = append(errs, s.stop())
		}
	}
	return errors.Join(errs...)
}

func (w *World) openCentre(ctx context.Context) (err error) {
	if w.Centre, err = w.serve(ctx, "centre", "", ""); err != nil {
		return err
	}
	files := filepath.Join(w.dir, "import")
	if err := os.MkdirAll(files, 0o700); err != nil {
		return err
	}
	if err := fieldwork.WriteFiles(files, w.Province); err != nil {
		return err
	}
	for _, what := range imports.All() {
		name := string(what) + ".csv"
		if what == imports.Kinds || what == imports.Guides {
			name = string(what) + ".json"
		}
		b, err := os.ReadFile(filepath.Join(files, name))
		if errors.Is(err, os.ErrNotExist) {
			continue // not part of an invented province
		}
		if err != nil {
			return err
		}
		res, err := imports.Run(ctx, w.Centre.Node, what, b, imports.Options{})
		if err != nil {
			return err
		}
		if len(res.Bad) > 0 {
			return fmt.Errorf("%s: row %d was refused: %s", name, res.Bad[0].Row, res.Bad[0].Rule)
		}
	}
	return nil
}

func (w *World) openPoint(ctx context.Context) error {
	code, err := w.Centre.Node.NewCode(ctx, server.CodeRequest{Role: credential.RolePoint, Units: w.Communes[:1]})
	if err != nil {
		return err
	}
	if w.Point, err = w.serve(ctx, "point", w.Centre.URL, code.URI); err != nil {
		return err
	}
	return w.Point.Node.Relay().Sync(ctx)
}

// serve starts a server on a free port of this machine.
func (w *World) serve(ctx context.Context, name, upstream, invite string) (*Site, error) {
	cfg, err := config.Default()
	if err != nil {
		return nil, err
	}
	var lc net.ListenConfig
	public, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	admin, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, errors.Join(err, public.Close())
	}
	cfg.Data, cfg.Listen, cfg.Upstream = filepath.Join(w.dir, name), public.Addr().String(), upstream
	cfg.DrainTimeout, cfg.SecondFactor, cfg.BackupEvery = 2*time.Second, "none", 0
	if upstream == "" {
		cfg.BackupFolder = filepath.Join(w.dir, "backups")
	}
	opts := server.Options{Version: "test", Transport: httptransport.New(0), Reports: server.Reporter, Mounts: server.Pages}
	if invite != "" {
		if err := server.JoinUpstream(ctx, cfg, opts, invite, name); err != nil {
			return nil, errors.Join(err, public.Close(), admin.Close())
		}
	}
	n, err := server.Open(ctx, cfg, opts)
	if err != nil {
		return nil, errors.Join(err, public.Close(), admin.Close())
	}
	run, cancel := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan error, 1)
	go func() { done <- n.Serve(run, server.Listeners{Public: public, Admin: admin}) }()
	_, port, err := net.SplitHostPort(cfg.Listen)
	return &Site{Node: n, URL: "http://localhost:" + port, stop: func() error {
		cancel()
		return errors.Join(<-done, n.Close())
	}}, err
}

// work has one phone of each team record and deliver; the last team has none.
func (w *World) work(ctx context.Context) error {
	teams := map[string]uuid.UUID{}
	err := w.Centre.Node.Store().View(ctx, func(r store.Reader) error {
		q := store.RecordQuery{Collection: syncproto.CollectionTeam, ExistsOnly: true, WithoutHistory: true}
		return r.EachRecord(q, func(rec store.Record) error {
			teams[rec.Unit] = rec.ID
			return nil
		})
	})
	if err != nil {
		return err
	}
	done := map[int]bool{len(w.Province.Teams) - 1: true}
	for i, p := range w.Province.Phones {
		if done[p.Team] {
			continue
		}
		done[p.Team] = true
		unit := fieldwork.UnitKey(w.Province.Teams[p.Team].Village)
		if err := w.phone(ctx, i, teams[unit], unit); err != nil {
			return fmt.Errorf("phone of %s: %w", unit, err)
		}
	}
	return nil
}

func (w *World) phone(ctx context.Context, index int, team uuid.UUID, unit string) error {
	d, err := clientlib.Open(ctx, clientlib.Options{Path: filepath.Join(w.dir, fmt.Sprintf("phone-%d.db", index)), Transport: httptransport.New(0)})
	if err != nil {
		return err
	}
	p := &Phone{Device: d, Team: team, Unit: unit}
	w.Phones = append(w.Phones, p)
	code, err := w.Centre.Node.NewCode(ctx, server.CodeRequest{Role: credential.RolePhone, Team: team})
	if err != nil {
		return err
	}
	joined, err := d.Join(ctx, code.URI, fmt.Sprintf("Máy %d", len(w.Phones)))
	if err != nil {
		return err
	}
	if _, err := d.Sync(ctx); err != nil {
		return err
	}
	gen := province.NewActivityGen(w.Province, seed+uint64(index), time.Now().AddDate(0, 0, -20))
	for range perPhone {
		a := gen.NextOn(index)
		if a.EditOf >= 0 {
			continue
		}
		members := joined.Welcome.Members
		if err := p.record(ctx, a, members[a.AuthorIndex%len(members)].ID); err != nil {
			return err
		}
	}
	_, err = d.Sync(ctx)
	return err
}

func (p *Phone) record(ctx context.Context, a province.Activity, person uuid.UUID) error {
	op := fieldwork.Row(a.Op)
	var own syncproto.Row
	for _, f := range op {
		if f.Num >= syncproto.FirstKindField {
			own = append(own, f)
		}
	}
	got, err := p.Device.Record(ctx, clientlib.RecordInput{
		Person: person, Kind: a.Kind, Unit: fieldwork.UnitKey(a.Unit), Occurred: fieldwork.Date(a.Occurred),
		Result: op.Value(syncproto.ActivityResult).Text(), Operational: own, Personal: fieldwork.Row(a.Personal),
	})
	p.Made = append(p.Made, got.ID)
	return err
}

// Who are the accounts that have signed in.
const (
	Province = "tinh-lan" // province operator at the centre
	Officer  = "xa-hoa"   // officer of the first commune, at the centre
	Auditor  = "kiem-tra" // auditor at the centre
	AtPoint  = "xa-diem"  // officer of the first commune, at the point
)

// Password is that of every account.
const Password = "bốn từ không liên quan"

func (w *World) signIn(ctx context.Context) error {
	for name, role := range map[string]accounts.Role{Province: accounts.Province, Officer: accounts.Officer, Auditor: accounts.Auditor} {
		if err := w.account(ctx, w.Centre, name, role); err != nil {
			return err
		}
	}
	return w.account(ctx, w.Point, AtPoint, accounts.Officer)
}

func (w *World) account(ctx context.Context, at *Site, name string, role accounts.Role) error {
	var units []string
	if role == accounts.Officer {
		units = w.Communes[:1]
	}
	accts := at.Node.Accounts()
	_, token, err := accts.Add(ctx, audit.Console, name, role, units)
	if err != nil {
		return err
	}
	granted, err := accts.UseLink(ctx, token, name, Password, "127.0.0.1")
	w.sessions[name] = granted.Session
	return err
}
