package clienttest

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"thonsync/clientlib"
	"thonsync/syncproto"
)

// Unit and Commune are the invented units of a World: a village and the commune
// above it.
const (
	Commune = "test:00001"
	Unit    = "test:00001-01"
)

// CardKind and TalkKind are two small kinds: one about a person, one not.
const (
	CardKind = `{"code":"CC","name_vi":"Căn cước","name_en":"Identity card","person":true,
"results":[{"value":"done"},{"value":"refused"}],
"fields":[{"num":32,"name":"stage","type":"choice","required":true,"options":[{"value":"asked"},{"value":"issued"}]},
{"num":33,"name":"visits","type":"int"},{"num":34,"name":"helped","type":"bool"},{"num":35,"name":"appointment","type":"date"},
{"num":36,"name":"obstacles","type":"choices","options":[{"value":"road"},{"value":"language"}]},
{"num":37,"name":"guardian","type":"text","personal":true}]}`
	TalkKind = `{"code":"TT","name_vi":"Tuyên truyền","name_en":"Outreach","person":false,
"results":[{"value":"held"},{"value":"cancelled"}],
"fields":[{"num":33,"name":"audience_count","type":"int","required":true}]}`
)

// World is a centre with two kinds and two units, a network and a clock, all
// from one seed.
type World struct {
	T      testing.TB
	Seed   uint64
	Clock  *Clock
	Centre *Server
	Net    *Network
	Team   uuid.UUID
	Dir    string
	opens  int
	uptime atomic.Int64 // of the devices' machine, ns
}

// NewWorld makes a world; databases go to the test's own folder.
func NewWorld(t testing.TB, seed uint64) *World {
	clock := NewClock(1_780_000_000_000)
	w := &World{T: t, Seed: seed, Clock: clock, Centre: NewCentre(seed, clock), Dir: t.TempDir(), Team: uuid.UUID{7, 7}}
	w.SetUptime(time.Hour)
	w.Net = NewNetwork(w.Centre)
	w.Centre.DefineUnit("test", "00001", "", "Xã Thử")
	w.Centre.DefineUnit("test", "00001-01", Commune, "Thôn Thử")
	w.Centre.DefineKind("CC", CardKind)
	w.Centre.DefineKind("TT", TalkKind)
	return w
}

// Uptime is how long the machine of all devices has been up.
func (w *World) Uptime() time.Duration { return time.Duration(w.uptime.Load()) }

// SetUptime moves that clock; backwards it is a restart.
func (w *World) SetUptime(up time.Duration) { w.uptime.Store(int64(up)) }

// Point makes a sync point for the commune and connects it.
func (w *World) Point(name string) *Server {
	p, err := w.Centre.NewPoint(w.Seed, name, Commune)
	if err != nil {
		w.T.Fatal(err)
	}
	if err := p.Forward(w.Centre); err != nil {
		w.T.Fatal(err)
	}
	w.Net.Add(p)
	return p
}

// Options gives the options of the device with a name. The randomness differs
// with every call, as it does with every start of a program, and follows from
// the seed.
func (w *World) Options(name string) clientlib.Options {
	w.opens++
	var random io.Reader = seeded(w.Seed, fmt.Sprintf("%d %s", w.opens, name))
	return clientlib.Options{Path: filepath.Join(w.Dir, name+".db"), Clock: w.Clock, Rand: random,
		Jitter: rand.New(rand.NewPCG(w.Seed, 1)), Transport: w.Net, Uptime: w.Uptime}
}

// Member gives the id of a device's only person.
func Member(name string) uuid.UUID {
	return uuid.NewSHA1(uuid.UUID{}, []byte(name))
}

// Device opens a new device, joins it at a server and syncs it once.
func (w *World) Device(name string, at *Server) *clientlib.Device {
	w.T.Helper()
	d := w.Open(name)
	ctx := context.Background()
	member := syncproto.WelcomeMember{ID: Member(name), Name: "Người Thử " + name}
	if _, err := d.Join(ctx, at.Invite(Grant{Unit: Unit, Team: w.Team, Members: []syncproto.WelcomeMember{member}}), "test phone"); err != nil {
		w.T.Fatalf("join: %v", err)
	}
	if err := d.SelectPerson(ctx, member.ID, ""); err != nil {
		w.T.Fatal(err)
	}
	w.Sync(d)
	return d
}

// Open opens a device's store; the test closes it at its end.
func (w *World) Open(name string) *clientlib.Device {
	w.T.Helper()
	d, err := clientlib.Open(context.Background(), w.Options(name))
	if err != nil {
		w.T.Fatalf("open: %v", err)
	}
	w.T.Cleanup(func() { d.Close() })
	return d
}

// Sync syncs a device and fails the test if it does not finish.
func (w *World) Sync(d *clientlib.Device) clientlib.Report {
	w.T.Helper()
	r, err := d.Sync(context.Background())
	if err != nil {
		w.T.Fatalf("sync: %v", err)
	}
	if !r.Finished {
		w.T.Fatalf("sync did not finish: %+v", r)
	}
	return r
}

// Card records an identity-card activity about an invented person.
func (w *World) Card(d *clientlib.Device, n int) uuid.UUID {
	w.T.Helper()
	r, err := d.Record(context.Background(), clientlib.RecordInput{Kind: "CC", Fields: CardFields(n)})
	if err != nil {
		w.T.Fatalf("record: %v", err)
	}
	return r.ID
}

// CardFields gives the values of a CC activity about the n-th invented person.
func CardFields(n int) map[string]string {
	return map[string]string{"result": "done", "stage": "asked", "full_name": fmt.Sprintf("Vàng Mí Thử %d", n),
		"id_number": fmt.Sprintf("002090%06d", n), "sex": "male", "birth_date": "1990", "phone": fmt.Sprintf("09%08d", n)}
}
