package e2e

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"os/signal"
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

// The test binary plays the processes that are killed.
const (
	roleEnv   = "THONSYNC_E2E_ROLE" // serve or phone
	dataEnv   = "THONSYNC_E2E_DATA"
	listenEnv = "THONSYNC_E2E_LISTEN"
	upEnv     = "THONSYNC_E2E_UPSTREAM"
)

func TestMain(m *testing.M) {
	var err error
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	switch os.Getenv(roleEnv) {
	case "":
		stop()
		os.Exit(m.Run())
	case "serve":
		err = playServer(ctx)
	case "phone":
		err = playPhone(ctx)
	}
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func serverConfig(data, listen, upstream string) (config.Config, error) {
	cfg, err := config.Default()
	cfg.Data, cfg.Listen, cfg.Upstream, cfg.SyncEvery = data, listen, upstream, 50*time.Millisecond
	return cfg, err
}

// playServer serves until it is killed; it says "up" once it answers.
func playServer(ctx context.Context) error {
	cfg, err := serverConfig(os.Getenv(dataEnv), os.Getenv(listenEnv), os.Getenv(upEnv))
	if err != nil {
		return err
	}
	n, err := server.Open(ctx, cfg, server.Options{
		Transport: httptransport.New(5 * time.Second), Ready: func(string) { fmt.Println("up") },
	})
	if err != nil {
		return err
	}
	l, err := n.Listen()
	if err != nil {
		return errors.Join(err, n.Close())
	}
	return errors.Join(n.Serve(ctx, l), n.Close())
}

// playPhone records and sends until it is killed. It prints "made ID" once a
// record is stored and "received ID" once a receipt of the centre says so.
func playPhone(ctx context.Context) error {
	d, err := clientlib.Open(ctx, clientlib.Options{Path: os.Getenv(dataEnv), Transport: httptransport.New(5 * time.Second)})
	if err != nil {
		return err
	}
	fmt.Println("up")
	var mine []uuid.UUID
	for ctx.Err() == nil {
		for range 3 {
			got, err := d.Record(ctx, talk())
			if err != nil {
				return err
			}
			fmt.Println("made", got.ID)
			mine = append(mine, got.ID)
		}
		_, _ = d.Sync(ctx) // servers are being killed: what counts is what receipts say
		for _, id := range mine {
			c, err := d.Custody(ctx, id)
			if err != nil {
				return err
			}
			if c.Stage == clientlib.StageAtCentre || c.Stage == clientlib.StageSafe {
				fmt.Println("received", id)
			}
		}
		mine = mine[max(0, len(mine)-30):]
	}
	return d.Close()
}

// talk is an outreach session, which needs no citizen.
func talk() clientlib.RecordInput {
	return clientlib.RecordInput{Kind: "TT", Result: "held", Fields: map[string]string{"topic": "id_card", "audience_count": "12", "method": "loudspeaker"}}
}

// process is one of the three that are killed, and started again.
type process struct {
	t     *testing.T
	env   []string
	cmd   *exec.Cmd
	lines chan string
	ended sync.WaitGroup
}

func (p *process) start() {
	p.t.Helper()
	p.cmd = exec.Command(os.Args[0])
	p.cmd.Env = append(os.Environ(), p.env...)
	p.cmd.Stderr = os.Stderr
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		p.t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	lines := make(chan string, 1<<16)
	p.lines = lines
	p.ended.Go(func() {
		defer close(lines)
		for s := bufio.NewScanner(out); s.Scan(); {
			lines <- s.Text()
		}
	})
	if l, ok := <-lines; !ok || l != "up" {
		p.t.Fatalf("process did not start: %q", l)
	}
}

// kill is kill -9.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	p.ended.Wait()
	_ = p.cmd.Wait()
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// TestRandomKills kills phone, point and centre at random while they work, 200
// times. No record that the phone was told is stored may be lost, none that a
// receipt calls received may be missing at the centre, nothing may be doubled.
func TestRandomKills(t *testing.T) {
	kills := 200
	if raceDetector || testing.Short() {
		kills = 12
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	k := newKillWorld(t)
	made, received := map[uuid.UUID]bool{}, map[uuid.UUID]bool{}
	hear := func(line string) {
		var what, id string
		if n, _ := fmt.Sscan(line, &what, &id); n != 2 {
			return // cut in mid-line by the kill
		}
		u, err := uuid.Parse(id)
		switch {
		case err != nil:
		case what == "made":
			made[u] = true
		case what == "received":
			received[u] = true
		}
	}
	drain := func() {
		for l := range k.phone.lines {
			hear(l)
		}
	}
	for range kills {
		for range rng.IntN(12) { // let some work happen
			select {
			case l := <-k.phone.lines:
				hear(l)
			case <-time.After(200 * time.Millisecond): // waiting for a receipt that cannot come
			}
		}
		victim := []*process{k.phone, k.point, k.centre}[rng.IntN(3)]
		victim.kill()
		if victim == k.phone {
			drain()
		}
		victim.start()
	}
	k.phone.kill()
	drain()
	k.settle(t, made, received)
}

// killWorld is a centre, a point and a phone as processes.
type killWorld struct {
	centre, point, phone *process
	centreData           string
	phoneData            string
	pointAt              string // host:port
	pointConfig          config.Config
	team                 uuid.UUID
}

func newKillWorld(t *testing.T) *killWorld {
	t.Helper()
	dir := t.TempDir()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	k := &killWorld{centreData: filepath.Join(dir, "centre"), phoneData: filepath.Join(dir, "field.db")}
	centreAt, pointAt, pointData := freeAddress(t), freeAddress(t), filepath.Join(dir, "point")
	k.centre = &process{t: t, env: []string{roleEnv + "=serve", dataEnv + "=" + k.centreData, listenEnv + "=" + centreAt, upEnv + "="}}
	k.point = &process{t: t, env: []string{roleEnv + "=serve", dataEnv + "=" + pointData, listenEnv + "=" + pointAt, upEnv + "=http://" + centreAt}}
	k.phone = &process{t: t, env: []string{roleEnv + "=phone", dataEnv + "=" + k.phoneData}}

	// Reference data, before anything runs.
	ctx := t.Context()
	cfg, err := serverConfig(k.centreData, centreAt, "")
	must(err)
	n, err := server.Open(ctx, cfg, server.Options{})
	must(err)
	p := province.Small(1, 1, 1)
	files := t.TempDir()
	must(fieldwork.WriteFiles(files, p))
	for what, name := range map[imports.What]string{imports.Units: "units.csv"} {
		importFile(t, n, what, filepath.Join(files, name))
	}
	importFile(t, n, imports.Kinds, filepath.Join(files, "kinds.json"))
	importFile(t, n, imports.Teams, filepath.Join(files, "teams.csv"))
	importFile(t, n, imports.Members, filepath.Join(files, "members.csv"))
	var team uuid.UUID
	must(n.Store().View(ctx, func(r store.Reader) error {
		return r.EachRecord(store.RecordQuery{Collection: syncproto.CollectionTeam, ExistsOnly: true, WithoutHistory: true}, func(rec store.Record) error {
			team = rec.ID
			return nil
		})
	}))
	must(n.Close())

	k.centre.start()
	t.Cleanup(k.centre.kill)
	code, err := server.CodeNew.Run(ctx, cfg, server.Options{}, server.CodeRequest{Role: credential.RolePoint, Units: []string{fieldwork.UnitKey(p.Teams[0].Commune)}, Host: "127.0.0.1"})
	must(err)
	pcfg, err := serverConfig(pointData, pointAt, "http://"+centreAt)
	must(err)
	must(server.JoinUpstream(ctx, pcfg, server.Options{Transport: httptransport.New(0)}, code.URI, "point"))
	pn, err := server.Open(ctx, pcfg, server.Options{Transport: httptransport.New(0)})
	must(err)
	must(pn.Relay().Sync(ctx))
	must(pn.Close())
	k.point.start()
	t.Cleanup(k.point.kill)
	k.pointAt, k.pointConfig, k.team = pointAt, pcfg, team
	code, err = server.CodeNew.Run(ctx, pcfg, server.Options{}, server.CodeRequest{Role: credential.RolePhone, Team: team, Host: "127.0.0.1"})
	must(err)
	d, err := clientlib.Open(ctx, clientlib.Options{Path: k.phoneData, Transport: httptransport.New(0)})
	must(err)
	joined, err := d.Join(ctx, code.URI, "phone")
	must(err)
	must(d.AddPerson(ctx, joined.Welcome.Members[0].ID, "x"))
	must(d.SelectPerson(ctx, joined.Welcome.Members[0].ID, ""))
	_, err = d.Sync(ctx)
	must(err)
	must(d.Close())
	k.phone.start()
	t.Cleanup(k.phone.kill)
	return k
}

func importFile(t *testing.T, n *server.Node, what imports.What, path string) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := imports.Run(t.Context(), n, what, b, imports.Options{}); err != nil {
		t.Fatal(err)
	}
}

// settle stops the faults, lets everything drain and holds what was promised.
func (k *killWorld) settle(t *testing.T, made, received map[uuid.UUID]bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	d, err := clientlib.Open(ctx, clientlib.Options{Path: k.phoneData, Transport: httptransport.New(0)})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		r, err := d.Sync(ctx)
		if err == nil && r.Waiting == 0 {
			break
		}
		select {
		case <-ctx.Done():
			t.Fatalf("with all faults stopped %d changes still wait: %v", r.Waiting, err)
		case <-tick.C:
		}
	}
	k.point.kill()
	k.centre.kill()
	cfg, err := serverConfig(k.centreData, "127.0.0.1:0", "")
	if err != nil {
		t.Fatal(err)
	}
	n, err := server.Open(context.Background(), cfg, server.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	have := map[uuid.UUID]bool{}
	err = n.Store().View(context.Background(), func(r store.Reader) error {
		return r.EachRecord(store.RecordQuery{Collection: syncproto.CollectionActivity, ExistsOnly: true, WithoutHistory: true}, func(rec store.Record) error {
			have[rec.ID] = true
			return nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	for id := range made {
		if !have[id] {
			t.Errorf("record %s, acknowledged by the phone, is lost", id)
		}
	}
	for id := range received {
		if !have[id] {
			t.Errorf("record %s, called received, is not at the centre", id)
		}
	}
	st, err := d.Status(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if st.Changes != len(have) {
		t.Errorf("the phone made %d changes, the centre has %d records", st.Changes, len(have))
	}
	v, err := n.Verify(context.Background())
	if err != nil || len(v.Damage) > 0 {
		t.Errorf("verify: %v %v", v.Damage, err)
	}
	(&world{t: t}).checkLedger(n.Store())
	t.Logf("%d records acknowledged, %d called received while killing; all %d are at the centre", len(made), len(received), len(have))
	// A short play on a slow machine may end before the first receipt has come all the way back.
	if len(made) < 20 || len(received) == 0 && !raceDetector && !testing.Short() {
		t.Errorf("too little happened between the kills: %d made, %d received", len(made), len(received))
	}
}
