package sqlitestore

import (
	"github.com/google/uuid"

	"thonsync/server/store"
)

// RegisterProfiles lists profiles.
func (t *tx) RegisterProfiles() ([]store.RegisterProfile, error) {
	return list(t, "reading profiles of registers", "SELECT name, document FROM register_profiles ORDER BY name",
		func(scan func(...any) error) (p store.RegisterProfile, err error) {
			err = scan(&p.Name, &p.Document)
			return p, err
		})
}

// PutRegisterProfile adds, replaces or deletes a profile.
func (t *tx) PutRegisterProfile(p store.RegisterProfile) error {
	if len(p.Document) == 0 {
		_, err := t.exec("deleting a profile of registers", "DELETE FROM register_profiles WHERE name=?", p.Name)
		return err
	}
	_, err := t.exec("writing a profile of registers", "INSERT INTO register_profiles (name, document) VALUES (?,?) ON CONFLICT (name) DO UPDATE SET document=excluded.document", p.Name, p.Document)
	return err
}

// Registers lists registers.
func (t *tx) Registers() ([]store.Register, error) {
	return list(t, "reading registers", "SELECT id, name, document, made_ms FROM registers ORDER BY name",
		func(scan func(...any) error) (r store.Register, err error) {
			var id []byte
			err = scan(&id, &r.Name, &r.Document, &r.MadeMS)
			r.ID = toUUID(id)
			return r, err
		})
}

// PutRegister adds or replaces a register.
func (t *tx) PutRegister(r store.Register) error {
	_, err := t.exec("writing a register", `INSERT INTO registers (id, name, document, made_ms) VALUES (?,?,?,?)
ON CONFLICT (id) DO UPDATE SET name=excluded.name, document=excluded.document`, r.ID[:], r.Name, r.Document, r.MadeMS)
	return err
}

// DeleteRegister forgets a register.
func (t *tx) DeleteRegister(id uuid.UUID) ([][]byte, error) {
	sealed, err := t.DropRegisterRows(id)
	if err != nil {
		return nil, err
	}
	for _, q := range [...]string{"DELETE FROM register_findings WHERE register=?", "DELETE FROM register_imports WHERE register=?", "DELETE FROM registers WHERE id=?"} {
		if _, err := t.exec("deleting a register", q, id[:]); err != nil {
			return nil, err
		}
	}
	return sealed, nil
}

// RegisterImports lists the imports of a register.
func (t *tx) RegisterImports(register uuid.UUID) ([]store.RegisterImport, error) {
	return list(t, "reading imports of a register", "SELECT id, at_ms, actor, state, document FROM register_imports WHERE register=? ORDER BY number DESC",
		func(scan func(...any) error) (i store.RegisterImport, err error) {
			i.Register = register
			var id []byte
			err = scan(&id, &i.AtMS, &i.Actor, &i.State, &i.Document)
			i.ID = toUUID(id)
			return i, err
		}, register[:])
}

// PutRegisterImport adds or replaces an import.
func (t *tx) PutRegisterImport(i store.RegisterImport) error {
	_, err := t.exec("writing an import of a register", `INSERT INTO register_imports (id, register, at_ms, actor, state, document) VALUES (?,?,?,?,?,?)
ON CONFLICT (id) DO UPDATE SET state=excluded.state, document=excluded.document`, i.ID[:], i.Register[:], i.AtMS, i.Actor, i.State, i.Document)
	return err
}

const registerColumns = "register, key, number, unit, commune, kind, day, done, gone, import, content, sealed"

func scanRegisterRow(scan func(...any) error) (store.RegisterRow, error) {
	var r store.RegisterRow
	var register, key, number, imported, content []byte
	err := scan(&register, &key, &number, &r.Unit, &r.Commune, &r.Kind, &r.Day, &r.Done, &r.Gone, &imported, &content, &r.Sealed)
	r.Register, r.Import = toUUID(register), toUUID(imported)
	copy(r.Key[:], key)
	copy(r.Number[:], number)
	copy(r.Content[:], content)
	return r, err
}

// RegisterRow finds one row.
func (t *tx) RegisterRow(register uuid.UUID, key store.KeyedHash) (store.RegisterRow, bool, error) {
	found, err := list(t, "reading a row of a register", "SELECT "+registerColumns+" FROM register_rows WHERE register=? AND key=?", scanRegisterRow, register[:], key[:])
	if err != nil || len(found) == 0 {
		return store.RegisterRow{}, false, err
	}
	return found[0], true, nil
}

const rowIsFound = "EXISTS (SELECT 1 FROM register_findings f WHERE f.row=register_rows.key AND f.register=register_rows.register)"

// EachRegisterRow calls f for the rows that match q.
func (t *tx) EachRegisterRow(q store.RegisterRowQuery, f func(store.RegisterRow) error) error {
	where, args := "key>?", []any{q.After[:]}
	narrow := func(on bool, condition string, values ...any) {
		if on {
			where, args = where+" AND "+condition, append(args, values...)
		}
	}
	narrow(q.Register != uuid.Nil, "register=?", q.Register[:])
	narrow(q.Commune != "", "commune=?", q.Commune)
	narrow(q.Number != (store.KeyedHash{}), "number=?", q.Number[:])
	narrow(q.Import != uuid.Nil, "import=?", q.Import[:])
	narrow(q.State == "found", "gone=0 AND "+rowIsFound)
	narrow(q.State == "only", "gone=0 AND NOT "+rowIsFound)
	narrow(q.State == "gone", "gone=1")
	args = append(args, limit(q.Limit))
	return t.each("reading rows of a register", "SELECT "+registerColumns+" FROM register_rows WHERE "+where+" ORDER BY register, key LIMIT ?",
		func(scan func(...any) error) error {
			r, err := scanRegisterRow(scan)
			if err != nil {
				return err
			}
			return f(r)
		}, args...)
}

// EachRegisterPast calls f for all earlier forms of rows.
func (t *tx) EachRegisterPast(f func(store.RegisterRow) error) error {
	return t.each("reading earlier rows of registers", "SELECT "+registerColumns+" FROM register_past ORDER BY until, key", func(scan func(...any) error) error {
		r, err := scanRegisterRow(scan)
		if err != nil {
			return err
		}
		return f(r)
	})
}

// PutRegisterRow adds or replaces a row and keeps what it replaces.
func (t *tx) PutRegisterRow(r store.RegisterRow) error {
	_, err := t.exec("keeping a row of a register", "INSERT OR IGNORE INTO register_past ("+registerColumns+", until) SELECT "+registerColumns+
		", ? FROM register_rows WHERE register=? AND key=? AND import<>?", r.Import[:], r.Register[:], r.Key[:], r.Import[:])
	if err != nil {
		return err
	}
	return t.putRegisterRow(&r)
}

func (t *tx) putRegisterRow(r *store.RegisterRow) error {
	_, err := t.exec("writing a row of a register", "INSERT INTO register_rows ("+registerColumns+`) VALUES (?,?,?,?,?,?,?,?,?,?,?,?)
ON CONFLICT (register, key) DO UPDATE SET number=excluded.number, unit=excluded.unit, commune=excluded.commune, kind=excluded.kind, day=excluded.day,
done=excluded.done, gone=excluded.gone, import=excluded.import, content=excluded.content, sealed=excluded.sealed`,
		r.Register[:], r.Key[:], hashOrNull(r.Number), r.Unit, r.Commune, r.Kind, r.Day, r.Done, r.Gone, r.Import[:], r.Content[:], r.Sealed)
	return err
}

// UndoRegisterRows puts back what an import replaced and deletes what it brought.
func (t *tx) UndoRegisterRows(register, imported uuid.UUID, most int) ([]store.RegisterRow, error) {
	was, err := list(t, "reading what an import changed", "SELECT "+registerColumns+" FROM register_past WHERE until=? ORDER BY key LIMIT ?", scanRegisterRow, imported[:], most)
	if err != nil {
		return nil, err
	}
	for i := range was {
		if err := t.putRegisterRow(&was[i]); err != nil {
			return nil, err
		}
		if _, err := t.exec("undoing an import", "DELETE FROM register_past WHERE until=? AND key=?", imported[:], was[i].Key[:]); err != nil {
			return nil, err
		}
	}
	if len(was) == most {
		return was, nil
	}
	brought, err := list(t, "reading what an import brought", "SELECT "+registerColumns+" FROM register_rows WHERE register=? AND import=? ORDER BY key LIMIT ?",
		scanRegisterRow, register[:], imported[:], most-len(was))
	if err != nil {
		return nil, err
	}
	for i := range brought {
		if _, err := t.exec("undoing an import", "DELETE FROM register_rows WHERE register=? AND key=?", register[:], brought[i].Key[:]); err != nil {
			return nil, err
		}
	}
	return append(was, brought...), nil
}

// DropRegisterRows deletes all rows of a register.
func (t *tx) DropRegisterRows(register uuid.UUID) (sealed [][]byte, err error) {
	for _, table := range [...]string{"register_rows", "register_past"} {
		some, err := list(t, "reading rows of a register", "SELECT sealed FROM "+table+" WHERE register=?", func(scan func(...any) error) (b []byte, err error) {
			err = scan(&b)
			return b, err
		}, register[:])
		if err != nil {
			return nil, err
		}
		sealed = append(sealed, some...)
		if _, err := t.exec("deleting rows of a register", "DELETE FROM "+table+" WHERE register=?", register[:]); err != nil {
			return nil, err
		}
	}
	return sealed, nil
}

// EraseRegisterRows deletes the rows about one person.
func (t *tx) EraseRegisterRows(number store.KeyedHash, register uuid.UUID, key store.KeyedHash) ([]store.RegisterRow, error) {
	where, args := "number=?", []any{number[:]}
	if number == (store.KeyedHash{}) {
		where, args = "register=? AND key=?", []any{register[:], key[:]}
	}
	var out []store.RegisterRow
	for _, table := range [...]string{"register_rows", "register_past"} {
		some, err := list(t, "reading rows to erase", "SELECT "+registerColumns+" FROM "+table+" WHERE "+where, scanRegisterRow, args...)
		if err != nil {
			return nil, err
		}
		out = append(out, some...)
		if len(some) == 0 {
			continue
		}
		if _, err := t.exec("erasing rows of registers", "DELETE FROM "+table+" WHERE "+where, args...); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// RegisterErased tells whether a hash stands for somebody who was erased.
func (t *tx) RegisterErased(h store.KeyedHash) (bool, error) {
	var n int
	return t.one("reading what was erased", "SELECT 1 FROM register_erased WHERE hash=?", []any{h[:]}, &n)
}

// PutRegisterErased notes one.
func (t *tx) PutRegisterErased(h store.KeyedHash) error {
	_, err := t.exec("noting an erasure", "INSERT OR IGNORE INTO register_erased (hash) VALUES (?)", h[:])
	return err
}
