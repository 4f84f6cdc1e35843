package links

import (
	"bytes"
	"cmp"
	"context"
	"maps"
	"math"
	"slices"

	"github.com/google/uuid"

	"thonsync/server/reconcile/linkage"
	"thonsync/server/store"
)

// Scanned is what a scan has done.
type Scanned struct {
	Compared  int `json:"compared"`  // records that were new or changed
	Suggested int `json:"suggested"` // pairs that a person should look at
	Linked    int `json:"linked"`    // pairs with one identity number that were linked without a person
	Dropped   int `json:"dropped"`   // suggestions that no longer hold
	Reopened  int `json:"reopened"`  // links without a person that no longer hold
}

func (c *Scanned) add(o Scanned) {
	c.Compared, c.Suggested, c.Linked = c.Compared+o.Compared, c.Suggested+o.Suggested, c.Linked+o.Linked
	c.Dropped, c.Reopened = c.Dropped+o.Dropped, c.Reopened+o.Reopened
}

// Scan brings the index up to date and compares all that is new or has changed,
// commune by commune. Repeating it changes nothing.
func (s *Service) Scan(ctx context.Context) (Scanned, error) {
	var sum Scanned
	for {
		did, more, err := s.Step(ctx)
		sum.add(did)
		if err != nil || !more {
			return sum, err
		}
	}
}

// Step brings the index up to date and compares what is new in one commune;
// false if there was nothing.
func (s *Service) Step(ctx context.Context) (did Scanned, more bool, err error) {
	s.working.Lock()
	defer s.working.Unlock()
	if err := s.catchUp(ctx); err != nil {
		return did, false, err
	}
	var next *store.Person
	err = s.cfg.Store.View(ctx, func(r store.Reader) error {
		return r.EachPerson(store.PersonQuery{FreshOnly: true, Limit: 1}, func(p store.Person) error {
			next = &p
			return nil
		})
	})
	if err != nil || next == nil {
		return did, false, err
	}
	defs := s.cfg.Ingest.Definitions()
	c, err := s.loadCommune(ctx, defs, defs.Commune(next.Unit))
	if err != nil {
		return did, false, err
	}
	if !c.units[next.Unit] { // of no commune that is known: with its own number only
		if err := c.add(s, next, ""); err != nil {
			return did, false, err
		}
		c.names, c.index = linkage.CountNames(c.people), linkage.NewIndex(c.people)
	}
	found, err := s.compare(ctx, c)
	if err != nil {
		return did, false, err
	}
	did, err = s.keepPairs(ctx, c, found)
	return did, err == nil, err
}

// compare looks for the pairs of what is new in a commune: within it by all
// blocking keys, elsewhere by identity and telephone number.
func (s *Service) compare(ctx context.Context, c *commune) (map[pairKey]foundPair, error) {
	found := make(map[pairKey]foundPair)
	for _, p := range linkage.PairsWith(c.people, c.names, func(i int) bool { return c.fresh[i] }) {
		found[keyOf(c.records[p.A], c.records[p.B])] = foundPair{p.Verdict, scoreOf(&p.Comparison), p.Evidence[linkage.FieldNumber].Level == linkage.LevelSame}
	}
	for i := range c.people {
		if !c.fresh[i] {
			continue
		}
		others, err := s.elsewhere(ctx, c, &c.people[i])
		if err != nil {
			return nil, err
		}
		for j := range others.people {
			k := keyOf(c.records[i], others.records[j])
			if _, have := found[k]; have {
				continue
			}
			cmp := linkage.Compare(&c.people[i], &others.people[j], c.names)
			if v := linkage.Judge(&cmp); v != linkage.Apart {
				found[k] = foundPair{v, scoreOf(&cmp), cmp.Evidence[linkage.FieldNumber].Level == linkage.LevelSame}
			}
		}
	}
	return found, nil
}

// pairKey is two records, a before b.
type pairKey struct{ a, b uuid.UUID }

func keyOf(a, b uuid.UUID) pairKey {
	if bytes.Compare(a[:], b[:]) > 0 {
		a, b = b, a
	}
	return pairKey{a, b}
}

type foundPair struct {
	verdict linkage.Verdict
	score   int
	exact   bool
}

func scoreOf(c *linkage.Comparison) int { return int(math.Round(100 * c.Bits)) }

// keepPairs writes what was found beside what was decided before: decisions of
// persons stay, suggestions and links without a person follow the records.
func (s *Service) keepPairs(ctx context.Context, c *commune, found map[pairKey]foundPair) (did Scanned, err error) {
	var compared []uuid.UUID
	for i, id := range c.records {
		if c.fresh[i] {
			compared = append(compared, id)
		}
	}
	err = s.cfg.Ingest.Do(ctx, func(tx store.Tx) error {
		did = Scanned{Compared: len(compared)}
		k := keeping{s: s, tx: tx, did: &did}
		for _, id := range compared {
			if err := k.review(id, found); err != nil {
				return err
			}
		}
		for _, key := range sortedPairs(found) {
			if err := k.keep(key, found[key]); err != nil {
				return err
			}
		}
		return tx.Compared(compared)
	})
	return did, err
}

// sortedPairs gives the pairs by falling weight, so that which are linked does not
// depend on chance.
func sortedPairs(found map[pairKey]foundPair) []pairKey {
	return slices.SortedFunc(maps.Keys(found), func(x, y pairKey) int {
		return cmp.Or(cmp.Compare(found[y].score, found[x].score), bytes.Compare(x.a[:], y.a[:]), bytes.Compare(x.b[:], y.b[:]))
	})
}

// keeping is one transaction that writes pairs.
type keeping struct {
	s   *Service
	tx  store.Tx
	did *Scanned
}

// review takes back what no longer holds of a record that has changed.
func (k *keeping) review(record uuid.UUID, found map[pairKey]foundPair) error {
	pairs, err := k.tx.PairsOf(record)
	for i := range pairs {
		p := &pairs[i]
		f, still := found[pairKey{p.A, p.B}]
		switch {
		case p.State == store.PairSuggested && !still:
			k.did.Dropped++
			if err := k.tx.DropPair(p.A, p.B); err != nil {
				return err
			}
		case p.State == store.PairLinked && f.verdict != linkage.Link:
			if err := k.reopen(p, still); err != nil {
				return err
			}
		}
	}
	return err
}

// reopen has a person look at a link that no person has made, once the records no
// longer have one number without contradiction.
func (k *keeping) reopen(p *store.Pair, still bool) error {
	last, err := k.tx.LinkEvents(p.A, p.B, 1)
	if err != nil || len(last) == 0 || last[0].Actor != store.LinkByCentre {
		return err
	}
	k.did.Reopened++
	if err := k.tx.AddLinkEvent(store.LinkEvent{AtMS: k.s.cfg.Now().UnixMilli(), Actor: store.LinkByCentre, Act: store.LinkReopened, A: p.A, B: p.B}); err != nil {
		return err
	}
	if !still {
		return k.tx.DropPair(p.A, p.B)
	}
	p.State = store.PairSuggested
	return k.tx.PutPair(*p)
}

// keep writes one pair that was found.
func (k *keeping) keep(key pairKey, f foundPair) error {
	for _, id := range []uuid.UUID{key.a, key.b} {
		if _, there, err := k.tx.Person(id); err != nil || !there {
			return err // erased meanwhile
		}
	}
	have, known, err := k.tx.Pair(key.a, key.b)
	if err != nil || known && have.State != store.PairSuggested {
		return err
	}
	p := store.Pair{A: key.a, B: key.b, State: store.PairSuggested, Exact: f.exact, Score: f.score}
	if f.verdict == linkage.Link {
		alone, err := k.mayLink(key)
		if err != nil {
			return err
		}
		if alone {
			p.State = store.PairLinked
			k.did.Linked++
			if err := k.s.event(k.tx, store.LinkByCentre, store.LinkMade, ReasonNumber, key); err != nil {
				return err
			}
		}
	}
	if p.State == store.PairSuggested && !known {
		k.did.Suggested++
	}
	return k.tx.PutPair(p)
}

// mayLink tells whether a pair with one number may be linked without a person:
// nobody has decided on it before, and the link would bring nobody together who
// does not have that number without contradiction, too.
func (k *keeping) mayLink(key pairKey) (bool, error) {
	decided, err := k.tx.LinkEvents(key.a, key.b, 1)
	if err != nil || len(decided) > 0 {
		return false, err
	}
	left, err := group(k.tx, key.a)
	if err != nil {
		return false, err
	}
	right, err := group(k.tx, key.b)
	if err != nil {
		return false, err
	}
	for _, a := range left {
		for _, b := range right {
			if a == b {
				continue
			}
			if ok, err := k.s.agree(k.tx, a, b); err != nil || !ok {
				return false, err
			}
		}
	}
	return true, nil
}

// agree tells whether two records would be linked by themselves.
func (s *Service) agree(r store.Reader, a, b uuid.UUID) (bool, error) {
	key := keyOf(a, b)
	p, known, err := r.Pair(key.a, key.b)
	if err != nil || known && p.State == store.PairApart {
		return false, err
	}
	c, err := s.compareTwo(r, a, b, noNames)
	if err != nil || c == nil {
		return false, err
	}
	return linkage.Judge(c) == linkage.Link, nil
}

// noNames is for levels and verdicts on numbers, which no frequency changes.
var noNames = linkage.CountNames(nil)

// compareTwo compares the indexed persons of two records; nil if one is not
// indexed.
func (s *Service) compareTwo(r store.Reader, a, b uuid.UUID, names *linkage.Names) (*linkage.Comparison, error) {
	var people [2]linkage.Person
	defs := s.cfg.Ingest.Definitions()
	for i, id := range [...]uuid.UUID{a, b} {
		p, there, err := r.Person(id)
		if err != nil || !there {
			return nil, err
		}
		if people[i], err = s.open(&p, defs.Commune(p.Unit)); err != nil {
			return nil, err
		}
	}
	c := linkage.Compare(&people[0], &people[1], names)
	return &c, nil
}
