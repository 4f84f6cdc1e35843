package ingest

import (
	"github.com/google/uuid"

	"thonsync/server/store"
	"thonsync/syncproto"
	"thonsync/syncproto/merge"
)

// fill sets the columns of a record from its merged state.
func (ses *session) fill(f *file, state *merge.State) error {
	rec := &f.rec
	row := state.Row(syncproto.Operational)
	if len(row) == 0 && len(f.entries) > 0 {
		row = f.entries[0].Change.Operational // what waits is shown too
	}
	rec.Exists, rec.Void = state.Exists, state.Void
	rec.Conflict = state.VoidConflict || len(state.Conflicts(syncproto.Operational))+len(state.Conflicts(syncproto.Personal)) > 0
	rec.Collection = f.entriesCollection(rec.Collection)
	setColumns(rec, row)
	rec.Operational = nil
	if len(f.entries) != 1 || !f.entries[0].Acts {
		rec.Operational = syncproto.AppendRow(nil, row)
	}
	for i := range f.entries {
		e := &f.entries[i]
		if e.Change.Header.Op != syncproto.OpCreate {
			continue
		}
		rec.Author, rec.Origin, rec.StampMS = e.Change.Header.Author, e.Change.Origin, e.Change.Header.StampMS
		rec.EarliestMS, rec.LatestMS = e.EarliestMS, e.LatestMS
	}
	if !rec.Exists {
		return nil
	}
	if err := ses.noteWithdrawal(rec, row); err != nil {
		return err
	}
	if rec.Collection == syncproto.CollectionDevice && len(ses.s.rulings.revoked) > 0 {
		ses.arrived = append(ses.arrived, needsDevice(row.Value(syncproto.DeviceOrigin).UUID()))
	}
	return ses.learn(rec.Collection, row)
}

func (f *file) entriesCollection(known uint32) uint32 {
	if c := f.create(); c != nil {
		return c.Header.Collection
	}
	if known == 0 && len(f.entries) > 0 {
		return f.entries[0].Change.Header.Collection
	}
	return known
}

// setColumns copies out of the shown operational values what lists and reports
// look for.
func setColumns(rec *store.Record, row syncproto.Row) {
	rec.Unit = row.Value(syncproto.FieldUnit).Text()
	rec.Kind, rec.Occurred, rec.Result, rec.Team = "", "", "", uuid.Nil
	switch rec.Collection {
	case syncproto.CollectionActivity:
		rec.Kind, rec.Result = row.Value(syncproto.ActivityKind).Text(), row.Value(syncproto.ActivityResult).Text()
		rec.Team = row.Value(syncproto.ActivityTeam).UUID()
		if v, ok := row.Get(syncproto.ActivityOccurred); ok && v.Type() == syncproto.TypeDate {
			rec.Occurred = v.Date().String()
		}
	case syncproto.CollectionMember:
		rec.Team = row.Value(syncproto.MemberTeam).UUID()
	case syncproto.CollectionQuestion:
		// What it is about, so that the questions about one record are found.
		rec.Kind, rec.Result = row.Value(syncproto.QuestionRecord).UUID().String(), row.Value(syncproto.QuestionAnswer).Text()
	case syncproto.CollectionDevice:
		rec.Team = row.Value(syncproto.DeviceTeam).UUID()
	case syncproto.CollectionTraining:
		rec.Team = row.Value(syncproto.TrainingTeam).UUID()
	}
}

// Shown gives the shown operational values of a record that was read with its
// history.
func Shown(rec *store.Record) (syncproto.Row, error) {
	if rec.Operational != nil {
		return syncproto.DecodeRow(rec.Operational)
	}
	entries, err := DecodeHistory(rec.History)
	if err != nil || len(entries) == 0 {
		return nil, err
	}
	return entries[0].Change.Operational, nil
}

// learn takes reference data over.
func (ses *session) learn(collection uint32, row syncproto.Row) error {
	if collection != syncproto.CollectionUnit && collection != syncproto.CollectionKind {
		return nil
	}
	if !ses.owned {
		ses.defs, ses.owned = ses.defs.clone(), true
		ses.defs.version++
	}
	if l, ok := ses.defs.learn(collection, row); ok {
		ses.arrived = append(ses.arrived, l.needs...)
		if l.moved != "" {
			ses.moves = append(ses.moves, l)
		}
	}
	return nil
}
