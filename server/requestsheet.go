package server

import (
	"bytes"
	"context"
	_ "embed" // the page
	"html/template"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"thonsync/server/ingest"
	"thonsync/server/requests"
	"thonsync/server/store"
	"thonsync/syncproto"
)

//go:embed sheet.html
var sheetPage string

var sheetTemplate = template.Must(template.New("sheet").Parse(sheetPage))

// RequestSheet asks for the sheet that answers a citizen who wants to see what is
// kept.
type RequestSheet struct {
	Number string `json:"number"`
	Lang   string `json:"lang"` // vi or en
}

// Sheet is a page to be printed.
type Sheet struct {
	HTML    []byte      `json:"html"`
	Request RequestView `json:"request"`
}

// RequestSheetCommand makes the sheet. That the values were shown stands in the
// access log before.
var RequestSheetCommand = Register(Command[RequestSheet, Sheet]{
	Name: "request.sheet",
	Do:   func(ctx context.Context, n *Node, in RequestSheet) (Sheet, error) { return n.sheet(ctx, in) },
})

// page is what the template shows.
type page struct {
	VI       bool
	Number   string
	Made     string
	Received string
	Records  []pageRecord
	Told     []pageTold
}

type pageRecord struct {
	ID, What, Where, When, Purpose, Basis, Keep string
	Fields                                      []pageField
	Erased                                      bool
}

type pageField struct{ Label, Value string }

type pageTold struct{ Name, When string }

func (n *Node) sheet(ctx context.Context, in RequestSheet) (Sheet, error) {
	log, _, err := n.queue()
	if err != nil {
		return Sheet{}, err
	}
	r, err := log.Get(in.Number)
	if err != nil {
		return Sheet{}, err
	}
	if r.Kind != requests.See || len(r.Records) == 0 {
		return Sheet{}, syncproto.Errorf(syncproto.CodeInvalidInput, "a sheet answers a request to see records: %s asks for %s and names %d", r.Number, r.Kind, len(r.Records))
	}
	v, err := n.viewRequest(ctx, r, true)
	if err != nil {
		return Sheet{}, err
	}
	p := page{VI: in.Lang != "en", Number: r.Number, Made: day(n.opts.Now()), Received: day(r.Received)}
	for _, t := range v.Recipients {
		p.Told = append(p.Told, pageTold{t.Name, day(time.UnixMilli(t.AtMS))})
	}
	for _, rec := range v.Records {
		if err := n.noteShown(ctx, r.Number, rec.ID, rec.Unit); err != nil {
			return Sheet{}, err
		}
		x, err := n.pageRecord(ctx, rec.ID, p.VI)
		if err != nil {
			return Sheet{}, err
		}
		p.Records = append(p.Records, x)
	}
	var buf bytes.Buffer
	if err := sheetTemplate.Execute(&buf, p); err != nil {
		return Sheet{}, err
	}
	if r.Open() && !r.Answered {
		if r, err = n.stepRequest(r.Number, requests.Step{Act: requests.Answered, How: requests.BySheet, Records: r.Records}); err != nil {
			return Sheet{}, err
		}
	}
	v, err = n.viewRequest(ctx, r, true)
	return Sheet{buf.Bytes(), v}, err
}

func day(t time.Time) string { return t.In(requests.Zone).Format("02/01/2006") }

func (n *Node) pageRecord(ctx context.Context, id uuid.UUID, vi bool) (out pageRecord, err error) {
	out.ID = id.String()
	err = n.store.View(ctx, func(rd store.Reader) error {
		rec, ok, err := rd.Record(id)
		if err != nil || !ok {
			return err
		}
		out.Erased = rec.Erased
		defs := n.ingest.Definitions()
		shown, err := ingest.Shown(&rec)
		if err != nil {
			return err
		}
		personal, err := n.ingest.Personal(rd, &rec)
		if err != nil {
			return err
		}
		kind, _ := defs.Kind(rec.Kind)
		out.What, out.Where = whatOf(&rec, kind, vi), placeOf(defs, rec.Unit)
		out.When = showDate(rec.Occurred)
		out.addBasis(kind, shown, vi)
		out.Fields = append(fieldsOf(&rec, kind, syncproto.Personal, personal, vi), fieldsOf(&rec, kind, syncproto.Operational, shown, vi)...)
		return nil
	})
	return out, err
}

func pick(vi bool, a, b string) string {
	if vi || b == "" {
		return a
	}
	return b
}

func whatOf(rec *store.Record, kind *syncproto.Kind, vi bool) string {
	switch {
	case kind != nil:
		return pick(vi, kind.NameVI, kind.NameEN)
	case rec.Collection == syncproto.CollectionMember:
		return pick(vi, "Thành viên tổ công nghệ số cộng đồng", "Member of a village team")
	}
	return rec.Kind
}

// placeOf names a unit with those above it.
func placeOf(defs *ingest.Definitions, unit string) string {
	var names []string
	for _, key := range defs.Ancestors(unit) {
		u, _ := defs.Unit(key)
		names = append(names, strings.TrimSpace(u.Type+" "+u.Name))
	}
	return strings.Join(names, ", ")
}

func showDate(iso string) string {
	if d, err := syncproto.ParseDate(iso); err == nil && d.Day != 0 {
		return time.Date(d.Year, time.Month(d.Month), d.Day, 0, 0, 0, 0, time.UTC).Format("02/01/2006")
	}
	return iso
}

// plainFields are operational fields that say nothing more than the page's head.
var plainFields = map[uint32]bool{
	syncproto.FieldUnit: true, syncproto.ActivityKind: true, syncproto.ActivityOccurred: true, syncproto.ActivityTeam: true,
	syncproto.ActivityBasis: true, syncproto.ActivityConsent: true, syncproto.ActivityConsentHow: true,
	syncproto.ActivityConsentOn: true, syncproto.ActivityConsentText: true, syncproto.ActivityConsentLang: true,
}

func fieldsOf(rec *store.Record, kind *syncproto.Kind, comp syncproto.Compartment, row syncproto.Row, vi bool) (out []pageField) {
	coll, _ := syncproto.CollectionOf(rec.Collection)
	for _, f := range row {
		if comp == syncproto.Operational && plainFields[f.Num] || f.Value.IsNull() || coll == nil {
			continue
		}
		label, value := "", valueText(f.Value)
		if def, ok := coll.Field(comp, f.Num); ok {
			label = pick(vi, fieldWords[def.Name][0], fieldWords[def.Name][1])
			if label == "" {
				label = def.Name
			}
		}
		if kind != nil {
			label, value = kindWords(kind, comp, f, label, value, vi)
		}
		out = append(out, pageField{label, value})
	}
	return out
}

// kindWords gives the words that a kind has for a field and its choice.
func kindWords(kind *syncproto.Kind, comp syncproto.Compartment, f syncproto.Field, label, value string, vi bool) (string, string) {
	options := kind.Results
	if def, ok := kind.Field(comp, f.Num); ok {
		label, options = pick(vi, def.LabelVI, def.LabelEN), def.Options
	} else if comp != syncproto.Operational || f.Num != syncproto.ActivityResult {
		return label, value
	}
	for _, o := range options {
		if o.Value == f.Value.Text() {
			value = pick(vi, o.LabelVI, o.LabelEN)
		}
	}
	return label, value
}

// fieldWords are the words for common fields, Vietnamese and English.
var fieldWords = map[string][2]string{
	"id_number": {"Số định danh cá nhân", "Identity number"}, "full_name": {"Họ và tên", "Full name"},
	"birth_date": {"Ngày sinh", "Date of birth"}, "sex": {"Giới tính", "Sex"}, "phone": {"Số điện thoại", "Telephone"},
	"address": {"Địa chỉ", "Address"}, "note": {"Ghi chú", "Note"}, "result": {"Kết quả", "Result"},
	"void_reason": {"Lý do huỷ", "Reason for retracting"}, "void_note": {"Ghi chú huỷ", "Note on retracting"},
	"team": {"Tổ", "Team"}, "role": {"Vai trò", "Role"}, "valid_from": {"Từ ngày", "From"}, "valid_to": {"Đến ngày", "Until"},
}

func valueText(v syncproto.Value) string {
	switch v.Type() {
	case syncproto.TypeInt:
		return strconv.FormatInt(v.Int(), 10)
	case syncproto.TypeBool:
		return strconv.FormatBool(v.Bool())
	case syncproto.TypeDate:
		return showDate(v.Date().String())
	case syncproto.TypeUUID:
		return v.UUID().String()
	case syncproto.TypeList:
		return strings.Join(v.List(), ", ")
	}
	return v.Text()
}

// basisWords are the words for lawful bases, Vietnamese and English.
var basisWords = map[string][2]string{
	"consent": {"Sự đồng ý của người dân", "The citizen's consent"}, "public_task": {"Nhiệm vụ của cơ quan nhà nước", "A task of a state body"},
	"legal_duty": {"Nghĩa vụ theo luật", "A duty under law"}, "contract": {"Thực hiện hợp đồng", "A contract"}, "emergency": {"Tình huống khẩn cấp", "An emergency"},
}

// consentWords are the words for the choices about consent.
var consentWords = map[string][2]string{
	"given": {"đã đồng ý", "given"}, "withdrawn": {"đã rút lại sự đồng ý", "taken back"}, "spoken": {"bằng lời", "spoken"}, "signed": {"có chữ ký", "signed"},
	"thumbprint": {"điểm chỉ", "by thumbprint"}, "guardian": {"qua người đại diện", "by a representative"}, "portal": {"qua cổng dịch vụ", "by the portal"},
}

// addBasis tells purpose, lawful basis with the consent, and how long phones keep
// the data.
func (p *pageRecord) addBasis(kind *syncproto.Kind, shown syncproto.Row, vi bool) {
	word := func(words map[string][2]string, key string) string { return pick(vi, words[key][0], words[key][1]) }
	if kind != nil {
		p.Purpose = pick(vi, kind.PurposeVI, kind.PurposeEN)
		p.Keep = strconv.Itoa(syncproto.KeepDaysOf(kind)) + pick(vi, " ngày sau khi dữ liệu an toàn ở tỉnh", " days after the data are safe at the centre")
	}
	p.Basis = word(basisWords, syncproto.BasisOf(kind, shown))
	consent := shown.Value(syncproto.ActivityConsent).Text()
	if consent == "" {
		return
	}
	text := word(consentWords, consent)
	if how := shown.Value(syncproto.ActivityConsentHow).Text(); how != "" {
		text += " " + word(consentWords, how)
	}
	if on := shown.Value(syncproto.ActivityConsentOn); on.Type() == syncproto.TypeDate {
		text += ", " + showDate(on.Date().String())
	}
	p.Basis = strings.TrimPrefix(p.Basis+": "+text, ": ")
}
