package conflicts

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"

	"thonsync/server/ingest"
	"thonsync/server/store"
	"thonsync/syncproto"
	"thonsync/syncproto/credential"
	"thonsync/syncproto/merge"
)

// look reads conflicts out of records within one transaction.
type look struct {
	s       *Service
	r       store.Reader
	origins map[syncproto.OriginID]store.Origin
	labels  map[syncproto.OriginID]string
	names   map[uuid.UUID]string // of members
}

func newLook(s *Service, r store.Reader) *look {
	return &look{s, r, make(map[syncproto.OriginID]store.Origin), make(map[syncproto.OriginID]string), make(map[uuid.UUID]string)}
}

func (l *look) origin(id syncproto.OriginID) (store.Origin, error) {
	if o, ok := l.origins[id]; ok {
		return o, nil
	}
	o, _, err := l.r.Origin(id)
	l.origins[id] = o
	return o, err
}

// conflicts gives everything that is contested in a record: fields by compartment
// and number, then the retraction. Two answers to a question are no conflict.
func (l *look) conflicts(rec *store.Record) ([]Conflict, error) {
	out := []Conflict{}
	if rec.Collection == syncproto.CollectionQuestion || !rec.Conflict {
		return out, nil
	}
	m, err := l.s.cfg.Ingest.Merged(l.r, rec)
	if err != nil {
		return nil, err
	}
	asked, err := l.questions(rec.ID)
	if err != nil {
		return nil, err
	}
	one := func(comp syncproto.Compartment, num uint32, values []merge.Standing) error {
		c, err := l.conflict(rec, m, comp, num, values)
		for _, q := range asked {
			if q.Field == c.Field {
				c.Questions = append(c.Questions, q)
			}
		}
		out = append(out, c)
		return err
	}
	for _, comp := range []syncproto.Compartment{syncproto.Operational, syncproto.Personal} {
		for _, num := range m.State.Conflicts(comp) {
			if err := one(comp, num, m.State.At(comp, num)); err != nil {
				return nil, err
			}
		}
	}
	if m.State.VoidConflict {
		if err := one(syncproto.Operational, 0, retraction(m)); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Words of the two sides of a contested retraction.
const (
	Retract = "retract"
	Keep    = "keep"
)

// retraction gives both sides of a contested retraction: the voids, and the
// changes that they do not cover.
func retraction(m *ingest.Merged) []merge.Standing {
	covered := func(id merge.ID) bool {
		for _, v := range m.State.VoidBy {
			e := m.Entry(v)
			if e != nil && slices.Contains(e.Change.Header.Refs[syncproto.Operational], syncproto.Ref(id)) || v.Origin == id.Origin && v.Seq > id.Seq {
				return true
			}
		}
		return false
	}
	open := slices.DeleteFunc(slices.Clone(m.State.Live), covered)
	if len(open) == 0 {
		open = m.State.Live // branches of a fork: one void does not cover both
	}
	return []merge.Standing{
		{Value: syncproto.TextValue(Retract), By: m.State.VoidBy}, {Value: syncproto.TextValue(Keep), By: open},
	}
}

func (l *look) conflict(rec *store.Record, m *ingest.Merged, comp syncproto.Compartment, num uint32, values []merge.Standing) (Conflict, error) {
	coll, _ := syncproto.CollectionOf(rec.Collection)
	c := Conflict{
		Record: rec.ID, Kind: rec.Kind, Unit: rec.Unit, Team: rec.Team, Occurred: rec.Occurred, Field: syncproto.RetractionField,
		Compartment: "operational", Questions: []AskedBack{}, comp: comp, num: num, candidates: values,
	}
	if coll != nil {
		c.Collection = coll.Name
	}
	defs := l.s.cfg.Ingest.Definitions()
	if u, ok := defs.Unit(rec.Unit); ok {
		c.UnitName = strings.TrimSpace(u.Type + " " + u.Name)
	}
	if comp == syncproto.Personal {
		c.Compartment = "personal"
	}
	f := fieldOf(coll, defs, rec.Kind, comp, num)
	if num != 0 {
		c.Field, c.LabelVI, c.LabelEN = f.name, f.vi, f.en
	}
	facts := factsOf(m, comp, num)
	hash := sha256.New()
	for i, v := range values {
		value := StandingValue{Number: i + 1, Empty: v.Value.IsNull(), Text: text(v.Value)}
		value.LabelVI, value.LabelEN = f.option(value.Text)
		cand := Candidate{Value: v.Value}
		for _, id := range v.By {
			ch, err := l.change(m, id)
			if err != nil {
				return c, err
			}
			value.By = append(value.By, ch)
			cand.By = append(cand.By, Author{Recorder: ch.Recorder, Officer: ch.Role != string(credential.RolePhone) && ch.Role != ""})
			cand.Within = append(cand.Within, Interval{ch.EarliestMS, ch.LatestMS})
			_, _ = fmt.Fprintf(hash, "%d|%s|%d|%x;", i, id.Origin, id.Seq, id.Open)
		}
		c.Values = append(c.Values, value)
		facts.Values = append(facts.Values, cand)
	}
	c.Standing = hex.EncodeToString(hash.Sum(nil)[:12])
	at, reason := Suggest(facts)
	c.Suggested, c.Reason = at+1, reason
	c.Shape = shape(&c)
	return c, nil
}

// shape is the same for conflicts that can be settled by one decision: the same
// field of the same kind, the same reason for the suggested value, and, where
// values may be told, the same values.
func shape(c *Conflict) string {
	parts := []string{c.Collection, c.Kind, c.Compartment, c.Field, string(c.Reason)}
	if c.comp == syncproto.Operational {
		texts := make([]string, len(c.Values))
		for i := range c.Values {
			texts[i] = c.Values[i].Text
			if c.Values[i].Number == c.Suggested {
				texts[i] = "*" + texts[i]
			}
		}
		slices.Sort(texts)
		parts = append(parts, texts...)
	}
	if c.Reason == ReasonNone && c.comp == syncproto.Personal {
		parts = append(parts, c.Record.String()) // nothing to decide by but the person
	}
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(sum[:8])
}

// change tells who wrote a change and when it can have been.
func (l *look) change(m *ingest.Merged, id merge.ID) (ValueWriter, error) {
	out := ValueWriter{Origin: id.Origin, Seq: id.Seq}
	o, err := l.origin(id.Origin)
	if err != nil {
		return out, err
	}
	if out.Phone, err = l.label(&o); err != nil {
		return out, err
	}
	out.Role = string(o.Role)
	e := m.Entry(id)
	if e == nil {
		return out, nil
	}
	out.Author, out.PhoneMS = e.Change.Header.Author, e.Change.Header.StampMS
	out.EarliestMS, out.LatestMS = e.EarliestMS, e.LatestMS
	for i := range m.Entries {
		create := &m.Entries[i].Change
		if create.Header.Op == syncproto.OpCreate && m.Entries[i].Acts {
			out.Recorder = out.Author != uuid.Nil && out.Author == create.Header.Author
		}
	}
	return out, nil
}

// label gives what people call a device: its own record says it.
func (l *look) label(o *store.Origin) (string, error) {
	if o.Label != "" || len(o.Units) == 0 {
		return o.Label, nil
	}
	if label, ok := l.labels[o.ID]; ok {
		return label, nil
	}
	l.labels[o.ID] = ""
	q := store.RecordQuery{Collection: syncproto.CollectionDevice, Unit: o.Units[0], ExistsOnly: true}
	err := l.r.EachRecord(q, func(rec store.Record) error {
		row, err := ingest.Shown(&rec)
		if err == nil {
			l.labels[row.Value(syncproto.DeviceOrigin).UUID()] = row.Value(syncproto.DeviceLabel).Text()
		}
		return err
	})
	return l.labels[o.ID], err
}

// factsOf gathers what a suggestion may rest on.
func factsOf(m *ingest.Merged, comp syncproto.Compartment, num uint32) Facts {
	sole := func(n uint32) syncproto.Value {
		if at := m.State.At(syncproto.Personal, n); len(at) == 1 {
			return at[0].Value
		}
		return syncproto.Null()
	}
	return Facts{
		Compartment: comp, Field: num,
		Number: sole(syncproto.PersonIDNumber).Text(), Sex: sole(syncproto.PersonSex).Text(), Birth: sole(syncproto.PersonBirthDate).Date(),
	}
}

// field is what is known of a field's name and options.
type field struct {
	name, vi, en string
	options      []syncproto.Option
}

func (f *field) option(value string) (vi, en string) {
	for _, o := range f.options {
		if o.Value == value {
			return o.LabelVI, o.LabelEN
		}
	}
	return "", ""
}

func fieldOf(coll *syncproto.Collection, defs *ingest.Definitions, code string, comp syncproto.Compartment, num uint32) field {
	kind, known := defs.Kind(code)
	if num >= syncproto.FirstKindField && known {
		if f, ok := kind.Field(comp, num); ok {
			return field{f.Name, f.LabelVI, f.LabelEN, f.Options}
		}
	}
	f := field{name: fmt.Sprintf("field_%d", num)}
	if coll == nil {
		return f
	}
	if def, ok := coll.Field(comp, num); ok {
		f.name = def.Name
	}
	if known && coll.Num == syncproto.CollectionActivity && comp == syncproto.Operational && num == syncproto.ActivityResult {
		f.options = kind.Results
	}
	return f
}

// text gives a value as people and forms write it.
func text(v syncproto.Value) string {
	if v.IsNull() {
		return ""
	}
	if v.Type() == syncproto.TypeList {
		return strings.Join(v.List(), ", ")
	}
	return fmt.Sprint(v.JSON())
}

// name adds the names of authors, which are personal.
func (l *look) name(c *Conflict) {
	for i := range c.Values {
		for j := range c.Values[i].By {
			b := &c.Values[i].By[j]
			b.AuthorName = l.nameOf(b.Author)
		}
	}
}

// nameOf gives a member's name, "" where it is not known or erased: a conflict is
// shown all the same.
func (l *look) nameOf(id uuid.UUID) string {
	if name, ok := l.names[id]; ok || id == uuid.Nil {
		return name
	}
	l.names[id] = ""
	rec, ok, err := l.r.Record(id)
	if err == nil && ok && rec.Collection == syncproto.CollectionMember {
		if row, err := l.s.cfg.Ingest.Personal(l.r, &rec); err == nil {
			l.names[id] = row.Value(syncproto.PersonFullName).Text()
		}
	}
	return l.names[id]
}
