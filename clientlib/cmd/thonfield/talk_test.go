package main

import (
	"context"
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"thonsync/clientlib"
	"thonsync/clientlib/clienttest"
	"thonsync/syncproto"
)

func grantOf(n *network) clienttest.Grant {
	return clienttest.Grant{Unit: clienttest.Unit, Team: n.Team, Members: []syncproto.WelcomeMember{{ID: clienttest.Member("z"), Name: "Người Thử z"}}}
}

// Flags win over the environment, the environment over the locale.
func TestBinaryEnvironment(t *testing.T) {
	p := newPhone(t)
	other := filepath.Join(t.TempDir(), "other")
	for _, c := range []struct {
		env  []string
		args []string
		say  string
	}{
		{[]string{"LANG=C.UTF-8"}, []string{"list"}, "Không có việc nào"},
		{[]string{"LANG=en_US.UTF-8"}, []string{"list"}, "No records"},
		{[]string{"LANG=en_US.UTF-8", "THONSYNC_LANG=vi"}, []string{"list"}, "Không có việc nào"},
		{[]string{"THONSYNC_LANG=vi"}, []string{"list", "--lang", "en"}, "No records"},
		{[]string{"THONSYNC_LANG=en"}, []string{"--lang=vi", "list"}, "Không có việc nào"},
		{[]string{"THONSYNC_LANG=en"}, []string{"--help"}, "Usage: thonfield"},
		{[]string{"THONSYNC_LANG=vi"}, nil, "Cách dùng: thonfield"},
	} {
		p.env = c.env
		if r := p.want(exitOK, c.args...); !strings.Contains(r.out, c.say) {
			t.Errorf("%v %v does not say %q:\n%s", c.env, c.args, c.say, r.out)
		}
	}
	p.env = []string{"THONSYNC_LANG=fr"}
	p.want(exitUsage, "list")
	p.env = []string{"THONFIELD_DATA=" + other}
	p.want(exitOK, "list")
	if _, err := os.Stat(filepath.Join(other, "device.db")); err != nil {
		t.Errorf("THONFIELD_DATA was not used: %v", err)
	}
	flagged := filepath.Join(t.TempDir(), "flagged")
	p.want(exitOK, "list", "--data", flagged)
	if _, err := os.Stat(filepath.Join(flagged, "device.db")); err != nil {
		t.Errorf("--data did not win: %v", err)
	}
}

// The whole talk of a new record, in Vietnamese, over a pipe.
func TestBinaryAsks(t *testing.T) {
	n := newNetwork(t, nil)
	p := newPhone(t)
	p.join(n, "a")
	p.env = []string{"THONSYNC_LANG=vi", "THONFIELD_DATA=" + p.dir}
	p.input = strings.Join([]string{
		"1",      // kind
		cardText, // the card answers number, name, birth date and sex
		"2",      // yesterday
		"",       // telephone
		"7", "1", // stage: no such choice, then the first
		"3", "có", "", "1,2", "", // visits, helped, appointment, obstacles, guardian
		"1", "", // result, note
		"8", "4", // mend the visits
		"", // save
	}, "\n") + "\n"
	r := p.want(exitOK, "record", "--ask")
	for _, say := range []string{"Ghi việc gì?", "Dán mã QR", "Kiểm tra lại", "Hãy chọn một số", "Đã ghi việc", "Đã lưu trong máy"} {
		if !strings.Contains(r.out, say) {
			t.Errorf("the talk never says %q:\n%s", say, r.out)
		}
	}
	shown := get[struct {
		Record struct {
			Fields []struct {
				Name  string
				Value any
			}
		}
	}](p, exitOK, "show", "last", "--full")
	values := map[string]any{}
	for _, f := range shown.Record.Fields {
		values[f.Name] = f.Value
	}
	if values["full_name"] != cardName || values["id_number"] != cardNumber || values["stage"] != "asked" || values["helped"] != true || values["visits"] != 4.0 {
		t.Errorf("stored %v\n%s", values, r.out)
	}
	// Breaking off records nothing.
	p.input = "1\n\n!\n"
	if r := p.want(exitFailed, "record", "--ask"); !strings.Contains(r.err, "Chưa ghi việc nào") {
		t.Errorf("breaking off: %s", r.err)
	}
	if l := get[listed](p, exitOK, "list"); len(l.Records) != 1 {
		t.Errorf("%d records", len(l.Records))
	}
}

// A PIN comes from standard input, and a wrong one changes nothing.
func TestBinaryPIN(t *testing.T) {
	n := newNetwork(t, nil)
	p := newPhone(t)
	p.join(n, "a")
	p.want(exitOK, "people", "add", "Người Thử b")
	p.input = "4321\n"
	p.want(exitOK, "people", "pin")
	p.want(exitOK, "people", "use", "Nguoi Thu b")
	p.input = "9999\n"
	r := p.want(exitFailed, "people", "use", "Người Thử a")
	if strings.Contains(r.out+r.err, "9999") {
		t.Errorf("the PIN is repeated: %s", r.err)
	}
	p.want(exitUsage, "people", "use", "Người Thử a") // nothing on standard input
	p.want(exitFailed, "people", "use", "Nobody")
	p.input = "4321\n"
	if r := p.want(exitOK, "people", "use", "Người Thử a"); !strings.Contains(r.out, "Người Thử a (current, has a PIN)") {
		t.Errorf("people:\n%s", r.out)
	}
	if r := p.want(exitOK, "people", "leave"); strings.Contains(r.out, "current") {
		t.Errorf("after leaving:\n%s", r.out)
	}
	p.want(exitFailed, "people", "pin", "Người Thử a", "--remove") // not without the PIN
	p.input = "4321\n"
	p.want(exitOK, "people", "use", "Người Thử a")
	p.want(exitOK, "people", "pin", "--remove")
	if r := p.want(exitOK, "people", "list"); strings.Contains(r.out, "PIN") {
		t.Errorf("people:\n%s", r.out)
	}
}

// A forgotten PIN: the challenge goes to the officer, the answer comes back, and
// nothing needs a line.
func TestBinaryPINReset(t *testing.T) {
	n := newNetwork(t, nil)
	p := newPhone(t)
	p.join(n, "a")
	p.input = "4321\n"
	p.want(exitOK, "people", "pin")
	n.http.Close()
	got := get[challenged](p, exitOK, "people", "reset", "1")
	answer, err := n.Centre.AnswerChallenge(got.Challenge)
	if err != nil {
		t.Fatal(err)
	}
	p.input = "1234 5678\n2468\n"
	p.want(exitFailed, "people", "reset", "1", "--answer")
	p.input = answer + "\n2468\n"
	p.want(exitOK, "person", "reset", "1", "--answer")
	p.input = "4321\n"
	p.want(exitFailed, "people", "use", "1")
	p.input = "2468\n"
	p.want(exitOK, "people", "use", "1")
}

// However a command line is wrong, standard error repeats nothing personal.
func TestBinaryTellsNothingPersonal(t *testing.T) {
	n := newNetwork(t, nil)
	p := newPhone(t)
	p.join(n, "a")
	p.card()
	const secret = "Bímật"
	for _, args := range [][]string{
		{"record", "--kind", "CC", "--set", "full_name=" + secret, secret},
		{"record", "--kind", secret, "--set", "full_name=" + secret},
		{"record", "--kind", "CC", "--set", secret},
		{"record", "--kind", "CC", "--set", secret + "=" + secret},
		{"record", "--kind", "CC", "--set", "id_number=" + secret, "--set", "phone=" + secret, "--set", "sex=" + secret, "--set", "birth_date=" + secret},
		{"record", "--kind", "CC", "--qr", secret + "|" + secret},
		{"record", "--kind", "CC", "--occurred", secret, "--unit", secret, "--result", secret},
		{"record", "--person", secret, "--kind", "CC"},
		{"record", "--kind", "CC", "--values", filepath.Join(t.TempDir(), secret)},
		{"record", "--" + secret}, {"record", "--set", "--" + secret},
		{"edit", "last", "--set", "stage=" + secret}, {"edit", secret, "--set", "stage=asked"},
		{"void", "last", "--reason", secret}, {"void", secret, "--reason", "test", "--note", secret},
		{"show", secret}, {"list", "--since", secret}, {"list", "--limit", secret}, {"list", "--before", secret}, {"list", secret},
		{"people", "use", secret}, {"people", "add", secret, secret}, {"people", secret}, {secret},
		{"bundle", "import", secret}, {"bundle", "export", filepath.Join(secret, secret)}, {"join", secret}, {"sync", "--server", secret},
	} {
		for _, extra := range [][]string{nil, {"--json"}} {
			p.input = secret + "\n"
			r := p.run(append(args, extra...)...)
			if r.code == exitOK || r.err == "" {
				t.Errorf("%v: exit %d, says %q", args, r.code, r.err)
			}
			if strings.Contains(r.err+r.out, secret) || strings.Contains(r.err, cardNumber) || strings.Contains(r.err, cardName) {
				t.Errorf("%v repeats what was typed:\n%s%s", args, r.err, r.out)
			}
		}
	}
	// A --values file that is not JSON is not quoted either.
	p.input = `{"full_name": ` + secret
	if r := p.want(exitUsage, "record", "--kind", "CC", "--values", "-"); strings.Contains(r.err, secret) {
		t.Errorf("repeats the file: %s", r.err)
	}
}

// A store that a newer program wrote still sends, by network and by file, and
// does nothing else.
func TestBinaryOfNewerData(t *testing.T) {
	n := newNetwork(t, nil)
	p := newPhone(t)
	p.join(n, "a")
	p.card()
	db, err := sql.Open("sqlite", filepath.Join(p.dir, "device.db"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.ExecContext(context.WithoutCancel(t.Context()), `PRAGMA user_version = 99`); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if r := p.want(exitFailed, "list"); !strings.Contains(r.err, "newer program") {
		t.Errorf("list: %s", r.err)
	}
	p.want(exitOK, "bundle", "export", filepath.Join(t.TempDir(), "a.tsb"))
	s := get[synced](p, exitOK, "sync")
	if s.Report.Sent == 0 || s.Report.Waiting != 0 || s.Records != nil {
		t.Errorf("sync: %+v", s)
	}
}

// Two programs on one data folder: the second says so and does no harm.
func TestBinaryInUse(t *testing.T) {
	b := newBench(t)
	b.join()
	opts := b.w.Options("x")
	opts.Path = filepath.Join(b.dir, "device.db")
	d, err := clientlib.Open(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	p := &phone{t: t, dir: b.dir}
	if e := get[struct{ Error errorObject }](p, exitFailed, "list"); e.Error.Code != string(syncproto.CodeInUse) {
		t.Errorf("got %+v", e.Error)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	p.want(exitOK, "list")
}
