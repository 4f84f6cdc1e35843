package links

import (
	"context"
	"slices"

	"github.com/google/uuid"

	"thonsync/server/ingest"
	"thonsync/server/reconcile/linkage"
	"thonsync/server/store"
	"thonsync/syncproto"
)

// Asked is somebody whom a list outside the records names. Zero fields are not
// known.
type Asked struct {
	Number syncproto.IDNumber
	Name   string
	Birth  syncproto.Date
	Sex    string // "male", "female" or ""
	Phone  string
	Unit   string // village or commune as list:code, "" if unknown
}

// Match is a record that may be about the asked one. Comparison says why, field
// by field; Verdict what follows from it.
type Match struct {
	Record uuid.UUID
	linkage.Comparison
	Verdict linkage.Verdict
}

// Numbered gives, for each number, the records whose shown identity number it
// is, by id. It brings the index up to date first, so no record is missed.
func (s *Service) Numbered(ctx context.Context, numbers []syncproto.IDNumber) ([][]uuid.UUID, error) {
	if err := s.CatchUp(ctx); err != nil {
		return nil, err
	}
	out := make([][]uuid.UUID, len(numbers))
	return out, s.cfg.Store.View(ctx, func(r store.Reader) error {
		for i, n := range numbers {
			err := r.EachPerson(store.PersonQuery{Number: store.KeyedHash(s.NumberHash(n))}, func(p store.Person) error {
				out[i] = append(out[i], p.Record)
				return nil
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// Match looks for the records that may be about each of the asked: those with
// the same identity number wherever they are, and in the asked one's commune
// those that share a blocking key and whose match weight reaches the threshold.
// Best come first. It brings the index up to date first. Work and memory grow
// with the communes that are asked about, one at a time, so ask in bulk.
func (s *Service) Match(ctx context.Context, asked []Asked) ([][]Match, error) {
	if err := s.CatchUp(ctx); err != nil {
		return nil, err
	}
	defs := s.cfg.Ingest.Definitions()
	out, byCommune := make([][]Match, len(asked)), make(map[string][]int)
	for i := range asked {
		commune := defs.Commune(asked[i].Unit)
		byCommune[commune] = append(byCommune[commune], i)
	}
	for commune, places := range byCommune {
		c, err := s.loadCommune(ctx, defs, commune)
		if err != nil {
			return nil, err
		}
		for _, i := range places {
			if out[i], err = s.match(ctx, c, &asked[i]); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

// match looks for one person in a commune and, by number, elsewhere.
func (s *Service) match(ctx context.Context, c *commune, a *Asked) ([]Match, error) {
	p := linkage.Person{Name: a.Name, Birth: a.Birth, Sex: a.Sex, Village: a.Unit, Commune: c.key, Phone: s.PhoneHash(a.Phone)}
	if a.Number != "" {
		p.Number = s.NumberHash(a.Number)
	}
	p.Prepare()
	var out []Match
	met := make(map[uuid.UUID]bool)
	take := func(record uuid.UUID, other *linkage.Person) {
		if met[record] {
			return
		}
		met[record] = true
		cmp := linkage.Compare(&p, other, c.names)
		if v := linkage.Judge(&cmp); v != linkage.Apart {
			out = append(out, Match{record, cmp, v})
		}
	}
	c.index.Candidates(&p, func(i int) { take(c.records[i], &c.people[i]) })
	others, err := s.elsewhere(ctx, c, &p)
	if err != nil {
		return nil, err
	}
	for i := range others.people {
		take(others.records[i], &others.people[i])
	}
	slices.SortStableFunc(out, func(x, y Match) int {
		switch {
		case x.Bits > y.Bits:
			return -1
		case x.Bits < y.Bits:
			return 1
		}
		return slices.Compare(x.Record[:], y.Record[:])
	})
	return out, nil
}

// commune is the persons of one commune, ready to be compared.
type commune struct {
	key     string
	units   map[string]bool // of the commune and of its villages
	records []uuid.UUID
	people  []linkage.Person
	fresh   []bool
	names   *linkage.Names
	index   *linkage.Index
}

// loadCommune opens the persons of a commune; of none for "".
func (s *Service) loadCommune(ctx context.Context, defs *ingest.Definitions, key string) (*commune, error) {
	c := &commune{key: key, units: make(map[string]bool)}
	if key != "" {
		c.units[key] = true
		for unit := range defs.Units() {
			if defs.Commune(unit) == key {
				c.units[unit] = true
			}
		}
	}
	err := s.cfg.Store.View(ctx, func(r store.Reader) error {
		c.records, c.people, c.fresh = nil, nil, nil
		for _, unit := range sortedKeys(c.units) {
			if err := r.EachPerson(store.PersonQuery{Unit: unit}, func(p store.Person) error { return c.add(s, &p, key) }); err != nil {
				return err
			}
		}
		return nil
	})
	c.names, c.index = linkage.CountNames(c.people), linkage.NewIndex(c.people)
	return c, err
}

func (c *commune) add(s *Service, p *store.Person, key string) error {
	opened, err := s.open(p, key)
	if err != nil {
		return err
	}
	c.records, c.people, c.fresh = append(c.records, p.Record), append(c.people, opened), append(c.fresh, p.Fresh)
	return nil
}

func sortedKeys(m map[string]bool) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

// maxShared is above which a telephone number tells nothing outside its commune:
// it is a team's own.
const maxShared = 20

// elsewhere finds who shares the identity or telephone number with p outside the
// commune.
func (s *Service) elsewhere(ctx context.Context, c *commune, p *linkage.Person) (*commune, error) {
	out := &commune{}
	defs := s.cfg.Ingest.Definitions()
	return out, s.cfg.Store.View(ctx, func(r store.Reader) error {
		out.records, out.people, out.fresh = nil, nil, nil
		for _, q := range []store.PersonQuery{{Number: store.KeyedHash(p.Number)}, {Phone: store.KeyedHash(p.Phone), Limit: maxShared}} {
			if q.Number == (store.KeyedHash{}) && q.Phone == (store.KeyedHash{}) {
				continue
			}
			err := r.EachPerson(q, func(other store.Person) error {
				if c.units[other.Unit] {
					return nil
				}
				return out.add(s, &other, defs.Commune(other.Unit))
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
}
