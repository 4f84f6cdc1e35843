package sqlitestore

import (
	"encoding/binary"

	"github.com/google/uuid"

	"thonsync/server/store"
	"thonsync/syncproto"
)

// Conflicts lists contested records. Its condition is that of the partial index.
func (t *tx) Conflicts(after uuid.UUID, limit int) ([]store.Record, error) {
	return list(t, "reading contested records",
		"SELECT "+recordAll+" FROM records INDEXED BY records_conflict WHERE flags & 4 <> 0 AND id>? ORDER BY id LIMIT ?", scanRecord(true), after[:], limit)
}

const settlementColumns = "id, batch, record, unit, compartment, field, name, changes, how, actor, at_ms, undone_by, undone_ms"

func scanSettlement(scan func(...any) error) (store.Settlement, error) {
	var s store.Settlement
	var id, batch, record, changes []byte
	err := scan(&id, &batch, &record, &s.Unit, &s.Compartment, &s.Field, &s.Name, &changes, &s.How, &s.Actor, &s.AtMS, &s.UndoneBy, &s.UndoneMS)
	s.ID, s.Batch, s.Record = toUUID(id), toUUID(batch), toUUID(record)
	for ; len(changes) >= refBytes; changes = changes[refBytes:] {
		ref := syncproto.Ref{Origin: uuid.UUID(changes[:16]), Seq: binary.BigEndian.Uint64(changes[16:])}
		copy(ref.Open[:], changes[24:refBytes])
		s.Changes = append(s.Changes, ref)
	}
	return s, err
}

// refBytes is how long a change's name is in the table.
const refBytes = 16 + 8 + syncproto.RefOpenBytes

// Settlement finds one.
func (t *tx) Settlement(id uuid.UUID) (store.Settlement, bool, error) {
	found, err := list(t, "reading a settlement", "SELECT "+settlementColumns+" FROM settlements WHERE id=?", scanSettlement, id[:])
	if err != nil || len(found) == 0 {
		return store.Settlement{}, false, err
	}
	return found[0], true, nil
}

// Settlements lists them, newest first.
func (t *tx) Settlements(before uuid.UUID, limit int) ([]store.Settlement, error) {
	if before == uuid.Nil {
		before = uuid.Max
	}
	return list(t, "reading settlements", "SELECT "+settlementColumns+" FROM settlements WHERE id<? ORDER BY id DESC LIMIT ?", scanSettlement, before[:], limit)
}

// SettlementsOf lists those of a record, newest first.
func (t *tx) SettlementsOf(record uuid.UUID) ([]store.Settlement, error) {
	return list(t, "reading settlements", "SELECT "+settlementColumns+" FROM settlements WHERE record=? ORDER BY id DESC", scanSettlement, record[:])
}

// PutSettlement adds or replaces one.
func (t *tx) PutSettlement(s store.Settlement) error {
	changes := make([]byte, 0, len(s.Changes)*refBytes)
	for _, ref := range s.Changes {
		changes = append(changes, ref.Origin[:]...)
		changes = binary.BigEndian.AppendUint64(changes, ref.Seq)
		changes = append(changes, ref.Open[:]...)
	}
	_, err := t.exec("writing a settlement", "INSERT INTO settlements ("+settlementColumns+`) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)
ON CONFLICT (id) DO UPDATE SET changes=excluded.changes, how=excluded.how, undone_by=excluded.undone_by, undone_ms=excluded.undone_ms`,
		s.ID[:], s.Batch[:], s.Record[:], s.Unit, int64(s.Compartment), int64(s.Field), s.Name, changes, s.How, s.Actor, s.AtMS, s.UndoneBy, s.UndoneMS)
	return err
}
