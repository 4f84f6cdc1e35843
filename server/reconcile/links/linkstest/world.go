// Package linkstest gives tests a centre with an index of persons, and phones
// that write what volunteers would.
package linkstest

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/json"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/google/uuid"

	"thonsync/server/ingest"
	"thonsync/server/keys"
	"thonsync/server/reconcile/links"
	"thonsync/server/store/sqlitestore"
	"thonsync/syncproto"
	"thonsync/syncproto/credential"
	"thonsync/testdata/province"
	"thonsync/testdata/units"
)

// StartMS is the centre's time when a world begins.
const StartMS = 1_790_000_000_000

// World is a centre that knows the units and kinds of an invented province.
type World struct {
	t        testing.TB
	Province *province.Province
	Path     string
	Store    *sqlitestore.Store
	Ingest   *ingest.Service
	Links    *links.Service
	NowMS    int64

	centre ed25519.PrivateKey
	seal   syncproto.SealPrivate
	phones int
}

func seed(name string) [32]byte { return sha256.Sum256([]byte(name)) }

// Open gives a centre; it closes with the test.
func Open(t testing.TB, p *province.Province) *World {
	t.Helper()
	w := &World{t: t, Province: p, Path: filepath.Join(t.TempDir(), "centre.db"), NowMS: StartMS}
	key, seal := seed("centre"), seed("seal")
	w.centre = ed25519.NewKeyFromSeed(key[:])
	var err error
	if w.seal, err = syncproto.NewSealPrivate(seal[:]); err != nil {
		t.Fatal(err)
	}
	w.open()
	t.Cleanup(w.close)
	w.reference()
	return w
}

func (w *World) open() {
	w.t.Helper()
	ctx := context.Background()
	var err error
	if w.Store, err = sqlitestore.Open(ctx, w.Path, sqlitestore.Options{}); err != nil {
		w.t.Fatal(err)
	}
	ring := func(id syncproto.KeyID) (syncproto.SealPrivate, bool) { return w.seal, id == w.seal.Public.ID }
	rowKey := bytes.Repeat([]byte{7}, 32)
	now := func() time.Time { return time.UnixMilli(w.NowMS) }
	w.Ingest, err = ingest.Open(ctx, ingest.Config{
		Store: w.Store, Role: credential.RoleCentre, Trust: keys.NewTrust(w.centre, syncproto.FoundCentre(w.centre, syncproto.Hash{}, StartMS)),
		Keys: ring, DataKey: rowKey, BeaconSecret: bytes.Repeat([]byte{8}, 32), Now: now,
	})
	if err != nil {
		w.t.Fatal(err)
	}
	box, err := keys.NewBox(rowKey, &counter{})
	if err != nil {
		w.t.Fatal(err)
	}
	w.Links = links.New(links.Config{Store: w.Store, Ingest: w.Ingest, HashKey: bytes.Repeat([]byte{9}, 32), Box: box, Now: now})
	if err := w.Links.Open(ctx); err != nil {
		w.t.Fatal(err)
	}
}

// counter is randomness that never repeats, for nonces.
type counter struct{ n uint64 }

// Read fills b.
func (c *counter) Read(b []byte) (int, error) {
	c.n++
	copy(b, strconv.FormatUint(c.n, 36)+"            ")
	return len(b), nil
}

func (w *World) close() {
	if err := w.Ingest.Close(); err != nil {
		w.t.Error(err)
	}
	if err := w.Store.Close(); err != nil {
		w.t.Error(err)
	}
}

// Reopen closes the centre and opens it again, as a restart does.
func (w *World) Reopen() {
	w.t.Helper()
	w.close()
	w.open()
}

// Submit takes a batch in and fails the test if anything was refused.
func (w *World) Submit(b ingest.Batch) {
	w.t.Helper()
	r, err := w.Ingest.Submit(context.Background(), b)
	if err != nil || len(r.Problems) > 0 {
		w.t.Fatalf("submitting: %v, %+v", err, r.Problems)
	}
}

func text(num uint32, s string) syncproto.Field {
	return syncproto.Field{Num: num, Value: syncproto.TextValue(s)}
}

// key gives a unit's list:code.
func key(u province.UnitRef) string { return syncproto.UnitKey(u.List, u.Code) }

// reference writes units and kinds as the centre does.
func (w *World) reference() {
	a := w.author("centre", credential.RoleCentre)
	a.key = w.centre
	a.origin = syncproto.OriginOf(a.key.Public().(ed25519.PublicKey))
	a.heads = syncproto.Genesis(a.origin)
	var root string
	for _, u := range slices.Concat(w.Province.Units, w.Province.Villages) {
		fields := []syncproto.Field{
			text(syncproto.FieldUnit, key(u.Ref)), text(syncproto.UnitList, u.List), text(syncproto.UnitCode, u.Code),
			text(syncproto.UnitLevel, u.Level), text(syncproto.UnitType, u.Type), text(syncproto.UnitName, u.Name),
		}
		if u.Parent != (province.UnitRef{}) {
			fields = append(fields, text(syncproto.UnitParent, key(u.Parent)))
		} else {
			root = key(u.Ref)
		}
		a.Create(syncproto.CollectionUnit, syncproto.NewRow(fields...), nil)
	}
	for _, k := range units.Kinds() {
		def, err := json.Marshal(k)
		if err != nil {
			w.t.Fatal(err)
		}
		a.Create(syncproto.CollectionKind, syncproto.NewRow(text(syncproto.FieldUnit, root), text(syncproto.KindCode, k.Code),
			text(syncproto.KindNameVI, k.NameVI), text(syncproto.KindNameEN, k.NameEN), text(syncproto.KindDefinition, string(def))), nil)
	}
	w.Submit(ingest.Batch{Segments: a.cut()})
}

// Phone writes activities of one village.
type Phone struct {
	w       *World
	Village string // list:code
	key     ed25519.PrivateKey
	origin  syncproto.OriginID
	chain   []string
	heads   syncproto.Heads
	stampMS int64
	log     []syncproto.Change
	from    syncproto.Heads // before the first of log
	secret  syncproto.SaltSecret
}

func (w *World) author(name string, role credential.Role, scope ...string) *Phone {
	w.t.Helper()
	s := seed(name)
	p := &Phone{w: w, key: ed25519.NewKeyFromSeed(s[:]), stampMS: StartMS - 1_000_000_000, secret: seed("salt " + name)}
	public := p.key.Public().(ed25519.PublicKey)
	p.origin = syncproto.OriginOf(public)
	p.heads = syncproto.Genesis(p.origin)
	if role == credential.RolePhone {
		token, err := credential.Issue(credential.Grant{Key: public, Role: role, Units: scope, Issued: time.UnixMilli(StartMS)}, w.centre)
		if err != nil {
			w.t.Fatal(err)
		}
		p.chain = []string{token}
	}
	return p
}

// Phone gives a new phone of a village, by its place in the province's list.
func (w *World) Phone(village int) *Phone {
	w.phones++
	unit := key(w.Province.Villages[village].Ref)
	p := w.author("phone "+strconv.Itoa(w.phones), credential.RolePhone, unit)
	p.Village = unit
	return p
}

// write adds a change to the log and gives its record.
func (p *Phone) write(c syncproto.Change) uuid.UUID {
	if len(p.log) == 0 {
		p.from = p.heads
	}
	p.stampMS += 60_000
	c.Origin, c.Seq = p.origin, p.heads.Seq+1
	c.Header.StampMS, c.Header.Schema = p.stampMS, syncproto.Schema
	salt := syncproto.ExpandSalt(p.secret, p.origin, c.Seq)
	commit := syncproto.Commitment(salt, syncproto.AppendRow(nil, c.Personal))
	p.heads = p.heads.Next(p.origin, syncproto.AppendRow(nil, c.Header.Row()), syncproto.AppendRow(nil, c.Operational), commit)
	p.log = append(p.log, c)
	if c.Header.Op == syncproto.OpCreate {
		return syncproto.RecordID(c.Header.StampMS, p.heads.Open)
	}
	return c.Header.Record
}

// Create writes a creating change and gives the record's id.
func (p *Phone) Create(collection uint32, operational, personal syncproto.Row) uuid.UUID {
	return p.write(syncproto.Change{Header: syncproto.Header{Collection: collection, Op: syncproto.OpCreate}, Operational: operational, Personal: personal})
}

// Helped writes an activity of the first kind about a person; fields of the
// personal row as PersonFields gives them.
func (p *Phone) Helped(personal ...syncproto.Field) uuid.UUID {
	k := units.Kinds()[0]
	return p.Create(syncproto.CollectionActivity, syncproto.NewRow(text(syncproto.FieldUnit, p.Village), text(syncproto.ActivityKind, k.Code),
		syncproto.Field{Num: syncproto.ActivityOccurred, Value: syncproto.DateValue(syncproto.Date{Year: 2026, Month: 5, Day: 4})},
		text(syncproto.ActivityResult, k.Results[0].Value)), syncproto.NewRow(personal...))
}

// Correct changes personal fields of a record that this phone has created.
func (p *Phone) Correct(record uuid.UUID, personal ...syncproto.Field) {
	p.write(syncproto.Change{Header: syncproto.Header{Collection: syncproto.CollectionActivity, Op: syncproto.OpSet, Record: record}, Personal: syncproto.NewRow(personal...)})
}

// cut encodes what was written since the last time.
func (p *Phone) cut() (out [][]byte) {
	const most = 500
	before := p.from
	for at := 0; at < len(p.log); at += most {
		list := p.log[at:min(len(p.log), at+most)]
		seg, err := syncproto.EncodeSegment(syncproto.SegmentInput{
			Origin: p.origin, Before: before, Changes: list,
			Salts: []syncproto.SaltRun{{Count: len(list), Secret: &p.secret}}, Key: p.key, To: p.w.seal.Public,
		})
		if err != nil {
			p.w.t.Fatal(err)
		}
		out, before = append(out, seg.Encode()), seg.After
	}
	p.log = nil
	return out
}

// Send brings what was written since the last time.
func (p *Phone) Send() {
	p.w.t.Helper()
	p.w.Submit(ingest.Batch{Segments: p.cut(), Credentials: []syncproto.OriginCredential{{Origin: p.origin, Credentials: p.chain}}})
}

// Fields gives the personal row of what a volunteer wrote about a citizen; empty
// ones are left out.
func Fields(s *province.Sighting) []syncproto.Field {
	var out []syncproto.Field
	add := func(num uint32, v string) {
		if v != "" {
			out = append(out, text(num, v))
		}
	}
	add(syncproto.PersonIDNumber, s.Number)
	add(syncproto.PersonFullName, s.Name)
	if s.Birth.Y != 0 {
		d := syncproto.Date{Year: s.Birth.Y, Month: s.Birth.M, Day: s.Birth.D}
		out = append(out, syncproto.Field{Num: syncproto.PersonBirthDate, Value: syncproto.DateValue(d)})
	}
	add(syncproto.PersonSex, s.Sex)
	add(syncproto.PersonPhone, s.Phone)
	return out
}
