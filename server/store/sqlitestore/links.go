package sqlitestore

import (
	"strings"

	"github.com/google/uuid"

	"thonsync/server/store"
)

const idBytes = len(uuid.UUID{})

// QueuePersons appends a batch.
func (t *tx) QueuePersons(records []uuid.UUID) error {
	if len(records) == 0 {
		return nil
	}
	b := make([]byte, 0, idBytes*len(records))
	for _, id := range records {
		b = append(b, id[:]...)
	}
	_, err := t.exec("queueing persons", "INSERT INTO person_queue (records) VALUES (?)", b)
	return err
}

// PersonQueue lists the oldest batches.
func (t *tx) PersonQueue(n int) ([]store.PersonBatch, error) {
	row := func(scan func(...any) error) (store.PersonBatch, error) {
		var p store.PersonBatch
		var b []byte
		err := scan(&p.ID, &b)
		for ; len(b) >= idBytes; b = b[idBytes:] {
			p.Records = append(p.Records, uuid.UUID(b[:idBytes]))
		}
		return p, err
	}
	return list(t, "reading the queue of persons", "SELECT id, records FROM person_queue ORDER BY id LIMIT ?", row, limit(n))
}

// UnqueuePersons drops the batches up to one.
func (t *tx) UnqueuePersons(upTo int64) error {
	_, err := t.exec("working off the queue of persons", "DELETE FROM person_queue WHERE id<=?", upTo)
	return err
}

const personColumns = "record, unit, number, phone, sealed, fresh"

func scanPerson(scan func(...any) error) (store.Person, error) {
	var p store.Person
	var record, number, phone []byte
	err := scan(&record, &p.Unit, &number, &phone, &p.Sealed, &p.Fresh)
	p.Record = toUUID(record)
	copy(p.Number[:], number)
	copy(p.Phone[:], phone)
	return p, err
}

// Person finds what the index holds of a record.
func (t *tx) Person(record uuid.UUID) (store.Person, bool, error) {
	found, err := list(t, "reading a person", "SELECT "+personColumns+" FROM persons WHERE record=?", scanPerson, record[:])
	if err != nil || len(found) == 0 {
		return store.Person{}, false, err
	}
	return found[0], true, nil
}

// EachPerson calls f for the persons that match q.
func (t *tx) EachPerson(q store.PersonQuery, f func(store.Person) error) error {
	var where []string
	var args []any
	narrow := func(on bool, text string, v any) {
		if on {
			where, args = append(where, text), append(args, v)
		}
	}
	narrow(q.Unit != "", "unit=?", q.Unit)
	narrow(q.Number != store.KeyedHash{}, "number=?", q.Number[:])
	narrow(q.Phone != store.KeyedHash{}, "phone=?", q.Phone[:])
	if q.FreshOnly {
		where = append(where, "fresh<>0")
	}
	text := "SELECT " + personColumns + " FROM persons"
	if len(where) > 0 {
		text += " WHERE " + strings.Join(where, " AND ")
	}
	return t.each("reading persons", text+" ORDER BY record LIMIT ?", func(scan func(...any) error) error {
		p, err := scanPerson(scan)
		if err != nil {
			return err
		}
		return f(p)
	}, append(args, limit(q.Limit))...)
}

// PersonCounts counts what the index holds.
func (t *tx) PersonCounts() (indexed, fresh, queued int, err error) {
	_, err = t.one("counting persons", `SELECT (SELECT count(*) FROM persons), (SELECT count(*) FROM persons WHERE fresh<>0),
		(SELECT count(*) FROM person_queue)`, nil, &indexed, &fresh, &queued)
	return indexed, fresh, queued, err
}

// PutPersons adds or replaces persons.
func (t *tx) PutPersons(list []store.Person) error {
	for i := range list {
		p := &list[i]
		// The condition keeps an erasure that came in between.
		_, err := t.exec("writing a person", `INSERT INTO persons (`+personColumns+`)
			SELECT id, ?, ?, ?, ?, ? FROM records WHERE id=? AND flags&8=0
			ON CONFLICT (record) DO UPDATE SET unit=excluded.unit, number=excluded.number, phone=excluded.phone,
				sealed=excluded.sealed, fresh=excluded.fresh`,
			p.Unit, hashOrNull(p.Number), hashOrNull(p.Phone), p.Sealed, p.Fresh, p.Record[:])
		if err != nil {
			return err
		}
	}
	return nil
}

func hashOrNull(h store.KeyedHash) any {
	if h == (store.KeyedHash{}) {
		return nil
	}
	return h[:]
}

// DropPerson forgets a record's person.
func (t *tx) DropPerson(record uuid.UUID) (bool, error) {
	n, err := t.exec("forgetting a person", "DELETE FROM persons WHERE record=?", record[:])
	return n == 1, err
}

// ClearPersons forgets all persons and the queue.
func (t *tx) ClearPersons() error {
	for _, q := range []string{"DELETE FROM persons", "DELETE FROM person_queue"} {
		if _, err := t.exec("clearing the index of persons", q); err != nil {
			return err
		}
	}
	return nil
}

// Compared marks persons as compared.
func (t *tx) Compared(records []uuid.UUID) error {
	for _, id := range records {
		if _, err := t.exec("marking a person as compared", "UPDATE persons SET fresh=0 WHERE record=?", id[:]); err != nil {
			return err
		}
	}
	return nil
}

const pairColumns = "a, b, state, exact, score"

func scanPair(scan func(...any) error) (store.Pair, error) {
	var p store.Pair
	var a, b []byte
	err := scan(&a, &b, &p.State, &p.Exact, &p.Score)
	p.A, p.B = toUUID(a), toUUID(b)
	return p, err
}

// Pair finds one pair.
func (t *tx) Pair(a, b uuid.UUID) (store.Pair, bool, error) {
	found, err := list(t, "reading a pair", "SELECT "+pairColumns+" FROM pairs WHERE a=? AND b=?", scanPair, a[:], b[:])
	if err != nil || len(found) == 0 {
		return store.Pair{}, false, err
	}
	return found[0], true, nil
}

// Pairs lists the pairs that match q.
func (t *tx) Pairs(q store.PairQuery) ([]store.Pair, error) {
	where, args := "1=1", []any{}
	if q.State != 0 {
		where, args = where+" AND state=?", append(args, int(q.State))
	}
	if q.ExactOnly {
		where += " AND exact<>0"
	}
	if p := q.Before; p != nil {
		where, args = where+" AND (score<? OR score=? AND (a,b)>(?,?))", append(args, p.Score, p.Score, p.A[:], p.B[:])
	}
	return list(t, "reading pairs", "SELECT "+pairColumns+" FROM pairs WHERE "+where+" ORDER BY score DESC, a, b LIMIT ?", scanPair, append(args, limit(q.Limit))...)
}

// PairsOf lists all pairs of one record.
func (t *tx) PairsOf(record uuid.UUID) ([]store.Pair, error) {
	return list(t, "reading the pairs of a record",
		"SELECT "+pairColumns+" FROM pairs WHERE a=? UNION ALL SELECT "+pairColumns+" FROM pairs WHERE b=? ORDER BY a, b", scanPair, record[:], record[:])
}

// PairCounts counts pairs by state.
func (t *tx) PairCounts() (map[store.PairState]int, error) {
	out := make(map[store.PairState]int)
	err := t.each("counting pairs", "SELECT state, count(*) FROM pairs GROUP BY state", func(scan func(...any) error) error {
		var s store.PairState
		var n int
		if err := scan(&s, &n); err != nil {
			return err
		}
		out[s] = n
		return nil
	})
	return out, err
}

// PutPair adds or replaces a pair.
func (t *tx) PutPair(p store.Pair) error {
	_, err := t.exec("writing a pair", "INSERT INTO pairs ("+pairColumns+`) VALUES (?,?,?,?,?)
		ON CONFLICT (a, b) DO UPDATE SET state=excluded.state, exact=excluded.exact, score=excluded.score`,
		p.A[:], p.B[:], int(p.State), p.Exact, p.Score)
	return err
}

// DropPair forgets a pair.
func (t *tx) DropPair(a, b uuid.UUID) error {
	_, err := t.exec("forgetting a pair", "DELETE FROM pairs WHERE a=? AND b=?", a[:], b[:])
	return err
}

// LinkEvents lists the newest events of a pair, or of all.
func (t *tx) LinkEvents(a, b uuid.UUID, n int) ([]store.LinkEvent, error) {
	where, args := "1=1", []any{}
	if a != uuid.Nil {
		where, args = "a=? AND b=?", append(args, a[:], b[:])
	}
	row := func(scan func(...any) error) (store.LinkEvent, error) {
		var e store.LinkEvent
		var a, b []byte
		err := scan(&e.ID, &e.AtMS, &e.Actor, &e.Act, &e.Reason, &a, &b)
		e.A, e.B = toUUID(a), toUUID(b)
		return e, err
	}
	return list(t, "reading what was decided of pairs",
		"SELECT id, at_ms, actor, act, reason, a, b FROM link_events WHERE "+where+" ORDER BY id DESC LIMIT ?", row, append(args, limit(n))...)
}

// AddLinkEvent appends an event.
func (t *tx) AddLinkEvent(e store.LinkEvent) error {
	_, err := t.exec("writing down what was decided of a pair", "INSERT INTO link_events (at_ms, actor, act, reason, a, b) VALUES (?,?,?,?,?,?)",
		e.AtMS, e.Actor, e.Act, e.Reason, e.A[:], e.B[:])
	return err
}
