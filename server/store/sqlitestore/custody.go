package sqlitestore

import (
	"bytes"

	"thonsync/server/store"
	"thonsync/syncproto"
)

const receiptColumns = "position, origin, branch, first, mark, issuer, last, data"

func scanReceipt(scan func(...any) error) (store.Receipt, error) {
	var r store.Receipt
	var origin, issuer []byte
	err := scan(&r.Position, &origin, &r.Branch, &r.First, &r.Mark, &issuer, &r.Last, &r.Data)
	r.Origin, r.Issuer = toUUID(origin), toUUID(issuer)
	return r, err
}

func keyArgs(k *store.ReceiptKey) []any {
	return []any{k.Origin[:], k.Branch, int64(k.First), int64(k.Mark), k.Issuer[:]}
}

// Receipt finds the newest receipt of a key.
func (t *tx) Receipt(k store.ReceiptKey) (store.Receipt, bool, error) {
	found, err := list(t, "reading a receipt", "SELECT "+receiptColumns+" FROM receipts WHERE origin=? AND branch=? AND first=? AND mark=? AND issuer=?",
		scanReceipt, keyArgs(&k)...)
	if err != nil || len(found) == 0 {
		return store.Receipt{}, false, err
	}
	return found[0], true, nil
}

// Receipts lists receipts in the order of their positions.
func (t *tx) Receipts(q store.ReceiptQuery) ([]store.Receipt, error) {
	if len(q.Origins) > 0 {
		return t.receiptsOf(q)
	}
	where, args := "position>?", []any{int64(q.After)}
	if q.Commune != "" {
		where, args = where+" AND origin IN (SELECT id FROM origins WHERE commune=?)", append(args, q.Commune)
	}
	args = append(args, limit(q.Limit))
	return list(t, "reading receipts", "SELECT "+receiptColumns+" FROM receipts WHERE "+where+" ORDER BY position LIMIT ?", scanReceipt, args...)
}

// receiptsOf reads one origin at a time, so that the number of origins needs no
// statement of its own.
func (t *tx) receiptsOf(q store.ReceiptQuery) ([]store.Receipt, error) {
	var out []store.Receipt
	for _, o := range q.Origins {
		some, err := list(t, "reading receipts", "SELECT "+receiptColumns+" FROM receipts WHERE origin=? AND position>? ORDER BY position LIMIT ?",
			scanReceipt, o[:], int64(q.After), limit(q.Limit))
		if err != nil {
			return nil, err
		}
		out = append(out, some...)
	}
	sortReceipts(out)
	if q.Limit > 0 && len(out) > q.Limit {
		out = out[:q.Limit]
	}
	return out, nil
}

// ReceiptPosition gives the highest position that was ever given.
func (t *tx) ReceiptPosition() (uint64, error) {
	var n uint64
	_, err := t.one("reading receipts", "SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name='receipts'),0)", nil, &n)
	return n, err
}

// PutReceipt replaces the receipt of a key.
func (t *tx) PutReceipt(r store.Receipt) (uint64, error) {
	old, found, err := t.Receipt(r.ReceiptKey)
	if err != nil {
		return 0, err
	}
	if found && old.Last == r.Last && bytes.Equal(old.Data, r.Data) {
		return old.Position, nil
	}
	if found {
		if err := t.DeleteReceipt(r.ReceiptKey); err != nil {
			return 0, err
		}
	}
	var position uint64
	_, err = t.one("storing a receipt", "INSERT INTO receipts (origin, branch, first, mark, issuer, last, data) VALUES (?,?,?,?,?,?,?) RETURNING position",
		append(keyArgs(&r.ReceiptKey), int64(r.Last), r.Data), &position)
	return position, err
}

// DeleteReceipt forgets the receipt of a key.
func (t *tx) DeleteReceipt(k store.ReceiptKey) error {
	_, err := t.exec("replacing a receipt", "DELETE FROM receipts WHERE origin=? AND branch=? AND first=? AND mark=? AND issuer=?", keyArgs(&k)...)
	return err
}

// Witnesses lists receipts of points for changes at or after seq.
func (t *tx) Witnesses(origin syncproto.OriginID, seq uint64) ([]store.Witness, error) {
	return list(t, "reading witnesses", "SELECT issuer, origin, first, last, issued_ms, data FROM witnesses WHERE origin=? AND last>=? ORDER BY last, first, issuer",
		func(scan func(...any) error) (store.Witness, error) {
			var w store.Witness
			var issuer, of []byte
			err := scan(&issuer, &of, &w.First, &w.Last, &w.IssuedMS, &w.Data)
			w.Issuer, w.Origin = toUUID(issuer), toUUID(of)
			return w, err
		}, origin[:], int64(seq))
}

// AddWitness keeps a point's receipt.
func (t *tx) AddWitness(w store.Witness) error {
	_, err := t.exec("storing a witness", "INSERT OR IGNORE INTO witnesses (issuer, origin, first, last, issued_ms, data) VALUES (?,?,?,?,?,?)",
		w.Issuer[:], w.Origin[:], int64(w.First), int64(w.Last), w.IssuedMS, w.Data)
	return err
}
