package syncproto

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"
	"golang.org/x/text/unicode/norm"
)

// Type tells what a Value holds. The numbers are the wire tags. Tags from
// 8 on belong to newer protocol versions: they are carried and hashed
// as they are.
type Type uint8

// The value types.
const (
	TypeNull  Type = 0 // the field is set to nothing
	TypeInt   Type = 1 // signed 64-bit integer
	TypeText  Type = 2 // UTF-8, NFC
	TypeBytes Type = 3 // octets
	TypeBool  Type = 4 // truth
	TypeUUID  Type = 5 // 16 octets
	TypeDate  Type = 6 // calendar date; month and day may be unknown
	TypeList  Type = 7 // a set of texts, sorted bytewise
)

// Value is one canonical value. Values are comparable: a == b holds exactly if
// their canonical encodings are equal. The zero Value is null.
type Value struct {
	typ Type
	num int64
	str string
}

// Null is the value of a field that was set to nothing.
func Null() Value { return Value{} }

// IntValue holds n.
func IntValue(n int64) Value { return Value{typ: TypeInt, num: n} }

// BoolValue holds b.
func BoolValue(b bool) Value {
	if b {
		return Value{typ: TypeBool, num: 1}
	}
	return Value{typ: TypeBool}
}

// TextValue holds s normalised to NFC (Unicode Standard Annex 15): text is
// normalised here, before its author's hash, and never afterwards.
func TextValue(s string) Value { return Value{typ: TypeText, str: norm.NFC.String(s)} }

// BytesValue holds a copy of b.
func BytesValue(b []byte) Value { return Value{typ: TypeBytes, str: string(b)} }

// UUIDValue holds u.
func UUIDValue(u uuid.UUID) Value { return Value{typ: TypeUUID, str: string(u[:])} }

// DateValue holds d.
func DateValue(d Date) Value { return Value{typ: TypeDate, num: d.pack()} }

// ListValue holds the set of texts, normalised, sorted and without repeats.
func ListValue(items ...string) Value {
	set := make([]string, len(items))
	for i, s := range items {
		set[i] = norm.NFC.String(s)
	}
	slices.Sort(set)
	set = slices.Compact(set)
	buf := appendUvarint(nil, uint64(len(set)))
	for _, s := range set {
		buf = appendUvarint(buf, uint64(len(s)))
		buf = append(buf, s...)
	}
	return Value{typ: TypeList, str: string(buf)}
}

// Type tells what v holds.
func (v Value) Type() Type { return v.typ }

// IsNull reports whether v is null.
func (v Value) IsNull() bool { return v.typ == TypeNull }

// Int gives the integer, 0 for other types.
func (v Value) Int() int64 {
	if v.typ != TypeInt {
		return 0
	}
	return v.num
}

// Bool gives the truth value, false for other types.
func (v Value) Bool() bool { return v.typ == TypeBool && v.num == 1 }

// Text gives the text, "" for other types.
func (v Value) Text() string {
	if v.typ != TypeText {
		return ""
	}
	return v.str
}

// Bytes gives a copy of the octets of a bytes value, nil for other types.
func (v Value) Bytes() []byte {
	if v.typ != TypeBytes {
		return nil
	}
	return []byte(v.str)
}

// UUID gives the identifier, uuid.Nil for other types.
func (v Value) UUID() uuid.UUID {
	var u uuid.UUID
	if v.typ == TypeUUID {
		copy(u[:], v.str)
	}
	return u
}

// Date gives the date, the zero Date for other types.
func (v Value) Date() Date {
	if v.typ != TypeDate {
		return Date{}
	}
	return unpackDate(v.num)
}

// List gives the texts of a list value, nil for other types or damaged lists.
func (v Value) List() []string {
	if v.typ != TypeList {
		return nil
	}
	r := reader{buf: []byte(v.str)}
	n := r.uvarint()
	if n > MaxListItems {
		return nil
	}
	out := make([]string, 0, n)
	for range n {
		out = append(out, string(r.bytes(MaxValueBytes)))
	}
	if r.err != nil {
		return nil
	}
	return out
}

// Compare orders values by type, then by content. It is total, and 0 exactly
// for equal values.
func (v Value) Compare(w Value) int {
	return cmp.Or(cmp.Compare(v.typ, w.typ), cmp.Compare(v.num, w.num), strings.Compare(v.str, w.str))
}

// JSON gives v as encoding/json understands it, for the decode tool: null,
// number, string, bool or list; octets as hex.
func (v Value) JSON() any {
	switch v.typ {
	case TypeNull:
		return nil
	case TypeInt:
		return v.num
	case TypeText:
		return v.str
	case TypeBool:
		return v.num == 1
	case TypeUUID:
		return v.UUID().String()
	case TypeDate:
		return v.Date().String()
	case TypeList:
		return v.List()
	default:
		return fmt.Sprintf("%x", v.str)
	}
}

// Date is a calendar date. Month and Day are 0 when unknown; Day is 0 whenever
// Month is. Birth dates of older people are often known by year only.
type Date struct {
	Year       int // 1..9999, 0 for the zero Date
	Month, Day int
}

// String gives YYYY, YYYY-MM or YYYY-MM-DD (ISO 8601).
func (d Date) String() string {
	switch {
	case d.Month == 0:
		return fmt.Sprintf("%04d", d.Year)
	case d.Day == 0:
		return fmt.Sprintf("%04d-%02d", d.Year, d.Month)
	default:
		return fmt.Sprintf("%04d-%02d-%02d", d.Year, d.Month, d.Day)
	}
}

// ParseDate reads the forms that String writes and refuses days that no
// calendar has.
func ParseDate(s string) (Date, error) {
	var d Date
	var err error
	switch len(s) {
	case 4:
		_, err = fmt.Sscanf(s, "%4d", &d.Year)
	case 7:
		_, err = fmt.Sscanf(s, "%4d-%2d", &d.Year, &d.Month)
	case 10:
		_, err = fmt.Sscanf(s, "%4d-%2d-%2d", &d.Year, &d.Month, &d.Day)
	default:
		err = fmt.Errorf("length %d", len(s))
	}
	if err != nil || d.String() != s || !d.Valid() {
		return Date{}, Errorf(CodeInvalidInput, "not a date: write YYYY, YYYY-MM or YYYY-MM-DD")
	}
	return d, nil
}

// Valid reports whether the known parts make a date of the Gregorian calendar.
func (d Date) Valid() bool {
	if d.Year < 1 || d.Year > 9999 || d.Month < 0 || d.Month > 12 || d.Day < 0 {
		return false
	}
	if d.Month == 0 {
		return d.Day == 0
	}
	return d.Day <= daysIn(d.Year, d.Month)
}

func daysIn(year, month int) int {
	switch month {
	case 4, 6, 9, 11:
		return 30
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	default:
		return 31
	}
}

// pack keeps chronological order: year, then month, then day.
func (d Date) pack() int64 { return int64(d.Year)<<9 | int64(d.Month)<<5 | int64(d.Day) }

func unpackDate(n int64) Date {
	return Date{Year: int(n >> 9), Month: int(n >> 5 & 15), Day: int(n & 31)}
}
