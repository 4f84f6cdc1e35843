// Package fieldwork turns the invented province of package province into what
// the programs take: its reference data as files for import, and the entries of
// its teams as changes.
package fieldwork

import (
	"fmt"

	"github.com/google/uuid"

	"thonsync/syncproto"
	"thonsync/testdata/province"
)

// UnitKey gives the key under which a unit is known in the protocol.
func UnitKey(r province.UnitRef) string { return syncproto.UnitKey(r.List, r.Code) }

// Date converts a date.
func Date(d province.Date) syncproto.Date {
	return syncproto.Date{Year: d.Y, Month: d.M, Day: d.D}
}

// Row converts the fields of one compartment.
func Row(fields []province.FieldValue) syncproto.Row {
	out := make([]syncproto.Field, 0, len(fields))
	for _, f := range fields {
		out = append(out, syncproto.Field{Num: uint32(f.Num), Value: value(f)})
	}
	return syncproto.NewRow(out...)
}

func value(f province.FieldValue) syncproto.Value {
	switch v := f.Value.(type) {
	case string:
		if f.Num == province.NumTeam && f.Name == "team" {
			return syncproto.UUIDValue(uuid.MustParse(v))
		}
		if f.Num == province.NumUnit && f.Name == "unit" {
			list, code, _ := cutRef(v)
			return syncproto.TextValue(syncproto.UnitKey(list, code))
		}
		return syncproto.TextValue(v)
	case int64:
		return syncproto.IntValue(v)
	case bool:
		return syncproto.BoolValue(v)
	case province.Date:
		return syncproto.DateValue(Date(v))
	case []string:
		return syncproto.ListValue(v...)
	default:
		panic(fmt.Sprintf("fieldwork: field %s holds a %T", f.Name, f.Value))
	}
}

func cutRef(s string) (list, code string, ok bool) {
	for i := range s {
		if s[i] == '/' {
			return s[:i], s[i+1:], true
		}
	}
	return "", s, false
}

// Stream turns a team's activities into the changes of one phone. It keeps the
// ids of the records that earlier entries made, so that edits find them.
type Stream struct {
	gen     *province.ActivityGen
	member  func(index int) uuid.UUID
	team    func(index int) uuid.UUID
	records map[int]uuid.UUID
}

// NewStream wraps a generator. member and team give the record ids under which
// the members and teams of the province are known; see Invented for the ids of
// the province itself.
func NewStream(gen *province.ActivityGen, member, team func(index int) uuid.UUID) *Stream {
	return &Stream{gen: gen, member: member, team: team, records: make(map[int]uuid.UUID)}
}

// Invented gives the ids that the province itself invented, for use where no
// centre has recorded it.
func Invented(p *province.Province) (member, team func(index int) uuid.UUID) {
	return func(i int) uuid.UUID { return uuid.UUID(p.Members[i].ID) },
		func(i int) uuid.UUID { return uuid.UUID(p.Teams[i].ID) }
}

// NextOn gives the next entry on a phone as a change without origin and seq.
// Made must be called with the id of each created record before the stream is
// asked again.
func (s *Stream) NextOn(phone int) (syncproto.Change, province.Activity) {
	a := s.gen.NextOn(phone)
	c := syncproto.Change{
		Header: syncproto.Header{
			Schema: syncproto.Schema, Collection: syncproto.CollectionActivity, Op: syncproto.OpCreate,
			StampMS: a.StampMS, Author: s.member(a.AuthorIndex),
		},
		Operational: Row(a.Op), Personal: Row(a.Personal),
	}
	for i, f := range c.Operational {
		if f.Num == syncproto.ActivityTeam {
			c.Operational[i].Value = syncproto.UUIDValue(s.team(a.TeamIndex))
		}
	}
	if a.EditOf >= 0 {
		c.Header.Op, c.Header.Record = syncproto.OpSet, s.records[a.EditOf]
	}
	return c, a
}

// Made tells which record the activity made.
func (s *Stream) Made(a province.Activity, id uuid.UUID) { s.records[a.Index] = id }
