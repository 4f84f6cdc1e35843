package sqlitestore

import (
	"cmp"
	"slices"

	"thonsync/server/store"
	"thonsync/syncproto"
	"thonsync/syncproto/credential"
)

func sortReceipts(list []store.Receipt) {
	slices.SortFunc(list, func(a, b store.Receipt) int { return cmp.Compare(a.Position, b.Position) })
}

// Meta reads a single value.
func (t *tx) Meta(key string) ([]byte, bool, error) {
	var v []byte
	found, err := t.one("reading a setting", "SELECT value FROM meta WHERE key=?", []any{key}, &v)
	return v, found, err
}

// SetMeta writes a single value.
func (t *tx) SetMeta(key string, value []byte) error {
	if value == nil {
		value = []byte{}
	}
	_, err := t.exec("writing a setting", "REPLACE INTO meta (key, value) VALUES (?,?)", key, value)
	return err
}

// Counter reads a counter, 0 if nobody counted.
func (t *tx) Counter(name string) (int64, error) {
	var n int64
	_, err := t.one("reading a counter", "SELECT value FROM counters WHERE name=?", []any{name}, &n)
	return n, err
}

// Counters reads all counters.
func (t *tx) Counters() (map[string]int64, error) {
	out := make(map[string]int64)
	err := t.each("reading counters", "SELECT name, value FROM counters", func(scan func(...any) error) error {
		var name string
		var n int64
		if err := scan(&name, &n); err != nil {
			return err
		}
		out[name] = n
		return nil
	})
	return out, err
}

// AddCounter adds to a counter.
func (t *tx) AddCounter(name string, n int64) (int64, error) {
	var v int64
	_, err := t.one("counting", "INSERT INTO counters (name, value) VALUES (?,?) ON CONFLICT (name) DO UPDATE SET value=value+excluded.value RETURNING value",
		[]any{name, n}, &v)
	return v, err
}

const codeColumns = "hash, role, unit, team, members, label, boot, expires_ms, attempts, spent"

func scanCode(scan func(...any) error) (store.Code, error) {
	var c store.Code
	var hash, team, boot []byte
	var role string
	err := scan(&hash, &role, &c.Unit, &team, &c.Members, &c.Label, &boot, &c.ExpiresMS, &c.Attempts, &c.Spent)
	c.Hash, c.Role, c.Team, c.Boot = toHash(hash), credential.Role(role), toUUID(team), toUUID(boot)
	return c, err
}

// Code finds a joining code by its hash.
func (t *tx) Code(hash syncproto.Hash) (store.Code, bool, error) {
	found, err := list(t, "reading a joining code", "SELECT "+codeColumns+" FROM codes WHERE hash=?", scanCode, hash[:])
	if err != nil || len(found) == 0 {
		return store.Code{}, false, err
	}
	return found[0], true, nil
}

// Codes lists all joining codes.
func (t *tx) Codes() ([]store.Code, error) {
	return list(t, "reading joining codes", "SELECT "+codeColumns+" FROM codes ORDER BY hash", scanCode)
}

// PutCode adds or replaces a joining code.
func (t *tx) PutCode(c store.Code) error {
	_, err := t.exec("writing a joining code", "REPLACE INTO codes ("+codeColumns+") VALUES (?,?,?,?,?,?,?,?,?,?)",
		c.Hash[:], string(c.Role), c.Unit, orNull(c.Team), c.Members, c.Label, c.Boot[:], c.ExpiresMS, c.Attempts, c.Spent)
	return err
}

// DeleteCode forgets a joining code.
func (t *tx) DeleteCode(hash syncproto.Hash) error {
	_, err := t.exec("deleting a joining code", "DELETE FROM codes WHERE hash=?", hash[:])
	return err
}
