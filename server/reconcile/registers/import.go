package registers

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"

	"github.com/google/uuid"

	"thonsync/server/reconcile/sheet"
	"thonsync/server/store"
	"thonsync/syncproto"
)

// ImportResult counts what an import did, or would do in a dry run.
type ImportResult struct {
	Register uuid.UUID `json:"register"`
	Name     string    `json:"name"`
	Import   uuid.UUID `json:"import,omitzero"` // absent if nothing changed
	Rows     int       `json:"rows"`
	New      int       `json:"new"`
	Changed  int       `json:"changed"`
	Same     int       `json:"same"`
	Gone     int       `json:"gone"`     // rows of the register that the file does not list
	LeftOut  int       `json:"left_out"` // rows of the file
	DryRun   bool      `json:"dry_run"`
	Whole    bool      `json:"whole"`
	// Examples are rows of the file, by what becomes of them.
	Examples map[string][]int `json:"examples"`
	Counted  []CountedRows    `json:"counted"`
	Bad      []RowProblem     `json:"-"`
}

// examples that are named.
const showExamples = 5

func (r *ImportResult) example(what string, row int) {
	if list := r.Examples[what]; len(list) < showExamples {
		r.Examples[what] = append(list, row)
	}
}

// seen remembers the rows of one file.
type seen map[store.KeyedHash]seenRow

type seenRow struct {
	n       int
	content store.KeyedHash
}

func newSeen() seen { return make(seen) }

// twice tells whether a row of the same key stood above.
func (m seen) twice(s *Service, u *understood) *RowProblem {
	content := s.content(&u.entry)
	first, ok := m[u.key]
	if !ok {
		m[u.key] = seenRow{u.n, content}
		return nil
	}
	code := reasonTwice
	if first.content != content {
		code = reasonTwiceOther
	}
	p := problem(u.n, "", code)
	p.Other = first.n
	return &p
}

// Progress is told how far something has come.
type Progress func(phase string, done, total int)

// Phases of an import.
const (
	PhaseReading   = "reading"
	PhaseImporting = "importing"
	PhaseMatching  = "matching"
	PhaseDone      = "done"
	PhaseFailed    = "failed"
)

// chunkRows is how many rows one transaction writes: few enough for phones that
// wait not to notice.
const chunkRows = 500

// Import takes a file in. Rows that cannot be understood are left out and named;
// the others land, in pieces. Repeating it changes nothing.
func (s *Service) Import(ctx context.Context, file []byte, src FileSource, dry bool, actor string, tell Progress) (*ImportResult, error) {
	s.importing.Lock()
	defer s.importing.Unlock()
	if tell == nil {
		tell = func(string, int, int) {}
	}
	tell(PhaseReading, 0, 0)
	t, err := sheet.Read(file)
	if err != nil {
		return nil, err
	}
	p, reg, err := s.source(ctx, src, true)
	if err != nil {
		return nil, err
	}
	r := s.newReader(t, &p, &reg)
	if m := r.missing(); len(m) > 0 {
		return nil, syncproto.Errorf(syncproto.CodeInvalidInput, "the file lacks the columns %s: say in the profile which columns they are, by header or by position", names(m))
	}
	run := &importing{s: s, r: r, reg: &reg, actor: actor, dry: dry, seen: newSeen(), communes: map[string]bool{},
		res: ImportResult{Register: reg.ID, Name: reg.Name, DryRun: dry, Whole: src.Whole, Examples: map[string][]int{}, Bad: []RowProblem{}}}
	if run.id, err = s.id(); err != nil {
		return nil, err
	}
	if run.erased, err = s.cfg.Erased(); err != nil {
		return nil, err
	}
	if !dry {
		if err := run.putRegister(ctx); err != nil {
			return nil, err
		}
	}
	if err := run.rows(ctx, t, tell); err != nil {
		return nil, err
	}
	if err := run.gone(ctx, src.Whole); err != nil {
		return nil, err
	}
	if err := run.finish(ctx); err != nil {
		return nil, err
	}
	run.res.Counted, run.res.LeftOut = run.tally.list(), len(run.res.Bad)
	return &run.res, nil
}

// importing is one file on its way in.
type importing struct {
	s        *Service
	r        *reader
	reg      *Register
	id       uuid.UUID
	actor    string
	dry      bool
	written  bool // the import is in the store
	recount  bool // what the register covers has changed
	seen     seen
	erased   func(syncproto.IDNumber) (bool, error)
	communes map[string]bool
	records  []uuid.UUID // activities elsewhere with a number of the file
	res      ImportResult
	tally    counted
}

// putRegister writes the register if it is new or covers something else now.
func (m *importing) putRegister(ctx context.Context) error {
	m.reg.Expired = false
	row, err := m.reg.row()
	if err != nil {
		return err
	}
	changed := true
	err = m.s.cfg.View(ctx, func(r store.Reader) error {
		list, err := r.Registers()
		for _, old := range list {
			if old.ID == m.reg.ID && bytes.Equal(old.Document, row.Document) {
				changed = false
			}
		}
		return err
	})
	if err != nil || !changed {
		return err
	}
	m.recount = true
	return m.s.update(ctx, func(tx store.Tx) error { return tx.PutRegister(row) })
}

// rows takes the rows of data in, a chunk at a time.
func (m *importing) rows(ctx context.Context, t *sheet.Table, tell Progress) error {
	chunk := make([]understood, 0, chunkRows)
	for i := range t.Rows {
		row := &t.Rows[i]
		if m.r.data(row) {
			m.res.Rows++
			u, bad, odd := m.r.read(row)
			if bad == nil {
				bad = m.seen.twice(m.s, &u)
			}
			if bad == nil && u.entry.Number != "" {
				gone, err := m.erased(u.entry.Number)
				if err != nil {
					return err
				}
				if gone {
					p := problem(u.n, "", reasonErased)
					bad = &p
				}
			}
			if bad == nil {
				chunk = append(chunk, u)
			} else {
				m.res.Bad = append(m.res.Bad, *bad)
			}
			m.tally.add(bad, odd)
		}
		if len(chunk) == chunkRows || i == len(t.Rows)-1 {
			if err := m.take(ctx, chunk); err != nil {
				return err
			}
			chunk = chunk[:0]
			tell(PhaseImporting, i+1, len(t.Rows))
		}
	}
	return nil
}

// fate is what becomes of one row.
type fate struct {
	u    *understood
	what string
	was  *store.RegisterRow
	row  store.RegisterRow
}

// take compares a chunk with what is there and writes what is not.
func (m *importing) take(ctx context.Context, chunk []understood) error {
	var fates []fate
	err := m.s.cfg.View(ctx, func(r store.Reader) (err error) {
		fates, err = m.fates(r, chunk)
		return err
	})
	if err != nil {
		return err
	}
	write := 0
	for i := range fates {
		f := &fates[i]
		switch f.what {
		case "same":
			m.res.Same++
			continue
		case reasonErased:
			p := problem(f.u.n, "", reasonErased)
			m.res.Bad = append(m.res.Bad, p)
			m.tally.add(&p, nil)
			continue
		case "new":
			m.res.New++
		case "changed":
			m.res.Changed++
		}
		m.res.example(f.what, f.u.n)
		m.touch(f)
		if f.row.Sealed, err = m.s.seal(m.reg.ID, f.u.key, &f.u.entry); err != nil {
			return err
		}
		fates[write] = *f
		write++
	}
	if fates = fates[:write]; m.dry || write == 0 {
		return nil
	}
	return m.put(ctx, fates)
}

// fates says what becomes of each row of a chunk.
func (m *importing) fates(r store.Reader, chunk []understood) ([]fate, error) {
	out := make([]fate, 0, len(chunk))
	defs := m.s.cfg.Definitions()
	for i := range chunk {
		u := &chunk[i]
		f := fate{u: u, what: "new", row: store.RegisterRow{
			Register: m.reg.ID, Key: u.key, Number: m.s.numberHash(u.entry.Number), Unit: u.entry.Unit, Commune: defs.Commune(u.entry.Unit),
			Kind: u.entry.Kind, Day: u.entry.Day, Done: u.entry.Done, Import: m.id, Content: m.s.content(&u.entry),
		}}
		was, there, err := r.RegisterRow(m.reg.ID, u.key)
		if err != nil {
			return nil, err
		}
		if there {
			f.was, f.what = &was, "changed"
			if was.Content == f.row.Content && !was.Gone {
				f.what = "same"
			}
		} else if f.what, err = m.erasedOr(r, &f.row); err != nil {
			return nil, err
		}
		if err := m.elsewhere(r, &f); err != nil {
			return nil, err
		}
		out = append(out, f)
	}
	return out, nil
}

// erasedOr tells whether a row is about somebody who was erased.
func (m *importing) erasedOr(r store.Reader, row *store.RegisterRow) (string, error) {
	for _, h := range []store.KeyedHash{row.Number, row.Key} {
		if h == (store.KeyedHash{}) {
			continue
		}
		gone, err := r.RegisterErased(m.s.erasedHash(h))
		if err != nil || gone {
			return reasonErased, err
		}
	}
	return "new", nil
}

// elsewhere notes the activities with the row's number, wherever they are.
func (m *importing) elsewhere(r store.Reader, f *fate) error {
	if m.dry || f.what == "same" || f.what == reasonErased || f.row.Number == (store.KeyedHash{}) {
		return nil
	}
	return r.EachPerson(store.PersonQuery{Number: f.row.Number}, func(p store.Person) error {
		m.records = append(m.records, p.Record)
		return nil
	})
}

func (m *importing) touch(f *fate) {
	m.communes[f.row.Commune] = true
	if f.was != nil {
		m.communes[f.was.Commune] = true
	}
}

// put writes rows. Somebody who was erased since the look is left out by looking
// again.
func (m *importing) put(ctx context.Context, fates []fate) error {
	begun := m.written
	m.written = true
	return m.s.update(ctx, func(tx store.Tx) error {
		if !begun {
			if err := tx.PutRegisterImport(m.record(store.RegisterRunning)); err != nil {
				return err
			}
		}
		for i := range fates {
			what, err := m.erasedOr(tx, &fates[i].row)
			if err != nil {
				return err
			}
			if what == reasonErased {
				continue
			}
			if err := tx.PutRegisterRow(fates[i].row); err != nil {
				return err
			}
		}
		return nil
	})
}

func (m *importing) record(state string) store.RegisterImport {
	doc, err := json.Marshal(ImportCounts{m.res.Rows, m.res.New, m.res.Changed, m.res.Same, m.res.Gone, len(m.res.Bad), m.res.Whole})
	if err != nil {
		doc = []byte("{}") // numbers always have a form in JSON
	}
	return store.RegisterImport{ID: m.id, Register: m.reg.ID, AtMS: m.s.cfg.Now().UnixMilli(), Actor: m.actor, State: state, Document: doc}
}

// ImportCounts is what an import has done.
type ImportCounts struct {
	Rows    int  `json:"rows"`
	New     int  `json:"new"`
	Changed int  `json:"changed"`
	Same    int  `json:"same"`
	Gone    int  `json:"gone"`
	LeftOut int  `json:"left_out"`
	Whole   bool `json:"whole"`
}

// gone marks the rows that the file does not list, if it is the whole register.
func (m *importing) gone(ctx context.Context, whole bool) error {
	var after store.KeyedHash
	for {
		var missing []store.RegisterRow
		looked := 0
		err := m.s.cfg.View(ctx, func(r store.Reader) error {
			missing, looked = missing[:0], 0
			return r.EachRegisterRow(store.RegisterRowQuery{Register: m.reg.ID, After: after, Limit: chunkRows}, func(row store.RegisterRow) error {
				looked++
				after = row.Key
				if _, listed := m.seen[row.Key]; !listed && !row.Gone {
					missing = append(missing, row)
				}
				return nil
			})
		})
		if err != nil {
			return err
		}
		m.res.Gone += len(missing)
		if whole && !m.dry && len(missing) > 0 {
			if err := m.putGone(ctx, missing); err != nil {
				return err
			}
		}
		if looked < chunkRows {
			return nil
		}
	}
}

func (m *importing) putGone(ctx context.Context, missing []store.RegisterRow) error {
	fates := make([]fate, len(missing))
	for i := range missing {
		missing[i].Gone, missing[i].Import = true, m.id
		fates[i] = fate{u: &understood{}, row: missing[i], what: "gone"}
		m.communes[missing[i].Commune] = true
		err := m.s.cfg.View(ctx, func(r store.Reader) error { return m.elsewhere(r, &fates[i]) })
		if err != nil {
			return err
		}
	}
	return m.put(ctx, fates)
}

// finish closes the import and has what it touches compared again.
func (m *importing) finish(ctx context.Context) error {
	if m.dry || !m.written && !m.recount {
		return nil
	}
	if m.written {
		m.res.Import = m.id
	}
	if m.recount {
		for _, c := range m.s.communesOf(m.reg.Units) {
			m.communes[c] = true
		}
	}
	return m.s.update(ctx, func(tx store.Tx) error {
		if m.written {
			if err := tx.PutRegisterImport(m.record(store.RegisterDone)); err != nil {
				return err
			}
		}
		return queueWork(tx, m.communes, m.records)
	})
}

// queueWork has communes and single activities compared again.
func queueWork(tx store.Tx, communes map[string]bool, records []uuid.UUID) error {
	list := make([]string, 0, len(communes))
	for c := range communes {
		if c != "" {
			list = append(list, c)
		}
	}
	slices.Sort(list)
	for _, c := range list {
		if err := tx.QueueRegisterWork(store.RegisterWork{Commune: c}); err != nil {
			return err
		}
	}
	slices.SortFunc(records, func(a, b uuid.UUID) int { return slices.Compare(a[:], b[:]) })
	for part := range slices.Chunk(slices.Compact(records), chunkRows) {
		if err := tx.QueueRegisterWork(store.RegisterWork{Records: part}); err != nil {
			return err
		}
	}
	return nil
}
