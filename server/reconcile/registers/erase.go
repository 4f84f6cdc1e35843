package registers

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/google/uuid"

	"thonsync/server/store"
	"thonsync/syncproto"
)

// Erase deletes, in the transaction that erases a record, all rows of registers
// about its citizen: those with a number that any of its changes gave, and the
// row that was found for it. No later file brings them back. It gives what has to
// be gone from the files.
func (s *Service) Erase(tx store.Tx, record uuid.UUID, numbers []syncproto.IDNumber) ([][]byte, error) {
	var traces [][]byte
	var matched []store.RegisterFinding
	err := tx.EachRegisterFinding(store.RegisterFindingQuery{Activity: record}, func(f store.RegisterFinding) error {
		if f.Row != (store.KeyedHash{}) && f.Verdict == store.RegisterConfirmed {
			matched = append(matched, f)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	for _, n := range numbers {
		some, err := s.eraseRows(tx, s.numberHash(n), uuid.Nil, store.KeyedHash{})
		if err != nil {
			return nil, err
		}
		traces = append(traces, some...)
	}
	for _, f := range matched {
		row, _, err := tx.RegisterRow(f.Register, f.Row)
		if err != nil {
			return nil, err
		}
		some, err := s.eraseRows(tx, row.Number, f.Register, f.Row)
		if err != nil {
			return nil, err
		}
		traces = append(traces, some...)
	}
	return traces, tx.DropRegisterFindings(record)
}

// eraseRows deletes the rows of a number, or one row, and has what they were
// found for compared again.
func (s *Service) eraseRows(tx store.Tx, number store.KeyedHash, register uuid.UUID, key store.KeyedHash) (traces [][]byte, err error) {
	rows, err := tx.EraseRegisterRows(number, register, key)
	if err != nil {
		return nil, err
	}
	communes, records := map[string]bool{}, []uuid.UUID{}
	for i := range rows {
		traces = append(traces, rows[i].Sealed)
		for _, h := range []store.KeyedHash{rows[i].Number, rows[i].Key} {
			if h == (store.KeyedHash{}) {
				continue
			}
			if err := tx.PutRegisterErased(s.erasedHash(h)); err != nil {
				return nil, err
			}
		}
	}
	if number != (store.KeyedHash{}) {
		if err := tx.PutRegisterErased(s.erasedHash(number)); err != nil {
			return nil, err
		}
	}
	if err := s.touched(tx, rows, communes, &records); err != nil {
		return nil, err
	}
	return traces, queueWork(tx, communes, records)
}

// Subjects deletes the rows of all citizens of whom erased tells that they were
// erased: for those whom no record names, and after a restore. It gives how many
// rows went.
func (s *Service) Subjects(ctx context.Context, erased func(syncproto.IDNumber) (bool, error)) (gone int, err error) {
	numbers, err := s.numbers(ctx, erased)
	if err != nil {
		return 0, err
	}
	for n := range numbers {
		err := s.cfg.Forget(ctx, func(tx store.Tx) ([][]byte, error) {
			traces, err := s.eraseRows(tx, s.numberHash(n), uuid.Nil, store.KeyedHash{})
			gone += len(traces)
			return traces, err
		})
		if err != nil {
			return gone, err
		}
	}
	return gone, nil
}

// Count gives how many rows, earlier forms included, are about citizens of whom
// about tells it.
func (s *Service) Count(ctx context.Context, about func(syncproto.IDNumber) (bool, error)) (n int, err error) {
	numbers, err := s.numbers(ctx, about)
	for _, rows := range numbers {
		n += rows
	}
	return n, err
}

func (s *Service) numbers(ctx context.Context, about func(syncproto.IDNumber) (bool, error)) (map[syncproto.IDNumber]int, error) {
	out := map[syncproto.IDNumber]int{}
	err := s.each(ctx, func(_ *store.RegisterRow, e *RowEntry) error {
		if e.Number == "" {
			return nil
		}
		ok, err := about(e.Number)
		if ok {
			out[e.Number]++
		}
		return err
	})
	return out, err
}

// each opens all rows and their earlier forms: an index of who is in them would be
// one more thing to erase.
func (s *Service) each(ctx context.Context, f func(row *store.RegisterRow, e *RowEntry) error) error {
	return s.cfg.View(ctx, func(r store.Reader) error {
		one := func(row store.RegisterRow) error {
			e, err := s.open(&row)
			if err != nil {
				return err
			}
			return f(&row, &e)
		}
		return errors.Join(r.EachRegisterRow(store.RegisterRowQuery{}, one), r.EachRegisterPast(one))
	})
}

// Secret is a value that an erasure has to remove.
type Secret struct {
	Name   string
	Value  []byte
	Shared bool // it may stand in another citizen's row, too
}

// Secrets lists everything personal of the rows about a citizen. Whoever calls it
// must not keep it.
func (s *Service) Secrets(ctx context.Context, about func(syncproto.IDNumber) (bool, error)) (out []Secret, err error) {
	err = s.each(ctx, func(row *store.RegisterRow, e *RowEntry) error {
		if e.Number == "" {
			return nil
		}
		ok, err := about(e.Number)
		if !ok || err != nil {
			return err
		}
		for name, v := range map[string]string{"id_number": string(e.Number), "full_name": e.Name} {
			if len(v) >= minSecret {
				out = append(out, Secret{"register " + name, []byte(v), true})
			}
		}
		out = append(out, Secret{"register row", bytes.Clone(row.Sealed[:minSealed]), false})
		return nil
	})
	return out, err
}

// From which length a value says something by being found, and how much of an
// encrypted row is looked for.
const (
	minSecret = 8
	minSealed = 28
)

// Mentioned tells for each value whether a row about somebody else holds it.
func (s *Service) Mentioned(ctx context.Context, values [][]byte, about func(syncproto.IDNumber) (bool, error)) ([]bool, error) {
	out := make([]bool, len(values))
	err := s.each(ctx, func(_ *store.RegisterRow, e *RowEntry) error {
		if e.Number != "" {
			if ok, err := about(e.Number); ok || err != nil {
				return err
			}
		}
		for i, v := range values {
			out[i] = out[i] || bytes.Contains([]byte(e.Name), v) || bytes.Contains([]byte(e.Number), v)
		}
		return nil
	})
	return out, err
}

// Tidy deletes the rows of registers that are kept no longer, and uploads that
// nobody came back for. What was found stays, and names nobody.
func (s *Service) Tidy(ctx context.Context) error {
	s.staged.tidy(s.cfg.Now())
	var due []Register
	err := s.cfg.View(ctx, func(r store.Reader) error {
		list, err := registersOf(r)
		if err != nil {
			return err
		}
		due = due[:0]
		for _, reg := range list {
			imports, err := r.RegisterImports(reg.ID)
			if err != nil {
				return err
			}
			last := reg.MadeMS
			if len(imports) > 0 {
				last = max(last, imports[0].AtMS)
			}
			if !reg.Expired && s.cfg.Now().After(time.UnixMilli(last).AddDate(0, 0, reg.KeepDays)) {
				due = append(due, reg)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, reg := range due {
		if err := s.expire(ctx, reg); err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) expire(ctx context.Context, reg Register) error {
	s.importing.Lock()
	defer s.importing.Unlock()
	reg.Expired = true
	doc, err := json.Marshal(&reg)
	if err != nil {
		return err
	}
	return s.cfg.Forget(ctx, func(tx store.Tx) ([][]byte, error) {
		sealed, err := tx.DropRegisterRows(reg.ID)
		if err != nil {
			return nil, err
		}
		return sealed, tx.PutRegister(store.Register{ID: reg.ID, Name: reg.Name, Document: doc, MadeMS: reg.MadeMS})
	})
}

// Recover finishes what a stop has cut: the rows of an import that did not end are
// compared, and the import can be undone or repeated.
func (s *Service) Recover(ctx context.Context) error {
	var cut []store.RegisterImport
	communes := map[string]bool{}
	err := s.cfg.View(ctx, func(r store.Reader) error {
		list, err := registersOf(r)
		if err != nil {
			return err
		}
		cut = cut[:0]
		for _, reg := range list {
			imports, err := r.RegisterImports(reg.ID)
			if err != nil {
				return err
			}
			for _, i := range imports {
				if i.State == store.RegisterRunning {
					cut = append(cut, i)
					for _, c := range s.communesOf(reg.Units) {
						communes[c] = true
					}
				}
			}
		}
		return nil
	})
	if err != nil || len(cut) == 0 {
		return err
	}
	return s.update(ctx, func(tx store.Tx) error {
		for _, i := range cut {
			i.State = store.RegisterDone
			if err := tx.PutRegisterImport(i); err != nil {
				return err
			}
		}
		return queueWork(tx, communes, nil)
	})
}
