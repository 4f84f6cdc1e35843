package sqlitestore

import (
	"github.com/google/uuid"

	"thonsync/server/store"
)

const reorganisationColumns = "id, name, from_list, to_list, effective, state, planned_ms, applied_ms, reversed_ms, document"

func scanReorganisation(scan func(...any) error) (store.Reorganisation, error) {
	var r store.Reorganisation
	var id []byte
	err := scan(&id, &r.Name, &r.FromList, &r.ToList, &r.Effective, &r.State, &r.PlannedMS, &r.AppliedMS, &r.ReversedMS, &r.Document)
	r.ID = toUUID(id)
	return r, err
}

// Reorganisation finds a reorganisation.
func (t *tx) Reorganisation(id uuid.UUID) (store.Reorganisation, bool, error) {
	found, err := list(t, "reading a reorganisation", "SELECT "+reorganisationColumns+" FROM reorganisations WHERE id=?", scanReorganisation, id[:])
	if err != nil || len(found) == 0 {
		return store.Reorganisation{}, false, err
	}
	return found[0], true, nil
}

// Reorganisations lists all.
func (t *tx) Reorganisations() ([]store.Reorganisation, error) {
	return list(t, "reading reorganisations", "SELECT "+reorganisationColumns+" FROM reorganisations ORDER BY planned_ms DESC, id", scanReorganisation)
}

// PutReorganisation adds or replaces one.
func (t *tx) PutReorganisation(r store.Reorganisation) error {
	_, err := t.exec("writing a reorganisation", "INSERT INTO reorganisations ("+reorganisationColumns+`) VALUES (?,?,?,?,?,?,?,?,?,?)
ON CONFLICT (id) DO UPDATE SET name=excluded.name, from_list=excluded.from_list, to_list=excluded.to_list, effective=excluded.effective,
state=excluded.state, planned_ms=excluded.planned_ms, applied_ms=excluded.applied_ms, reversed_ms=excluded.reversed_ms, document=excluded.document`,
		r.ID[:], r.Name, r.FromList, r.ToList, r.Effective, r.State, r.PlannedMS, r.AppliedMS, r.ReversedMS, r.Document)
	return err
}

// DeleteReorganisation forgets one.
func (t *tx) DeleteReorganisation(id uuid.UUID) error {
	for _, q := range [...]string{"DELETE FROM placements WHERE reorganisation=?", "DELETE FROM reorganised WHERE reorganisation=?", "DELETE FROM reorganisations WHERE id=?"} {
		if _, err := t.exec("deleting a reorganisation", q, id[:]); err != nil {
			return err
		}
	}
	return nil
}

// Reorganised lists the records that a reorganisation wrote into.
func (t *tx) Reorganised(reorganisation uuid.UUID) ([]store.Reorganised, error) {
	return list(t, "reading reorganised records", "SELECT record, was, was_void, made, wrote FROM reorganised WHERE reorganisation=? ORDER BY record",
		func(scan func(...any) error) (store.Reorganised, error) {
			r := store.Reorganised{Reorganisation: reorganisation}
			var record []byte
			err := scan(&record, &r.Was, &r.WasVoid, &r.Made, &r.Wrote)
			r.Record = toUUID(record)
			return r, err
		}, reorganisation[:])
}

// PutReorganised adds a record or replaces what was written into it.
func (t *tx) PutReorganised(r store.Reorganised) error {
	_, err := t.exec("writing a reorganised record", `INSERT INTO reorganised (reorganisation, record, was, was_void, made, wrote) VALUES (?,?,?,?,?,?)
ON CONFLICT (reorganisation, record) DO UPDATE SET wrote=excluded.wrote`,
		r.Reorganisation[:], r.Record[:], r.Was, r.WasVoid, r.Made, r.Wrote)
	return err
}

// DeleteReorganised forgets one record.
func (t *tx) DeleteReorganised(reorganisation, record uuid.UUID) error {
	_, err := t.exec("deleting a reorganised record", "DELETE FROM reorganised WHERE reorganisation=? AND record=?", reorganisation[:], record[:])
	return err
}

// Placements lists what was placed.
func (t *tx) Placements(reorganisation uuid.UUID) ([]store.Placement, error) {
	return list(t, "reading placements", "SELECT subject, from_unit, to_unit, before, actor, at_ms FROM placements WHERE reorganisation=? ORDER BY subject",
		func(scan func(...any) error) (store.Placement, error) {
			p := store.Placement{Reorganisation: reorganisation}
			err := scan(&p.Subject, &p.From, &p.To, &p.Before, &p.Actor, &p.AtMS)
			return p, err
		}, reorganisation[:])
}

// PutPlacement adds or replaces a placement.
func (t *tx) PutPlacement(p store.Placement) error {
	_, err := t.exec("writing a placement", `INSERT INTO placements (reorganisation, subject, from_unit, to_unit, before, actor, at_ms) VALUES (?,?,?,?,?,?,?)
ON CONFLICT (reorganisation, subject) DO UPDATE SET from_unit=excluded.from_unit, to_unit=excluded.to_unit, actor=excluded.actor, at_ms=excluded.at_ms`,
		p.Reorganisation[:], p.Subject, p.From, p.To, p.Before, p.Actor, p.AtMS)
	return err
}

// DeletePlacement takes a placement back.
func (t *tx) DeletePlacement(reorganisation uuid.UUID, subject string) error {
	_, err := t.exec("deleting a placement", "DELETE FROM placements WHERE reorganisation=? AND subject=?", reorganisation[:], subject)
	return err
}
