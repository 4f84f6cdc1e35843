package server_test

import (
	"context"
	"errors"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"thonsync/clientlib"
	"thonsync/clientlib/httptransport"
	"thonsync/server"
	"thonsync/server/config"
	"thonsync/server/ownlog"
	"thonsync/syncproto"
	"thonsync/syncproto/credential"
)

// Invented units of an invented province.
const (
	list      = "test-2025"
	province  = list + ":1"
	communeA  = list + ":10"
	communeB  = list + ":20"
	villageA1 = list + ":101"
	villageA2 = list + ":102"
	villageB1 = list + ":201"
)

// clock is a wall clock that tests move.
type clock struct {
	mu    sync.Mutex
	shift time.Duration
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.shift)
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.shift += d
}

// never is an After that does not fire: background work then only runs when it
// is woken or called.
func never(time.Duration) <-chan time.Time { return nil }

// testConfig gives settings with small limits and real durability.
func testConfig(data, listen string) config.Config {
	return config.Config{
		Data: data, Listen: listen, PublicURL: "http://" + listen, LogLevel: "warn",
		BodyLimit: 1 << 20, Concurrency: 8, Queue: 16, MaxPerIP: 64, MaxConnections: 256, PhoneBurst: 1 << 26, PhoneRate: 1 << 14,
		ReadTimeout: time.Minute, WriteTimeout: time.Minute, IdleTimeout: time.Minute, WorkTimeout: time.Minute, DrainTimeout: time.Minute,
		SessionIdle: time.Hour, SessionLength: 12 * time.Hour, SecondFactor: "none",
		RotateEvery: 7 * 24 * time.Hour, SealEvery: 30 * 24 * time.Hour, SealKeep: 90 * 24 * time.Hour, SyncEvery: time.Hour,
		BackupEvery: 0, BackupKeep: 3, BackupPeriod: 10 * 24 * time.Hour, EraseWithin: 20 * 24 * time.Hour,
	}
}

// running is a served node.
type running struct {
	*server.Node
	url  string
	cfg  config.Config
	line *line  // points only
	stop func() // idempotent
}

// serve opens a node on the data folder and serves it until the test ends or
// stop is called.
func serve(t *testing.T, cfg config.Config, opts server.Options, ln net.Listener) *running {
	t.Helper()
	n, err := server.Open(t.Context(), cfg, opts)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	admin, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- n.Serve(ctx, server.Listeners{Public: ln, Admin: admin}) }()
	stop := sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Serve: %v", err)
		}
		if err := n.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	t.Cleanup(stop)
	return &running{Node: n, url: cfg.PublicURL, cfg: cfg, stop: stop}
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return ln
}

func transport(t *testing.T) *httptransport.Transport {
	t.Helper()
	tr := httptransport.New(0)
	t.Cleanup(tr.Close)
	return tr
}

// line is a point's way to the centre, which can be cut.
type line struct {
	clientlib.Transport
	cut atomic.Bool
}

var errCut = errors.New("line is cut")

func (l *line) Exchange(ctx context.Context, server string, body []byte) (clientlib.Reply, error) {
	if l.cut.Load() {
		return clientlib.Reply{}, errCut
	}
	return l.Transport.Exchange(ctx, server, body)
}

func (l *line) Keys(ctx context.Context, server string) ([]byte, error) {
	if l.cut.Load() {
		return nil, errCut
	}
	return l.Transport.Keys(ctx, server)
}

// world is a centre with reference data, and whatever joins it.
type world struct {
	t      *testing.T
	clock  *clock
	centre *running
	teamA1 uuid.UUID
	teamA2 uuid.UUID
	teamB1 uuid.UUID
	member map[uuid.UUID]uuid.UUID // by team
}

func (w *world) options() server.Options {
	return server.Options{Transport: transport(w.t), Now: w.clock.now, After: never, Reports: server.Reporter, Mounts: server.Pages}
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, clock: &clock{}, member: map[uuid.UUID]uuid.UUID{}}
	ln := listen(t)
	cfg := testConfig(filepath.Join(t.TempDir(), "centre"), ln.Addr().String())
	cfg.BackupFolder, cfg.BackupKeys = filepath.Join(t.TempDir(), "backups"), filepath.Join(t.TempDir(), "backup-keys")
	w.centre = serve(t, cfg, w.options(), ln)
	w.reference()
	return w
}

func text(num uint32, s string) syncproto.Field {
	return syncproto.Field{Num: num, Value: syncproto.TextValue(s)}
}

func unitDraft(key, level, name, parent string) ownlog.Draft {
	_, code, _ := strings.Cut(key, ":")
	row := syncproto.Row{
		text(syncproto.FieldUnit, key), text(syncproto.UnitList, list), text(syncproto.UnitCode, code),
		text(syncproto.UnitLevel, level), text(syncproto.UnitType, "Xã"), text(syncproto.UnitName, name),
	}
	if parent != "" {
		row = append(row, text(syncproto.UnitParent, parent))
	}
	return create(syncproto.CollectionUnit, row)
}

func create(collection uint32, row syncproto.Row) ownlog.Draft {
	return ownlog.Draft{Header: syncproto.Header{Collection: collection, Op: syncproto.OpCreate}, Operational: row}
}

const kindTT = `{"code":"TT","name_vi":"Tuyên truyền","name_en":"Outreach","person":false,
"results":[{"value":"held","label_vi":"Đã làm","label_en":"Held"}],"fields":[]}`

// reference writes units, one kind and three teams of one member each.
func (w *world) reference() {
	w.t.Helper()
	w.write(
		unitDraft(province, "province", "Tỉnh Thử", ""),
		unitDraft(communeA, "commune", "Xã An", province), unitDraft(communeB, "commune", "Xã Bình", province),
		unitDraft(villageA1, "village", "Thôn Một", communeA), unitDraft(villageA2, "village", "Thôn Hai", communeA),
		unitDraft(villageB1, "village", "Thôn Ba", communeB),
		create(syncproto.CollectionKind, syncproto.Row{
			text(syncproto.FieldUnit, province), text(syncproto.KindCode, "TT"), text(syncproto.KindNameVI, "Tuyên truyền"),
			text(syncproto.KindNameEN, "Outreach"), text(syncproto.KindDefinition, kindTT),
		}),
	)
	for unit, team := range map[string]*uuid.UUID{villageA1: &w.teamA1, villageA2: &w.teamA2, villageB1: &w.teamB1} {
		*team = w.write(create(syncproto.CollectionTeam, syncproto.Row{text(syncproto.FieldUnit, unit), text(syncproto.TeamName, "Tổ "+unit)}))[0]
		w.member[*team] = w.write(create(syncproto.CollectionMember, syncproto.Row{
			text(syncproto.FieldUnit, unit), {Num: syncproto.MemberTeam, Value: syncproto.UUIDValue(*team)}, text(syncproto.MemberRole, "leader"),
		}))[0]
	}
}

// write writes into the centre's own log and gives the records.
func (w *world) write(drafts ...ownlog.Draft) []uuid.UUID {
	w.t.Helper()
	entries, err := w.centre.WriteOwn(w.t.Context(), drafts)
	if err != nil {
		w.t.Fatalf("WriteOwn: %v", err)
	}
	var ids []uuid.UUID
	for _, e := range entries {
		ids = append(ids, e.Record)
	}
	return ids
}

// point makes a point of a commune and serves it.
func (w *world) point(units ...string) *running {
	w.t.Helper()
	return w.pointWith(server.CodeRequest{Role: credential.RolePoint, Units: units, Valid: 24 * time.Hour})
}

func (w *world) pointWith(q server.CodeRequest) *running {
	w.t.Helper()
	code, err := w.centre.NewCode(w.t.Context(), q)
	if err != nil {
		w.t.Fatalf("code for a point: %v", err)
	}
	ln := listen(w.t)
	cfg := testConfig(filepath.Join(w.t.TempDir(), "point"), ln.Addr().String())
	if err := server.JoinUpstream(w.t.Context(), cfg, w.options(), code.URI, "mini-PC"); err != nil {
		w.t.Fatalf("JoinUpstream: %v", err)
	}
	l := &line{Transport: transport(w.t)}
	opts := w.options()
	opts.Transport = l
	p := serve(w.t, cfg, opts, ln)
	p.line = l
	w.sync(p)
	return p
}

// sync lets a point exchange with the centre until nothing is left.
func (w *world) sync(p *running) {
	w.t.Helper()
	if err := p.Relay().Sync(w.t.Context()); err != nil {
		w.t.Fatalf("point's exchange: %v", err)
	}
}

// phone has a new phone of a team taken in at a server.
func (w *world) phone(at *running, team uuid.UUID) *clientlib.Device {
	w.t.Helper()
	code, err := at.NewCode(w.t.Context(), server.CodeRequest{Role: credential.RolePhone, Team: team})
	if err != nil {
		w.t.Fatalf("code for a phone: %v", err)
	}
	d := w.device()
	if _, err := d.Join(w.t.Context(), code.URI, "Phone"); err != nil {
		w.t.Fatalf("phone's Join: %v", err)
	}
	w.exchange(d)
	if err := d.SelectPerson(w.t.Context(), w.member[team], ""); err != nil {
		w.t.Fatalf("SelectPerson: %v", err)
	}
	return d
}

func (w *world) device() *clientlib.Device {
	w.t.Helper()
	d, err := clientlib.Open(w.t.Context(), clientlib.Options{Path: filepath.Join(w.t.TempDir(), "phone.db"), Transport: transport(w.t)})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { d.Close() })
	return d
}

func (w *world) exchange(d *clientlib.Device) {
	w.t.Helper()
	rep, err := d.Sync(w.t.Context())
	if err != nil {
		w.t.Fatalf("phone's Sync: %v", err)
	}
	for _, p := range rep.Problems {
		w.t.Fatalf("problem: %+v", p)
	}
}

func (w *world) record(d *clientlib.Device) uuid.UUID {
	w.t.Helper()
	r, err := d.Record(w.t.Context(), clientlib.RecordInput{Kind: "TT", Result: "held"})
	if err != nil {
		w.t.Fatalf("Record: %v", err)
	}
	return r.ID
}

func (w *world) wantStage(d *clientlib.Device, id uuid.UUID, want clientlib.Stage) {
	w.t.Helper()
	c, err := d.Custody(w.t.Context(), id)
	if err != nil {
		w.t.Fatal(err)
	}
	if c.Stage != want {
		w.t.Fatalf("custody %s (%s %s), want %s", c.Stage, c.Outcome, c.Reason, want)
	}
}
