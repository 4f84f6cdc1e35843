// Package registers compares what was recorded with the lists that the police or
// another system sends of what was enrolled. It reads such files with a saved
// mapping of columns, keeps their rows encrypted under keyed hashes, and says of
// each activity whether a register confirms it, and of each row whether anybody
// recorded it. It works at the centre only.
package registers

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"io"
	"sync"
	"time"

	"github.com/google/uuid"

	"thonsync/server/ingest"
	"thonsync/server/reconcile/linkage"
	"thonsync/server/store"
	"thonsync/syncproto"
)

// Box encrypts values at rest, bound to what they belong to.
type Box interface {
	Seal(plain, aad []byte) ([]byte, error)
	Open(sealed, aad []byte) ([]byte, error)
}

// Persons is the index of whom records are about.
type Persons interface {
	// CatchUp brings the index up to date.
	CatchUp(ctx context.Context) error
	// NumberHash is the keyed hash under which the index has an identity number.
	NumberHash(n syncproto.IDNumber) linkage.Hash
	// Read opens an indexed person, prepared for comparing.
	Read(p *store.Person, commune string) (linkage.Person, error)
}

// Config is what a Service needs; all of it is required.
type Config struct {
	View        func(ctx context.Context, f func(store.Reader) error) error
	Update      func(ctx context.Context, f func(store.Tx) error) error
	Definitions func() *ingest.Definitions
	Persons     Persons
	// Forget is Update for what deletes personal data: the values that f gives are
	// gone from the files afterwards, too.
	Forget func(ctx context.Context, f func(store.Tx) (traces [][]byte, err error)) error
	// Erased gives what tells of a number whether its citizen was erased on request.
	Erased func() (func(syncproto.IDNumber) (bool, error), error)
	// HashKey, 32 octets, hashes what names rows. It must be in no database.
	HashKey []byte
	Box     Box
	Now     func() time.Time
	After   func(time.Duration) <-chan time.Time
	Random  io.Reader
}

// Service is safe for concurrent use.
type Service struct {
	cfg Config
	// importing is held while a file is taken in or an import is undone, matching
	// while activities are compared.
	importing, matching sync.Mutex
	staged              staging
}

// New makes a Service.
func New(cfg Config) *Service {
	return &Service{cfg: cfg, staged: staging{files: make(map[uuid.UUID]*upload)}}
}

// hash gives a keyed hash of parts, apart from those of every other label.
func (s *Service) hash(label string, parts ...string) (h store.KeyedHash) {
	mac := hmac.New(sha256.New, s.cfg.HashKey)
	mac.Write([]byte("thonsync/1/register-" + label))
	for _, p := range parts {
		mac.Write([]byte{0})
		mac.Write([]byte(p))
	}
	copy(h[:], mac.Sum(nil))
	return h
}

func (s *Service) numberHash(n syncproto.IDNumber) store.KeyedHash {
	if n == "" {
		return store.KeyedHash{}
	}
	return store.KeyedHash(s.cfg.Persons.NumberHash(n))
}

// erasedHash stands for somebody who was erased. It differs from the hash that
// finds rows, which has to be gone from every file.
func (s *Service) erasedHash(h store.KeyedHash) store.KeyedHash {
	return s.hash("erased", string(h[:]))
}

// sealedFor binds an encrypted row to its register and key.
func sealedFor(register uuid.UUID, key store.KeyedHash) []byte {
	return append(append([]byte("thonsync register\x00"), register[:]...), key[:]...)
}

// seal encrypts who a row is about.
func (s *Service) seal(register uuid.UUID, key store.KeyedHash, e *RowEntry) ([]byte, error) {
	return s.cfg.Box.Seal(syncproto.AppendRow(nil, e.personal()), sealedFor(register, key))
}

// open gives what a row says, with whom it is about.
func (s *Service) open(r *store.RegisterRow) (RowEntry, error) {
	e := RowEntry{Unit: r.Unit, Kind: r.Kind, Day: r.Day, Done: r.Done}
	plain, err := s.cfg.Box.Open(r.Sealed, sealedFor(r.Register, r.Key))
	if err != nil {
		return e, syncproto.Wrap(syncproto.CodeUnreadable, err, "a row of a register does not open: the keys folder is another one; import the register's file again")
	}
	row, err := syncproto.DecodeRow(plain)
	if err != nil {
		return e, err
	}
	e.Number = syncproto.IDNumber(row.Value(syncproto.PersonIDNumber).Text())
	e.Name, e.Sex = row.Value(syncproto.PersonFullName).Text(), row.Value(syncproto.PersonSex).Text()
	if v, ok := row.Get(syncproto.PersonBirthDate); ok && v.Type() == syncproto.TypeDate {
		e.Birth = v.Date()
	}
	return e, nil
}

// RowEntry is what one row of a file says, understood.
type RowEntry struct {
	Number syncproto.IDNumber `json:"id_number,omitempty"`
	Name   string             `json:"full_name,omitempty"`
	Birth  syncproto.Date     `json:"-"`
	Sex    string             `json:"sex,omitempty"`
	Unit   string             `json:"unit,omitempty"` // list:code
	Kind   string             `json:"kind,omitempty"`
	Day    string             `json:"day,omitempty"` // YYYY-MM-DD or a part of it
	Done   bool               `json:"done"`
}

func (e *RowEntry) personal() syncproto.Row {
	var f []syncproto.Field
	text := func(num uint32, v string) {
		if v != "" {
			f = append(f, syncproto.Field{Num: num, Value: syncproto.TextValue(v)})
		}
	}
	text(syncproto.PersonIDNumber, string(e.Number))
	text(syncproto.PersonFullName, e.Name)
	if e.Birth.Year != 0 {
		f = append(f, syncproto.Field{Num: syncproto.PersonBirthDate, Value: syncproto.DateValue(e.Birth)})
	}
	text(syncproto.PersonSex, e.Sex)
	return syncproto.NewRow(f...)
}

// content hashes all that a row says, so that a change of it is noticed.
func (s *Service) content(e *RowEntry) store.KeyedHash {
	done := "0"
	if e.Done {
		done = "1"
	}
	return s.hash("content", string(e.Number), e.Name, e.Birth.String(), e.Sex, e.Unit, e.Kind, e.Day, done)
}

// person gives the entry as linkage compares it, prepared.
func (s *Service) person(e *RowEntry, commune string) linkage.Person {
	p := linkage.Person{Name: e.Name, Birth: e.Birth, Sex: e.Sex, Village: e.Unit, Commune: commune}
	p.Number = linkage.Hash(s.numberHash(e.Number))
	p.Prepare()
	return p
}

// Register is a list that somebody else keeps, and what it covers: outside of
// that it says nothing of an activity.
type Register struct {
	ID      uuid.UUID    `json:"id"`
	Name    string       `json:"name"`
	Profile string       `json:"profile"`
	Rule    RegisterRule `json:"rule"`
	// Units, as list:code, and the days from From to To, YYYY-MM-DD, are what the
	// register covers. An open end is "".
	Units    []string `json:"units"`
	From     string   `json:"from,omitempty"`
	To       string   `json:"to,omitempty"`
	KeepDays int      `json:"keep_days"` // how long its rows are kept after the last import
	// Expired says that the rows are gone by age; what was found stays.
	Expired bool  `json:"expired,omitempty"`
	MadeMS  int64 `json:"made_ms"`
}

// DefaultKeepDays is how long rows are kept where nothing else was said.
const DefaultKeepDays = 365

func registerOf(r store.Register) (out Register, err error) {
	if err = json.Unmarshal(r.Document, &out); err != nil {
		return out, syncproto.Wrap(syncproto.CodeInternal, err, "register %s cannot be read", r.ID)
	}
	out.ID, out.Name, out.MadeMS = r.ID, r.Name, r.MadeMS
	return out, nil
}

func (r *Register) row() (store.Register, error) {
	b, err := json.Marshal(r)
	return store.Register{ID: r.ID, Name: r.Name, Document: b, MadeMS: r.MadeMS}, err
}

// registers reads all registers.
func registersOf(r store.RegisterReader) ([]Register, error) {
	list, err := r.Registers()
	if err != nil {
		return nil, err
	}
	out := make([]Register, len(list))
	for i := range list {
		if out[i], err = registerOf(list[i]); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// find gives a register by its name or id.
func find(r store.RegisterReader, name string) (Register, error) {
	list, err := registersOf(r)
	if err != nil {
		return Register{}, err
	}
	for _, reg := range list {
		if reg.Name == name || reg.ID.String() == name {
			return reg, nil
		}
	}
	return Register{}, syncproto.Errorf(syncproto.CodeNotFound, "there is no such register: `thonsync register list` names them")
}

// update is Update that waits while the intake is busy.
func (s *Service) update(ctx context.Context, f func(store.Tx) error) error {
	for try := 0; ; try++ {
		err := s.cfg.Update(ctx, f)
		busy, ok := errors.AsType[*ingest.Overload](err)
		if !ok || try == maxTries {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-s.cfg.After(min(busy.After, time.Second)):
		}
	}
}

// maxTries bounds how often a busy intake is asked again.
const maxTries = 120

// id draws an id whose order is that of time.
func (s *Service) id() (uuid.UUID, error) {
	return syncproto.NewEpoch(s.cfg.Now().UnixMilli(), uuid.Nil, s.cfg.Random)
}
