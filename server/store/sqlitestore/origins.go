package sqlitestore

import (
	"strings"

	"github.com/google/uuid"

	"thonsync/server/store"
	"thonsync/syncproto"
	"thonsync/syncproto/credential"
)

const originColumns = `id, key, credentials, role, units, team, commune, label, since_ms, listed,
	last_contact_ms, last_via, clock_offset_ms, waiting, receipts_read, repeats`

func scanOrigin(scan func(...any) error) (store.Origin, error) {
	var o store.Origin
	var id, key, team, via []byte
	var creds, role, units string
	err := scan(&id, &key, &creds, &role, &units, &team, &o.Commune, &o.Label, &o.SinceMS, &o.Listed,
		&o.LastContactMS, &via, &o.ClockOffsetMS, &o.Waiting, &o.ReceiptsRead, &o.Repeats)
	o.ID, o.Key, o.Team, o.Role, o.LastVia = toUUID(id), key, toUUID(team), credential.Role(role), toUUID(via)
	o.Credentials, o.Units = lines(creds), lines(units)
	return o, err
}

// lines undoes strings.Join(list, "\n"). Neither tokens nor unit keys hold
// line ends.
func lines(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(s, "\n")
}

func toUUID(b []byte) (id uuid.UUID) {
	copy(id[:], b)
	return id
}

func toHash(b []byte) (h syncproto.Hash) {
	copy(h[:], b)
	return h
}

// orNull gives nil for the zero id.
func orNull(id uuid.UUID) []byte {
	if id == uuid.Nil {
		return nil
	}
	return id[:]
}

// Origin finds one origin.
func (t *tx) Origin(id syncproto.OriginID) (store.Origin, bool, error) {
	var o store.Origin
	found := false
	err := t.each("reading an origin", "SELECT "+originColumns+" FROM origins WHERE id=?", func(scan func(...any) error) (err error) {
		found = true
		o, err = scanOrigin(scan)
		return err
	}, id[:])
	return o, found, err
}

// Origins lists origins.
func (t *tx) Origins(q store.OriginQuery) ([]store.Origin, error) {
	where, args := "id > ?", []any{q.After[:]}
	if q.Role != "" {
		where, args = where+" AND role=?", append(args, string(q.Role))
	}
	if q.Team != uuid.Nil {
		where, args = where+" AND team=?", append(args, q.Team[:])
	}
	if q.Commune != "" {
		where, args = where+" AND commune=?", append(args, q.Commune)
	}
	args = append(args, limit(q.Limit))
	return list(t, "listing origins", "SELECT "+originColumns+" FROM origins WHERE "+where+" ORDER BY id LIMIT ?", scanOrigin, args...)
}

// PutOrigin adds or replaces what credentials say of an origin.
func (t *tx) PutOrigin(o store.Origin) error {
	_, err := t.exec("writing an origin", `INSERT INTO origins (id, key, credentials, role, units, team, commune, label, since_ms, listed)
		VALUES (?,?,?,?,?,?,?,?,?,?)
		ON CONFLICT (id) DO UPDATE SET key=excluded.key, credentials=excluded.credentials, role=excluded.role, units=excluded.units,
			team=excluded.team, commune=excluded.commune, label=excluded.label, since_ms=excluded.since_ms, listed=excluded.listed`,
		o.ID[:], []byte(o.Key), strings.Join(o.Credentials, "\n"), string(o.Role), strings.Join(o.Units, "\n"), orNull(o.Team), o.Commune, o.Label, o.SinceMS, o.Listed)
	return err
}

// Contact notes a sign of life.
func (t *tx) Contact(c store.Contact) error {
	_, err := t.exec("noting a contact", "UPDATE origins SET last_contact_ms=?, last_via=?, clock_offset_ms=?, waiting=? WHERE id=?",
		c.AtMS, orNull(c.Via), c.ClockOffsetMS, c.Waiting, c.Origin[:])
	return err
}

// AddRepeats counts changes that arrived again.
func (t *tx) AddRepeats(id syncproto.OriginID, n int) error {
	_, err := t.exec("counting repeats", "UPDATE origins SET repeats=repeats+? WHERE id=?", n, id[:])
	return err
}

// SetReceiptsRead notes how far an origin has read the receipts log.
func (t *tx) SetReceiptsRead(id syncproto.OriginID, position uint64) error {
	_, err := t.exec("noting receipts that were read", "UPDATE origins SET receipts_read=? WHERE id=?", int64(position), id[:])
	return err
}

const issuedColumns = "issuer, device, seq, earliest_ms, state"

func scanIssued(scan func(...any) error) (store.Issued, error) {
	var i store.Issued
	var issuer, device []byte
	var seq int64
	err := scan(&issuer, &device, &seq, &i.EarliestMS, &i.State)
	i.Issuer, i.Device, i.Seq = toUUID(issuer), toUUID(device), uint64(seq)
	return i, err
}

// Issued lists the devices of an issuer.
func (t *tx) Issued(issuer syncproto.OriginID) ([]store.Issued, error) {
	return list(t, "listing issued devices", "SELECT "+issuedColumns+" FROM issued WHERE issuer=? ORDER BY seq, device", scanIssued, issuer[:])
}

// IssuedDevice lists what issuers say of a device.
func (t *tx) IssuedDevice(device syncproto.OriginID) ([]store.Issued, error) {
	return list(t, "looking for an issued device", "SELECT "+issuedColumns+" FROM issued WHERE device=? ORDER BY issuer", scanIssued, device[:])
}

// PutIssued writes what an issuer says of a device.
func (t *tx) PutIssued(i store.Issued) error {
	_, err := t.exec("writing an issued device", `INSERT INTO issued (issuer, device, seq, earliest_ms, state) VALUES (?,?,?,?,?)
		ON CONFLICT (issuer, device) DO UPDATE SET seq=excluded.seq, earliest_ms=excluded.earliest_ms, state=excluded.state`,
		i.Issuer[:], i.Device[:], int64(i.Seq), i.EarliestMS, int(i.State))
	return err
}
