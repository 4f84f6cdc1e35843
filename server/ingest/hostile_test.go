package ingest

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"thonsync/server/store"
	"thonsync/syncproto"
)

// TestHostileValues: what a malicious phone may put into a signed change is
// quarantined with its reason, kept in the log, never becomes a record, and
// takes nothing good down with it. Text that spreadsheets would run is no fault
// of the text: it becomes a record, and exports make it harmless.
func TestHostileValues(t *testing.T) {
	s := withReference(t)
	rng := rand.New(rand.NewPCG(3, 3))
	note := func(s string) func(*syncproto.Change) {
		return func(c *syncproto.Change) { c.Personal = syncproto.Row{rawText(t, syncproto.PersonNote, s)} }
	}
	field := func(f syncproto.Field) func(*syncproto.Change) {
		return func(c *syncproto.Change) { c.Operational = syncproto.NewRow(append(slices.Clone(c.Operational), f)...) }
	}
	cases := []struct {
		name   string
		spoil  func(*syncproto.Change)
		reason syncproto.Reason // "" for accepted
	}{
		{"invalid UTF-8", note("a\xff\xfeb"), syncproto.ReasonBadText},
		{"overlong UTF-8", note("\xc0\xaf"), syncproto.ReasonBadText},
		{"half a surrogate pair", note("\xed\xa0\x80"), syncproto.ReasonBadText},
		{"NUL", note("a\x00b"), syncproto.ReasonBadText},
		{"escape sequence of terminals", note("\x1b[2J"), syncproto.ReasonBadText},
		{"right-to-left override", note("abc\u202egnp.exe"), syncproto.ReasonBadText},
		{"isolate", note("a\u2067b\u2069"), syncproto.ReasonBadText},
		{"decomposed letters", note("Nguye\u0302\u0303n"), syncproto.ReasonBadText},
		{"text for an enumeration", field(textField(syncproto.ActivityResult, "'; DROP TABLE records; --")), syncproto.ReasonUnknownField},
		{"unit that is a path", field(textField(syncproto.FieldUnit, "../../etc/passwd")), syncproto.ReasonBadValue},
		{"field nobody defined", field(textField(syncproto.FirstKindField-1, "x")), syncproto.ReasonUnknownField},
		{"date that is none", field(syncproto.Field{Num: syncproto.ActivityOccurred, Value: syncproto.DateValue(syncproto.Date{Year: 2026, Month: 2, Day: 30})}), syncproto.ReasonBadValue},
		{"formula", note(`=HYPERLINK("http://x","y")`), ""},
		{"SQL", note("'); DELETE FROM records; --"), ""},
		{"markup", note("<script>alert(1)</script>"), ""},
		{"longest note", note(strings.Repeat("a", syncproto.MaxValueBytes-8)), ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			a := s.phone("phone "+c.name, 0)
			before := a.write(activity(testVillage, rng))
			bad := activity(testVillage, rng)
			c.spoil(&bad)
			spoilt := a.write(bad)
			after := a.write(activity(testVillage, rng))
			s.submit1(a.cut(1, 3))
			want := fmt.Sprintf("map[accepted:2 quarantined/%s:1]", c.reason)
			if c.reason == "" {
				want = "map[accepted:3]"
			}
			if got := fmt.Sprint(s.outcomes(a.origin)); got != want {
				t.Errorf("outcomes %v, want %s", got, want)
			}
			s.view(func(r store.Reader) {
				for id, exists := range map[[16]byte]bool{before: true, spoilt: c.reason == "", after: true} {
					if rec, _, err := r.Record(id); err != nil || rec.Exists != exists {
						t.Errorf("record exists: %v, want %v; %v", rec.Exists, exists, err)
					}
				}
			})
			s.mustVerify()
		})
	}
}

// rawText is a text as a program writes it that does not normalise.
func rawText(t *testing.T, num uint32, s string) syncproto.Field {
	t.Helper()
	b := append([]byte{1}, binary.AppendUvarint(nil, uint64(num))...)
	b = append(b, byte(syncproto.TypeText))
	b = append(binary.AppendUvarint(b, uint64(len(s))), s...)
	row, err := syncproto.DecodeRow(b)
	if err != nil {
		t.Fatal(err)
	}
	return row[0]
}
