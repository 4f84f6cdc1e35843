package registers

import (
	"context"
	"errors"
	"slices"

	"github.com/google/uuid"

	"thonsync/server/store"
	"thonsync/syncproto"
)

// Undo takes the newest import of a register back: rows are as they were before.
func (s *Service) Undo(ctx context.Context, register string, imported uuid.UUID) error {
	s.importing.Lock()
	defer s.importing.Unlock()
	var target *store.RegisterImport
	err := s.cfg.View(ctx, func(r store.Reader) error {
		reg, err := find(r, register)
		if err != nil {
			return err
		}
		list, err := r.RegisterImports(reg.ID)
		target, err = newest(list, imported, err)
		return err
	})
	if err != nil {
		return err
	}
	communes, records := map[string]bool{}, []uuid.UUID{}
	for more := true; more; {
		err = s.cfg.Forget(ctx, func(tx store.Tx) ([][]byte, error) {
			rows, err := tx.UndoRegisterRows(target.Register, imported, chunkRows)
			more = len(rows) == chunkRows
			return broughtBy(rows, imported), errors.Join(err, s.touched(tx, rows, communes, &records))
		})
		if err != nil {
			return err
		}
	}
	return s.update(ctx, func(tx store.Tx) error {
		target.State = store.RegisterUndone
		if err := tx.PutRegisterImport(*target); err != nil {
			return err
		}
		return queueWork(tx, communes, records)
	})
}

// broughtBy gives what was encrypted of the rows that an import brought: they are
// gone now, while others are as they were.
func broughtBy(rows []store.RegisterRow, imported uuid.UUID) (sealed [][]byte) {
	for i := range rows {
		if rows[i].Import == imported {
			sealed = append(sealed, rows[i].Sealed)
		}
	}
	return sealed
}

// newest finds an import that can be undone: the last one that was not yet.
func newest(list []store.RegisterImport, imported uuid.UUID, err error) (*store.RegisterImport, error) {
	if err != nil {
		return nil, err
	}
	for i := range list {
		switch {
		case list[i].ID == imported && list[i].State == store.RegisterUndone:
			return nil, syncproto.Errorf(syncproto.CodeInvalidInput, "this import was undone already")
		case list[i].ID == imported:
			return &list[i], nil
		case list[i].State != store.RegisterUndone:
			if slices.ContainsFunc(list, func(x store.RegisterImport) bool { return x.ID == imported }) {
				return nil, syncproto.Errorf(syncproto.CodeInvalidInput, "a later import stands on this one: undo import %s first", list[i].ID)
			}
		}
	}
	return nil, syncproto.Errorf(syncproto.CodeNotFound, "the register has no such import: `thonsync register show` names them")
}

// touched notes what rows that changed are compared with.
func (s *Service) touched(r store.Reader, rows []store.RegisterRow, communes map[string]bool, records *[]uuid.UUID) error {
	for i := range rows {
		communes[rows[i].Commune] = true
		err := r.EachRegisterFinding(store.RegisterFindingQuery{Register: rows[i].Register, Row: rows[i].Key}, func(f store.RegisterFinding) error {
			*records = append(*records, f.Activity)
			return nil
		})
		if err != nil {
			return err
		}
		if rows[i].Number == (store.KeyedHash{}) {
			continue
		}
		err = r.EachPerson(store.PersonQuery{Number: rows[i].Number}, func(p store.Person) error {
			*records = append(*records, p.Record)
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// Remove forgets a register with its rows, imports and findings.
func (s *Service) Remove(ctx context.Context, register string) error {
	s.importing.Lock()
	defer s.importing.Unlock()
	s.matching.Lock()
	defer s.matching.Unlock()
	return s.cfg.Forget(ctx, func(tx store.Tx) ([][]byte, error) {
		reg, err := find(tx, register)
		if err != nil {
			return nil, err
		}
		return tx.DeleteRegister(reg.ID)
	})
}
