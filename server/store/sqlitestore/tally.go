package sqlitestore

import (
	"github.com/google/uuid"

	"thonsync/server/store"
)

// EachTally calls f for the tallies that match q.
func (t *tx) EachTally(q store.TallyQuery, f func(store.Tally) error) error {
	where, args := "month>=?", []any{q.From}
	if q.To != 0 {
		where, args = where+" AND month<=?", append(args, q.To)
	}
	if q.Team != uuid.Nil {
		where, args = where+" AND team=?", append(args, q.Team[:])
	}
	return t.each("reading tallies", "SELECT month, team, unit, data FROM tallies WHERE "+where+" ORDER BY month, team, unit", func(scan func(...any) error) error {
		var row store.Tally
		var team []byte
		if err := scan(&row.Month, &team, &row.Unit, &row.Data); err != nil {
			return err
		}
		row.Team = toUUID(team)
		return f(row)
	}, args...)
}

// TallyOf finds one tally.
func (t *tx) TallyOf(month int, team uuid.UUID, unit string) (data []byte, err error) {
	_, err = t.one("reading a tally", "SELECT data FROM tallies WHERE month=? AND team=? AND unit=?", []any{month, team[:], unit}, &data)
	return data, err
}

// PutTally adds, replaces or deletes a tally.
func (t *tx) PutTally(row store.Tally) error {
	if len(row.Data) == 0 {
		_, err := t.exec("deleting a tally", "DELETE FROM tallies WHERE month=? AND team=? AND unit=?", row.Month, row.Team[:], row.Unit)
		return err
	}
	_, err := t.exec("writing a tally", "INSERT INTO tallies (month, team, unit, data) VALUES (?,?,?,?) ON CONFLICT DO UPDATE SET data=excluded.data",
		row.Month, row.Team[:], row.Unit, row.Data)
	return err
}

// TeamTallies lists all teams.
func (t *tx) TeamTallies() ([]store.TeamTally, error) {
	return list(t, "reading teams", "SELECT team, unit, name, standing, members, trained FROM team_tallies ORDER BY team", func(scan func(...any) error) (store.TeamTally, error) {
		var row store.TeamTally
		var team []byte
		err := scan(&team, &row.Unit, &row.Name, &row.Standing, &row.Members, &row.Trained)
		row.Team = toUUID(team)
		return row, err
	})
}

// PutTeamTally adds a team or replaces what its record says.
func (t *tx) PutTeamTally(row store.TeamTally) error {
	_, err := t.exec("writing a team", `INSERT INTO team_tallies (team, unit, name, standing, members, trained) VALUES (?,?,?,?,?,?)
		ON CONFLICT DO UPDATE SET unit=excluded.unit, name=excluded.name, standing=excluded.standing, members=members+excluded.members, trained=trained+excluded.trained`,
		row.Team[:], row.Unit, row.Name, row.Standing, row.Members, row.Trained)
	return err
}

// AddMembers adds to a team's members and attendances.
func (t *tx) AddMembers(team uuid.UUID, members, trained int) error {
	_, err := t.exec("counting members", `INSERT INTO team_tallies (team, unit, name, standing, members, trained) VALUES (?,'','',0,?,?)
		ON CONFLICT DO UPDATE SET members=members+excluded.members, trained=trained+excluded.trained`, team[:], members, trained)
	return err
}

// Arrivals lists the newest arrival of every origin.
func (t *tx) Arrivals() ([]store.Arrival, error) {
	return list(t, "reading arrivals", "SELECT origin, last, first_ms FROM arrivals ORDER BY origin", func(scan func(...any) error) (store.Arrival, error) {
		var a store.Arrival
		var origin []byte
		err := scan(&origin, &a.Last, &a.FirstMS)
		a.Origin = toUUID(origin)
		return a, err
	})
}

// PutArrival keeps the first arrival of the highest change.
func (t *tx) PutArrival(a store.Arrival) error {
	_, err := t.exec("writing an arrival", `INSERT INTO arrivals (origin, last, first_ms) VALUES (?,?,?)
		ON CONFLICT DO UPDATE SET last=excluded.last, first_ms=excluded.first_ms
		WHERE excluded.last>last OR excluded.last=last AND excluded.first_ms<first_ms`, a.Origin[:], int64(a.Last), a.FirstMS)
	return err
}

// DropTallies forgets everything that is counted ahead.
func (t *tx) DropTallies() error {
	for _, q := range [...]string{"DELETE FROM tallies", "DELETE FROM team_tallies", "DELETE FROM arrivals"} {
		if _, err := t.exec("dropping tallies", q); err != nil {
			return err
		}
	}
	return nil
}
