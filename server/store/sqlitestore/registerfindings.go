package sqlitestore

import (
	"github.com/google/uuid"

	"thonsync/server/store"
)

const findingColumns = "register, activity, verdict, row, unit, commune, team, kind, occurred, reasons, exact, score"

// EachRegisterFinding calls f for the findings that match q.
func (t *tx) EachRegisterFinding(q store.RegisterFindingQuery, f func(store.RegisterFinding) error) error {
	where, args := "activity>?", []any{q.After[:]}
	narrow := func(on bool, condition string, value any) {
		if on {
			where, args = where+" AND "+condition, append(args, value)
		}
	}
	narrow(q.Register != uuid.Nil, "register=?", q.Register[:])
	narrow(q.Activity != uuid.Nil, "activity=?", q.Activity[:])
	narrow(q.Row != (store.KeyedHash{}), "row=?", q.Row[:])
	narrow(q.Verdict != 0, "verdict=?", int(q.Verdict))
	narrow(q.Unit != "", "unit=?", q.Unit)
	narrow(q.Commune != "", "commune=?", q.Commune)
	narrow(q.Team != uuid.Nil, "team=?", q.Team[:])
	args = append(args, limit(q.Limit))
	return t.each("reading findings of registers", "SELECT "+findingColumns+" FROM register_findings WHERE "+where+" ORDER BY activity, register LIMIT ?",
		func(scan func(...any) error) error {
			var v store.RegisterFinding
			var register, activity, row, team []byte
			if err := scan(&register, &activity, &v.Verdict, &row, &v.Unit, &v.Commune, &team, &v.Kind, &v.Occurred, &v.Reasons, &v.Exact, &v.Score); err != nil {
				return err
			}
			v.Register, v.Activity, v.Team = toUUID(register), toUUID(activity), toUUID(team)
			copy(v.Row[:], row)
			return f(v)
		}, args...)
}

// PutRegisterFinding adds, replaces or deletes a finding.
func (t *tx) PutRegisterFinding(v store.RegisterFinding) error {
	if _, err := t.exec("writing a finding of a register", "DELETE FROM register_findings WHERE activity=? AND register=?", v.Activity[:], v.Register[:]); err != nil || v.Verdict == 0 {
		return err
	}
	_, err := t.exec("writing a finding of a register", "INSERT INTO register_findings ("+findingColumns+`) SELECT ?,?,?,?,?,?,?,?,?,?,?,?
WHERE EXISTS (SELECT 1 FROM records WHERE id=? AND flags&8=0)`,
		v.Register[:], v.Activity[:], int(v.Verdict), hashOrNull(v.Row), v.Unit, v.Commune, orNull(v.Team), v.Kind, v.Occurred, v.Reasons, v.Exact, v.Score, v.Activity[:])
	return err
}

// DropRegisterFindings deletes the findings of an activity.
func (t *tx) DropRegisterFindings(activity uuid.UUID) error {
	_, err := t.exec("deleting findings of registers", "DELETE FROM register_findings WHERE activity=?", activity[:])
	return err
}

// RegisterSums counts findings.
func (t *tx) RegisterSums(register uuid.UUID) ([]store.RegisterSum, error) {
	return list(t, "counting findings of a register", "SELECT unit, commune, team, verdict, count(*) FROM register_findings WHERE register=? GROUP BY unit, commune, team, verdict ORDER BY 1,2,3,4",
		func(scan func(...any) error) (s store.RegisterSum, err error) {
			var team []byte
			err = scan(&s.Unit, &s.Commune, &team, &s.Verdict, &s.Number)
			s.Team = toUUID(team)
			return s, err
		}, register[:])
}

// RegisterRowSums counts rows.
func (t *tx) RegisterRowSums(register uuid.UUID) ([]store.RegisterRowSum, error) {
	return list(t, "counting rows of a register", "SELECT commune, sum(gone=0 AND "+rowIsFound+"), sum(gone=0 AND NOT "+rowIsFound+"), sum(gone) FROM register_rows WHERE register=? GROUP BY commune ORDER BY commune",
		func(scan func(...any) error) (s store.RegisterRowSum, err error) {
			err = scan(&s.Commune, &s.Found, &s.Only, &s.Gone)
			return s, err
		}, register[:])
}

// RegisterQueue lists the oldest pieces of work.
func (t *tx) RegisterQueue(most int) ([]store.RegisterWork, error) {
	return list(t, "reading what is to be compared", "SELECT id, commune, records FROM register_queue ORDER BY id LIMIT ?", func(scan func(...any) error) (w store.RegisterWork, err error) {
		var records []byte
		err = scan(&w.ID, &w.Commune, &records)
		for ; len(records) >= 16; records = records[16:] {
			w.Records = append(w.Records, toUUID(records[:16]))
		}
		return w, err
	}, limit(most))
}

// QueueRegisterWork appends a piece.
func (t *tx) QueueRegisterWork(w store.RegisterWork) error {
	records := make([]byte, 0, 16*len(w.Records))
	for i := range w.Records {
		records = append(records, w.Records[i][:]...)
	}
	_, err := t.exec("noting what is to be compared", "INSERT INTO register_queue (commune, records) VALUES (?,?)", w.Commune, records)
	return err
}

// UnqueueRegisterWork drops the pieces up to one.
func (t *tx) UnqueueRegisterWork(upTo int64) error {
	_, err := t.exec("noting what was compared", "DELETE FROM register_queue WHERE id<=?", upTo)
	return err
}
