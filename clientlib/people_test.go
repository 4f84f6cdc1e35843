package clientlib_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"thonsync/clientlib"
	"thonsync/clientlib/clienttest"
	"thonsync/syncproto"
)

func TestPeopleShareAPhone(t *testing.T) {
	ctx := context.Background()
	w := clienttest.NewWorld(t, 1)
	d := w.Device("a", w.Centre)
	hoa, tam := uuid.UUID{1}, uuid.UUID{2}
	for id, name := range map[uuid.UUID]string{hoa: "Hoa Thử", tam: "Tám Thử"} {
		if err := d.AddPerson(ctx, id, name); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.AddPerson(ctx, tam, " "); !slices.Equal(fieldsOf(err), []string{"name"}) {
		t.Errorf("no name: %v", err)
	}
	for _, pin := range []string{"123", "123456789", "12a4"} {
		if err := d.SetPIN(ctx, hoa, pin); !slices.Equal(fieldsOf(err), []string{"pin"}) {
			t.Errorf("PIN of %d: %v", len(pin), err)
		}
	}
	if err := d.SetPIN(ctx, hoa, "4711"); err != nil {
		t.Fatal(err)
	}
	if err := d.SetPIN(ctx, hoa, "0000"); !slices.Equal(fieldsOf(err), []string{"person"}) {
		t.Errorf("somebody else changes the PIN: %v", err)
	}
	record := func(person uuid.UUID) (uuid.UUID, error) {
		out, err := d.Record(ctx, clientlib.RecordInput{Person: person, Kind: "CC", Fields: clienttest.CardFields(1)})
		return out.ID, err
	}
	if _, err := record(hoa); !slices.Equal(fieldsOf(err), []string{"person"}) {
		t.Errorf("recording for somebody with a PIN: %v", err)
	}
	if id, err := record(tam); err != nil || get(t, d, id).Author != tam {
		t.Errorf("recording for somebody without: %v", err)
	}
	if _, err := record(uuid.UUID{9}); !slices.Equal(fieldsOf(err), []string{"person"}) {
		t.Errorf("a stranger: %v", err)
	}
	if err := d.SelectPerson(ctx, hoa, "4711"); err != nil {
		t.Fatal(err)
	}
	if id, err := record(uuid.Nil); err != nil || get(t, d, id).Author != hoa {
		t.Errorf("the current person: %v", err)
	}
	people, err := d.People(ctx)
	if err != nil || len(people) != 3 || !people[0].Current || !people[0].HasPIN || people[0].Name != "Hoa Thử" || people[1].Current {
		t.Fatalf("%+v, %v", people, err)
	}
	if err := d.LeavePerson(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := record(uuid.Nil); !slices.Equal(fieldsOf(err), []string{"person"}) {
		t.Errorf("nobody: %v", err)
	}
}

func TestJoin(t *testing.T) {
	ctx := context.Background()
	w := clienttest.NewWorld(t, 1)
	point := w.Point("point")
	grant := clienttest.Grant{Unit: clienttest.Unit, Members: []syncproto.WelcomeMember{{ID: uuid.UUID{4}, Name: "Thử"}}}
	d := w.Open("a")
	join := func(uri string) (clientlib.Joined, error) { return d.Join(ctx, uri, "phone") }
	good := point.Invite(grant)
	for name, c := range map[string]struct {
		uri  string
		want syncproto.Code
	}{
		"no code":         {"thonsync:join?server=http://x", syncproto.CodeInvalidInput},
		"web address":     {"https://x/join", syncproto.CodeInvalidInput},
		"bad server":      {strings.Replace(good, "http:", "gopher:", 1), syncproto.CodeInvalidInput},
		"nobody there":    {strings.Replace(good, point.URL, "http://elsewhere.test", 1), syncproto.CodeUpstream},
		"another centre":  {strings.Replace(good, "centre=", "centre=x", 1), syncproto.CodeForeignKey},
		"unknown code":    {strings.Replace(good, "code=", "code=x", 1), syncproto.CodeCodeSpent},
		"a false server":  {strings.Replace(good, point.URL, stranger(w).URL, 1), syncproto.CodeForeignKey},
		"nothing at all":  {"", syncproto.CodeInvalidInput},
		"another program": {strings.Replace(good, "thonsync:", "other:", 1), syncproto.CodeInvalidInput},
	} {
		if _, err := join(c.uri); syncproto.CodeOf(err) != c.want {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
	// The answer is lost after the server used the code up: the same code again.
	w.Net.Disturb(&lose{})
	if _, err := join(good); err == nil {
		t.Fatal("the lost answer went unnoticed")
	}
	w.Net.Disturb(nil)
	joined, err := join(good)
	if err != nil {
		t.Fatal(err)
	}
	if joined.Digits != "" || joined.Waiting || joined.Centre != clientlib.Fingerprint(w.Centre.Centre().Key()) || joined.Welcome.Unit != clienttest.Unit {
		t.Fatalf("%+v", joined)
	}
	other := clienttest.NewWorld(t, 2)
	other.Centre.URL = "http://other.test"
	w.Net.Add(other.Centre)
	if _, err := join(other.Centre.Invite(grant)); syncproto.CodeOf(err) != syncproto.CodeForeignKey {
		t.Errorf("joining another centre: %v", err)
	}
	w.Sync(d)
	s, err := d.Status(ctx)
	if err != nil || !s.Joined || s.Role != "phone" || s.Unit != clienttest.Unit || len(s.People) != 1 || !slices.Equal(s.Servers, []string{point.URL}) {
		t.Fatalf("%+v, %v", s, err)
	}
	b := w.Open("b")
	if _, err := b.Join(ctx, good, "phone"); syncproto.CodeOf(err) != syncproto.CodeCodeSpent {
		t.Errorf("a used code: %v", err)
	}
}

// stranger is a server of another centre in the same network.
func stranger(w *clienttest.World) *clienttest.Server {
	s := clienttest.NewCentre(77, w.Clock)
	s.URL = "http://stranger.test"
	w.Net.Add(s)
	return s
}

// lose lets the server answer and drops what it says.
type lose struct{}

func (*lose) Request(b []byte) ([]byte, error) { return b, nil }
func (*lose) Answer([]byte) ([]byte, error)    { return nil, clienttest.ErrCut }

func TestDoctor(t *testing.T) {
	ctx := context.Background()
	w := clienttest.NewWorld(t, 1)
	bad := func(d *clientlib.Device) map[string]clientlib.Check {
		t.Helper()
		checks, err := d.Doctor(ctx)
		if err != nil || len(checks) < 8 {
			t.Fatalf("%+v, %v", checks, err)
		}
		out := map[string]clientlib.Check{}
		for _, c := range checks {
			if c.Name == "" || c.Detail == "" || c.OK != (c.Fix == "") {
				t.Errorf("%+v", c)
			}
			if !c.OK {
				out[c.Name] = c
			}
		}
		return out
	}
	d := w.Device("a", w.Centre)
	if b := bad(d); len(b) != 0 {
		t.Fatalf("a sound device: %+v", b)
	}
	w.Card(d, 1)
	w.Clock.Advance(9 * 24 * time.Hour)
	if b := bad(d); len(b) != 1 || b["waiting"].Fix == "" {
		t.Errorf("waiting for long: %+v", b)
	}
	w.Sync(d)
	w.Clock.Set(0)
	if b := bad(d); len(b) != 1 || b["clock"].Fix == "" {
		t.Errorf("a clock in 1970: %+v", b)
	}
	if b := bad(w.Open("new")); len(b) != 1 || b["link"].Fix == "" {
		t.Errorf("not joined: %+v", b)
	}
}
