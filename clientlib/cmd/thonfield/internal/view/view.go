// Package view gives the JSON objects that thonfield writes with --json. Their
// members are stable: new ones are added, none is renamed or taken away. Words
// are those of the protocol; times are Unix milliseconds; dates are ISO 8601;
// identifiers are UUIDs. Members that end in _text are for people, in the
// chosen language, and may change.
package view

import (
	"cmp"
	"strings"

	"github.com/google/uuid"

	"thonsync/clientlib"
	"thonsync/clientlib/cmd/thonfield/internal/form"
	"thonsync/clientlib/cmd/thonfield/internal/words"
	"thonsync/syncproto"
)

// Custody is how far a record has got.
type Custody struct {
	Stage     string `json:"stage"` // on-phone, at-commune, at-centre, safe or asked-back
	Outcome   string `json:"outcome,omitempty"`
	Reason    string `json:"reason,omitempty"`
	Changes   int    `json:"changes"`
	StageText string `json:"stage_text"`
}

// Record is a record in a list.
type Record struct {
	ID          uuid.UUID `json:"id"`
	Kind        string    `json:"kind"`
	KindText    string    `json:"kind_text"`
	Unit        string    `json:"unit"`
	UnitText    string    `json:"unit_text"` // its name, or the key where the name is not known here
	Team        uuid.UUID `json:"team"`      // zero for none
	TeamText    string    `json:"team_text"`
	Occurred    string    `json:"occurred"`
	Result      string    `json:"result,omitempty"`
	CreatedMS   int64     `json:"created_ms"`
	FullName    string    `json:"full_name,omitempty"`
	IDNumber    string    `json:"id_number,omitempty"` // only with --full
	IDTail      string    `json:"id_tail,omitempty"`   // last three digits
	Void        bool      `json:"void"`
	VoidReason  string    `json:"void_reason,omitempty"`
	Conflict    bool      `json:"conflict"`
	Erased      bool      `json:"erased"`
	Partial     bool      `json:"partial"`
	Provisional bool      `json:"provisional"`
	Damaged     bool      `json:"damaged"`
	Own         bool      `json:"own"`
	Custody     Custody   `json:"custody"`
}

// Field is one field of a shown record.
type Field struct {
	Name        string      `json:"name"` // "" for a field that this program does not know
	Num         uint32      `json:"num"`
	Compartment string      `json:"compartment"` // operational or personal
	Value       any         `json:"value"`       // an identity number only with --full, else its last three digits
	Label       string      `json:"label_text"`
	Shown       string      `json:"value_text"`
	Others      []Candidate `json:"others"` // further standing values: the field is in conflict
}

// Candidate is a further standing value of a field in conflict.
type Candidate struct {
	Value any    `json:"value"`
	Shown string `json:"value_text"`
}

// FullRecord is a record with all its values.
type FullRecord struct {
	Record
	Author     uuid.UUID `json:"author"`
	AuthorText string    `json:"author_text,omitempty"` // if the author is known on this device
	Fields     []Field   `json:"fields"`

	Questions []Question `json:"questions"`
}

// Question is what the commune asked about a record.
type Question struct {
	ID         uuid.UUID `json:"id"`
	Field      string    `json:"field"` // void for the retraction
	Label      string    `json:"label_text"`
	Asks       string    `json:"asks"` // which, right or happened
	AsksText   string    `json:"asks_text"`
	AskedMS    int64     `json:"asked_ms"`
	Answer     string    `json:"answer,omitempty"` // confirmed, corrected, retracted or unknown
	AnswerText string    `json:"answer_text,omitempty"`
	Settled    bool      `json:"settled"` // somebody decided
	Open       bool      `json:"open"`    // an answer is wanted
}

// Warning is something odd that was taken all the same.
type Warning struct {
	Field   string `json:"field"`
	Message string `json:"message_text"`
}

// Person is somebody who uses the device.
type Person struct {
	ID      uuid.UUID `json:"id"`
	Name    string    `json:"name"`
	HasPIN  bool      `json:"has_pin"`
	Current bool      `json:"current"`
	WaitMS  int64     `json:"wait_ms"` // until a PIN may be tried again
}

// Gap is a run of own changes that the centre named as missing.
type Gap struct {
	Origin string `json:"origin"`
	First  uint64 `json:"first"`
	Last   uint64 `json:"last"`
}

// Counts are numbers of records by stage.
type Counts struct {
	OnPhone   int `json:"on_phone"`
	AtCommune int `json:"at_commune"`
	AtCentre  int `json:"at_centre"`
	Safe      int `json:"safe"`
	AskedBack int `json:"asked_back"`
}

// Status is the state of the device.
type Status struct {
	Joined        bool      `json:"joined"`
	Revoked       bool      `json:"revoked"`     // by the centre: no new records
	RevokedMS     int64     `json:"revoked_ms"`  // centre's clock, 0 if it is not
	RevokedWhy    string    `json:"revoked_why"` // a short word, "" if none was given
	Questions     int       `json:"questions"`   // of the commune that wait for an answer
	Stranded      int       `json:"stranded"`    // changes that are neither at the centre nor in a file
	Origin        string    `json:"origin"`
	Role          string    `json:"role"`
	Unit          string    `json:"unit"`
	UnitText      string    `json:"unit_text"`
	Team          uuid.UUID `json:"team"`
	TeamText      string    `json:"team_text"`
	Centre        string    `json:"centre"`
	Servers       []string  `json:"servers"`
	LastServer    string    `json:"last_server"`
	Changes       int       `json:"changes"`         // made on this device
	Waiting       int       `json:"waiting"`         // of these, not yet received at the centre
	Cargo         int       `json:"cargo"`           // segments carried for colleagues
	LastSuccessMS int64     `json:"last_success_ms"` // 0 for never
	DaysSince     int       `json:"days_since"`      // -1 for never
	LastErrorCode string    `json:"last_error_code"` // "" if the last exchange went well
	Gaps          []Gap     `json:"gaps"`
	People        []Person  `json:"people"`
	ClockOffsetMS int64     `json:"clock_offset_ms"`
	BeaconMS      int64     `json:"beacon_ms"`
	Records       Counts    `json:"records"`
	SetAside      int       `json:"set_aside"`
	Restored      int       `json:"restored"`
	EnrolAgain    bool      `json:"enrol_again"`
}

// Problem is what a server found wrong with one segment.
type Problem struct {
	Origin string `json:"origin"`
	First  uint64 `json:"first"`
	Last   uint64 `json:"last"`
	Code   string `json:"code"`
}

// Report is what one sync did.
type Report struct {
	Server       string    `json:"server"`
	Rounds       int       `json:"rounds"`
	Sent         int       `json:"sent"`
	CargoSent    int       `json:"cargo_sent"`
	Receipts     int       `json:"receipts"`
	Pages        int       `json:"pages"`
	Segments     int       `json:"segments"`
	Problems     []Problem `json:"problems"`
	Notes        []string  `json:"notes"` // English: what was received and could not be used
	Waiting      int       `json:"waiting"`
	Finished     bool      `json:"finished"`
	NewOrigin    bool      `json:"new_origin"`
	PeerBehind   bool      `json:"peer_behind"`
	DiskFull     bool      `json:"disk_full"`
	RetryAfterMS int64     `json:"retry_after_ms"`
}

// BundleReport is what importing a bundle found.
type BundleReport struct {
	Receipts int      `json:"receipts"`
	Pages    int      `json:"pages"`
	Segments int      `json:"segments"`
	Cargo    int      `json:"cargo"`
	Skipped  int      `json:"skipped"`
	Damaged  int      `json:"damaged"`
	Cut      bool     `json:"cut"`
	Problems []string `json:"problems"`
}

// Check is one finding of doctor.
type Check struct {
	Name   string `json:"name"`
	OK     bool   `json:"ok"`
	Detail string `json:"detail"` // English
	Fix    string `json:"fix"`    // English, "" if ok
	Text   string `json:"check_text"`
}

// Reader says how values are shown.
type Reader struct {
	Lang   words.Lang
	Kinds  map[string]*syncproto.Kind
	People map[uuid.UUID]string
	Names  clientlib.Names
	Full   bool // identity numbers whole
}

// Custody gives the object for c.
func (r *Reader) Custody(c clientlib.Custody) Custody {
	return Custody{Stage: c.Stage.String(), Outcome: c.Outcome.String(), Reason: string(c.Reason), Changes: c.Changes, StageText: r.Lang.Custody(c)}
}

// Record gives the object of rec for a list.
func (r *Reader) Record(rec *clientlib.Record) Record {
	out := Record{
		ID: rec.ID, Kind: rec.Kind, KindText: r.KindName(rec.Kind), Unit: rec.Unit, UnitText: UnitName(r.Names, rec.Unit),
		Team: rec.Team, TeamText: r.Names.Teams[rec.Team], Result: rec.Result, CreatedMS: rec.CreatedMS,
		IDTail: rec.IDTail, Void: rec.Void, VoidReason: rec.VoidReason, Conflict: rec.Conflict, Erased: rec.Erased,
		Partial: rec.Partial, Provisional: rec.Provisional, Damaged: rec.Damaged, Own: rec.Own, Custody: r.Custody(rec.Custody),
	}
	if rec.Occurred.Year != 0 {
		out.Occurred = rec.Occurred.String()
	}
	for i := range rec.Fields {
		switch f := &rec.Fields[i]; {
		case isNumber(f):
			out.IDTail = Tail(f.Value.Text())
			if r.Full {
				out.IDNumber = f.Value.Text()
			}
		case f.Name == "full_name":
			out.FullName = f.Value.Text()
		}
	}
	return out
}

// UnitName gives a unit's name, or its key if the name is not known here.
func UnitName(n clientlib.Names, key string) string { return cmp.Or(n.Units[key], key) }

// KindName gives the kind's name, or its code if it is not known here.
func (r *Reader) KindName(code string) string {
	if k := r.Kinds[code]; k != nil {
		return r.Lang.Pick(k.NameVI, k.NameEN)
	}
	return code
}

// FullRecord gives the object of rec with all values.
func (r *Reader) FullRecord(rec *clientlib.Record) FullRecord {
	out := FullRecord{Record: r.Record(rec), Author: rec.Author, AuthorText: r.People[rec.Author], Fields: []Field{}, Questions: []Question{}}
	kind := r.Kinds[rec.Kind]
	for i := range rec.Fields {
		f := &rec.Fields[i]
		field := Field{Name: f.Name, Num: f.Num, Compartment: compartment(f.Compartment), Others: []Candidate{}}
		field.Label = form.Label(kind, f.Name, r.Lang)
		if f.Name == "" {
			field.Label = r.Lang.T("field.unknown", "num", f.Num)
		}
		field.Value, field.Shown = r.value(kind, f, f.Value)
		for _, o := range f.Others {
			v, shown := r.value(kind, f, o)
			field.Others = append(field.Others, Candidate{v, shown})
		}
		out.Fields = append(out.Fields, field)
	}
	return out
}

func (r *Reader) value(kind *syncproto.Kind, f *clientlib.FieldValue, v syncproto.Value) (value any, shown string) {
	if isNumber(f) && !r.Full && !v.IsNull() {
		return Tail(v.Text()), "…" + Tail(v.Text())
	}
	switch f.Name {
	case "kind":
		return v.JSON(), r.KindName(v.Text())
	case "unit":
		return v.JSON(), UnitName(r.Names, v.Text())
	case "team":
		return v.JSON(), cmp.Or(r.Names.Teams[v.UUID()], form.Shown(kind, f.Name, v, r.Lang))
	}
	return v.JSON(), form.Shown(kind, f.Name, v, r.Lang)
}

func isNumber(f *clientlib.FieldValue) bool {
	return f.Compartment == syncproto.Personal && f.Num == syncproto.PersonIDNumber
}

func compartment(c syncproto.Compartment) string {
	if c == syncproto.Personal {
		return "personal"
	}
	return "operational"
}

// Tail gives the last three characters of an identity number.
func Tail(number string) string {
	r := []rune(strings.TrimSpace(number))
	return string(r[max(0, len(r)-3):])
}

// Warnings gives the objects of warnings.
func Warnings(l words.Lang, in []clientlib.Warning) []Warning {
	out := make([]Warning, 0, len(in))
	for _, w := range in {
		out = append(out, Warning{w.Field, l.Pick(w.VI, w.EN)})
	}
	return out
}

// People gives the objects of people.
func People(in []clientlib.Person) []Person {
	out := make([]Person, 0, len(in))
	for _, p := range in {
		out = append(out, Person{p.ID, p.Name, p.HasPIN, p.Current, p.WaitMS})
	}
	return out
}

// CountsOf gives the object of a sum.
func CountsOf(c clientlib.CustodySum) Counts {
	return Counts{c[clientlib.StageOnPhone], c[clientlib.StageAtCommune], c[clientlib.StageAtCentre], c[clientlib.StageSafe], c[clientlib.StageAskedBack]}
}

// StatusOf gives the object of s; n holds the names of its unit and team.
func StatusOf(s *clientlib.Status, n clientlib.Names) Status {
	out := Status{
		Joined: s.Joined, Origin: s.Origin.String(), Role: s.Role, Unit: s.Unit, UnitText: UnitName(n, s.Unit),
		Team: s.Team, TeamText: n.Teams[s.Team], Centre: s.Centre,
		Servers: append([]string{}, s.Servers...), LastServer: s.LastServer, Changes: s.Changes, Waiting: s.Waiting, Cargo: s.Cargo,
		LastSuccessMS: s.LastSuccessMS, DaysSince: s.DaysSince, LastErrorCode: string(s.LastErrorCode), Gaps: []Gap{},
		People: People(s.People), ClockOffsetMS: s.ClockOffsetMS, BeaconMS: s.BeaconMS, Records: CountsOf(s.Custody),
		SetAside: s.SetAside, Restored: s.Restored, EnrolAgain: s.EnrolAgain, Stranded: s.Stranded, Questions: s.Questions,
	}
	if s.Revoked != nil {
		out.Revoked, out.RevokedMS, out.RevokedWhy = true, s.Revoked.SinceMS, string(s.Revoked.Reason)
	}
	for _, g := range s.Gaps {
		out.Gaps = append(out.Gaps, Gap{g.Origin.String(), g.First, g.Last})
	}
	return out
}

// ReportOf gives the object of r.
func ReportOf(r *clientlib.Report) Report {
	out := Report{
		Server: r.Server, Rounds: r.Rounds, Sent: r.Sent, CargoSent: r.CargoSent, Receipts: r.Receipts, Pages: r.Pages,
		Segments: r.Segments, Problems: []Problem{}, Notes: append([]string{}, r.Notes...), Waiting: r.Waiting, Finished: r.Finished, NewOrigin: r.NewOrigin,
		PeerBehind: r.PeerBehind, DiskFull: r.DiskFull, RetryAfterMS: r.RetryAfter.Milliseconds(),
	}
	for _, p := range r.Problems {
		out.Problems = append(out.Problems, Problem{p.Origin.String(), p.First, p.Last, string(p.Code)})
	}
	return out
}

// BundleReportOf gives the object of r.
func BundleReportOf(r *clientlib.BundleReport) BundleReport {
	return BundleReport{r.Receipts, r.Pages, r.Segments, r.Cargo, r.Skipped, r.Damaged, r.Cut, append([]string{}, r.Problems...)}
}
