package syncproto

import (
	"crypto/hpke"
	"encoding/hex"
	"encoding/json"
	"strconv"
	"testing"

	"github.com/google/uuid"

	"thonsync/testdata/vectors"
)

// octets stand in vectors as lower-case hex.
type octets []byte

func (o octets) MarshalJSON() ([]byte, error) { return json.Marshal(hex.EncodeToString(o)) }

func (o *octets) UnmarshalJSON(b []byte) error {
	var s string
	if err := json.Unmarshal(b, &s); err != nil {
		return err
	}
	var err error
	*o, err = hex.DecodeString(s)
	return err
}

// vecFile is the common form of all vector files.
type vecFile[T any] struct {
	Note    string `json:"note"`
	Vectors []T    `json:"vectors"`
}

func readVectors[T any](t testing.TB, path string) []T {
	t.Helper()
	b, err := vectors.Files.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var f vecFile[T]
	if err := json.Unmarshal(b, &f); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	if len(f.Vectors) == 0 {
		t.Fatalf("%s holds no vectors", path)
	}
	return f.Vectors
}

type vecField struct {
	Num   uint32 `json:"num"`
	Type  string `json:"type"`
	Value any    `json:"value,omitempty"`
}

var typeWords = map[Type]string{
	TypeNull: "null", TypeInt: "int", TypeText: "text", TypeBytes: "bytes",
	TypeBool: "bool", TypeUUID: "uuid", TypeDate: "date", TypeList: "list",
}

// rowForm and formRow translate between rows and their form in vectors.
func rowForm(r Row) []vecField {
	out := make([]vecField, len(r))
	for i, f := range r {
		v := vecField{Num: f.Num, Type: typeWords[f.Value.typ]}
		switch f.Value.typ {
		case TypeNull:
		case TypeInt:
			v.Value = strconv.FormatInt(f.Value.num, 10)
		case TypeText:
			v.Value = f.Value.str
		case TypeBool:
			v.Value = f.Value.num == 1
		case TypeUUID:
			v.Value = f.Value.UUID().String()
		case TypeList:
			v.Value = f.Value.List()
		case TypeDate:
			v.Value = f.Value.Date().String()
			if !f.Value.Date().Valid() {
				v.Type, v.Value = "packed-date", f.Value.num
			}
		case TypeBytes:
			v.Value = hex.EncodeToString([]byte(f.Value.str))
		default:
			v.Type, v.Value = strconv.Itoa(int(f.Value.typ)), hex.EncodeToString([]byte(f.Value.str))
		}
		out[i] = v
	}
	return out
}

func formRow(t testing.TB, form []vecField) Row {
	t.Helper()
	r := make(Row, len(form))
	for i, f := range form {
		r[i] = Field{f.Num, formValue(t, f)}
	}
	return r
}

func formValue(t testing.TB, f vecField) Value {
	t.Helper()
	s, _ := f.Value.(string)
	switch f.Type {
	case "null":
		return Null()
	case "int":
		n, err := strconv.ParseInt(s, 10, 64)
		must(t, err)
		return IntValue(n)
	case "text":
		return TextValue(s)
	case "bool":
		return BoolValue(f.Value.(bool))
	case "uuid":
		return UUIDValue(uuid.MustParse(s))
	case "date":
		d, err := ParseDate(s)
		must(t, err)
		return DateValue(d)
	case "packed-date":
		return Value{typ: TypeDate, num: int64(f.Value.(float64))}
	case "list":
		var items []string
		for _, x := range f.Value.([]any) {
			items = append(items, x.(string))
		}
		return ListValue(items...)
	}
	b, err := hex.DecodeString(s)
	must(t, err)
	if f.Type == "bytes" {
		return BytesValue(b)
	}
	n, err := strconv.Atoi(f.Type)
	must(t, err)
	return Value{typ: Type(n), str: string(b)}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// wantCode fails unless err has the code.
func wantCode(t testing.TB, err error, code Code) {
	t.Helper()
	if got := CodeOf(err); got != code {
		t.Errorf("got code %q (%v), want %q", got, err, code)
	}
}

func wantBytes(t testing.TB, what string, got, want []byte) {
	t.Helper()
	if string(got) != string(want) {
		t.Errorf("%s is\n  %x, want\n  %x", what, got, want)
	}
}

// The forms of vectors, by file.
type (
	vecRow struct {
		Name   string     `json:"name"`
		Fields []vecField `json:"fields"`
		Row    octets     `json:"row"`
	}
	vecRefused struct {
		Name  string `json:"name"`
		Bytes octets `json:"bytes"`
		Error Code   `json:"error"`
	}
	vecText struct {
		Name   string `json:"name"`
		Input  octets `json:"input"`
		Hashed octets `json:"hashed"`
		Clean  bool   `json:"clean"`
	}
	vecChange struct {
		Seq         uint64     `json:"seq,string"`
		Header      []vecField `json:"header"`
		Operational []vecField `json:"operational"`
		Personal    []vecField `json:"personal"`
		Rows        [3]octets  `json:"rows"`
		Salt        octets     `json:"salt"`
		Commitment  octets     `json:"commitment"`
		Open        octets     `json:"o"`
		Closed      octets     `json:"p"`
		Record      uuid.UUID  `json:"record"`
	}
	vecChain struct {
		Name      string      `json:"name"`
		Seed      octets      `json:"seed"`
		Key       octets      `json:"key"`
		Origin    uuid.UUID   `json:"origin"`
		Secret    octets      `json:"secret"`
		StartOpen octets      `json:"o0"`
		StartClos octets      `json:"p0"`
		Changes   []vecChange `json:"changes"`
	}
	vecStatement struct {
		Name      string `json:"name"`
		Key       octets `json:"key"`
		Segment   octets `json:"segment"`
		Signed    octets `json:"signed"`
		Signature octets `json:"signature"`
		Error     Code   `json:"error,omitempty"`
	}
	vecRef struct {
		Origin uuid.UUID `json:"origin"`
		Seq    uint64    `json:"seq,string"`
		Open   octets    `json:"o"`
	}
	vecRefs struct {
		Name  string   `json:"name"`
		Refs  []vecRef `json:"refs,omitempty"`
		Bytes octets   `json:"bytes"`
		Error Code     `json:"error,omitempty"`
	}
	vecRuling struct {
		Name   string       `json:"name"`
		Key    octets       `json:"key"`
		Bytes  octets       `json:"bytes"`
		Number uint64       `json:"number,string,omitempty"`
		Issued int64        `json:"issued_ms,string,omitempty"`
		Kind   string       `json:"kind,omitempty"`
		Target *vecRef      `json:"target,omitempty"`
		Record uuid.UUID    `json:"record"`
		Grant  bool         `json:"grant"`
		Unit   string       `json:"unit"`
		Reason Reason       `json:"reason"`
		Cut    []vecCutHead `json:"cut,omitempty"`
		Error  Code         `json:"error,omitempty"`
	}
	vecCutHead struct {
		Seq  uint64 `json:"seq,string"`
		Open octets `json:"o"`
	}
	vecTable struct {
		Name    string       `json:"name"`
		Rows    [][]vecField `json:"rows,omitempty"`
		Count   int          `json:"count"`
		Columns []octets     `json:"columns"`
		Error   Code         `json:"error,omitempty"`
	}
	vecSegment struct {
		Name            string      `json:"name"`
		Key             octets      `json:"key"`
		SealPrivate     octets      `json:"seal_private"`
		SealPublic      octets      `json:"seal_public"`
		Segment         octets      `json:"segment"`
		OpenColumns     []octets    `json:"open_columns,omitempty"`
		Plain           octets      `json:"sealed_plain,omitempty"`
		PersonalColumns []octets    `json:"personal_columns,omitempty"`
		Changes         []vecChange `json:"changes,omitempty"`
		Error           Code        `json:"error,omitempty"`
	}
	vecException struct {
		First   uint64 `json:"first,string"`
		Last    uint64 `json:"last,string"`
		Outcome string `json:"outcome"`
		Reason  Reason `json:"reason"`
	}
	vecReceipt struct {
		Name       string         `json:"name"`
		Key        octets         `json:"key"`
		Bytes      octets         `json:"bytes"`
		Issuer     uuid.UUID      `json:"issuer"`
		Issued     int64          `json:"issued_ms,string,omitempty"`
		Mark       string         `json:"mark,omitempty"`
		Ruled      uint64         `json:"ruled,string,omitempty"`
		Origin     uuid.UUID      `json:"origin"`
		First      uint64         `json:"first,string,omitempty"`
		Last       uint64         `json:"last,string,omitempty"`
		Open       octets         `json:"o,omitempty"`
		Closed     octets         `json:"p,omitempty"`
		Exceptions []vecException `json:"exceptions,omitempty"`
		Error      Code           `json:"error,omitempty"`
	}
	vecItem struct {
		Ruling      octets     `json:"ruling,omitempty"`
		Succession  octets     `json:"succession,omitempty"`
		Change      *vecRef    `json:"change,omitempty"`
		Record      *uuid.UUID `json:"record,omitempty"`
		Header      []vecField `json:"header,omitempty"`
		Operational []vecField `json:"operational,omitempty"`
	}
	vecPage struct {
		Name    string    `json:"name"`
		Key     octets    `json:"key"`
		Bytes   octets    `json:"bytes"`
		Feed    string    `json:"feed,omitempty"`
		Epoch   uuid.UUID `json:"epoch"`
		From    uint64    `json:"from,string"`
		To      uint64    `json:"to,string"`
		Prev    octets    `json:"prev,omitempty"`
		Hash    octets    `json:"hash,omitempty"`
		Columns []octets  `json:"columns,omitempty"`
		Items   []vecItem `json:"items,omitempty"`
		Error   Code      `json:"error,omitempty"`
	}
	vecEntry struct {
		Kind EntryKind `json:"kind"`
		Data octets    `json:"data"`
	}
	vecBundle struct {
		Name    string     `json:"name"`
		Bytes   octets     `json:"bytes"`
		Entries []vecEntry `json:"entries"`
		Damaged int        `json:"damaged"`
		Cut     bool       `json:"cut"`
		Error   Code       `json:"error,omitempty"`
	}
)

// wantJSON compares two values by what they look like in a vector.
func wantJSON(t testing.TB, got, want any) {
	t.Helper()
	g, err := json.MarshalIndent(got, "", " ")
	must(t, err)
	w, err := json.MarshalIndent(want, "", " ")
	must(t, err)
	if string(g) != string(w) {
		t.Errorf("got\n%s\nwant\n%s", g, w)
	}
}

// sealRequest encapsulates a plain request as it is.
func sealRequest(to SealPublic, plain []byte) (enc, ct []byte, err error) {
	_, kdf, aead := hpkeSuite()
	enc, s, err := hpke.NewSender(to.key, kdf, aead, []byte(infoRequest))
	if err != nil {
		return nil, nil, err
	}
	ct, err = s.Seal(append(append(append([]byte{}, requestMagic[:]...), to.ID[:]...), enc...), plain)
	return enc, ct, err
}
