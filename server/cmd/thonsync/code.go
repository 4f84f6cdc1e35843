package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"thonsync/server"
	"thonsync/server/answer"
	"thonsync/server/qrcode"
	"thonsync/syncproto"
	"thonsync/syncproto/credential"
)

type codeCmd struct {
	New     codeNewCmd     `cmd:"" help:"Make a single-use code, good for ten minutes, for one phone or point."`
	List    codeListCmd    `cmd:"" help:"List the codes that have not expired."`
	Watch   codeWatchCmd   `cmd:"" help:"Follow a code until its device has joined, and compare the digits."`
	Confirm codeConfirmCmd `cmd:"" help:"Let a waiting device in after comparing its six digits."`
}

type codeNewCmd struct {
	Role    string        `enum:"phone,point" default:"phone" help:"What the device will be: phone or point."`
	Unit    []string      `placeholder:"LIST:CODE" help:"Units it serves; a phone has those of its team."`
	Team    string        `placeholder:"UUID" help:"Team of a phone."`
	Member  []string      `placeholder:"UUID" help:"Who uses the phone; all members of the team by default."`
	Names   string        `placeholder:"FILE" help:"Names that the phone shows for them, one UUID=NAME a line; - for standard input. The centre knows them, a point does not."`
	Replace string        `name:"replaces" placeholder:"UUID" help:"Origin of the phone that the new one stands in for; gives team and unit."`
	Valid   time.Duration `default:"8760h" help:"How long a point may take phones in."`
	Phones  int           `default:"100" help:"How many phones a point may take in; 0 for no limit."`
	Confirm bool          `default:"true" negatable:"" help:"Let the device in only after its six digits were compared; --no-confirm trusts whoever has the code."`
	Wait    bool          `default:"true" negatable:"" help:"Follow the code until the device has joined; never with --json."`
	QR      bool          `name:"qr" help:"Draw the code for the phone's camera."`
	PNG     string        `name:"png" placeholder:"FILE" help:"Write the code for the phone's camera as an image, to show, send or print."`
	Host    string        `help:"How others call this machine, if --public-url is not set." placeholder:"NAME"`
}

// Run makes a code on the running server.
func (c *codeNewCmd) Run(a *app) error {
	q, err := c.request(a)
	if err != nil {
		return err
	}
	made, err := server.CodeNew.Run(a.ctx, a.cfg, a.quiet(), q)
	if err != nil {
		return err
	}
	if c.PNG != "" {
		if err := writeQR(c.PNG, made.URI); err != nil {
			return err
		}
	}
	err = a.show(made, func() {
		a.say("Code:   %s", made.Code)
		a.say("URI:    %s", made.URI)
		a.say("Units:  %s", strings.Join(made.Units, ", "))
		a.say("Good for %d minutes, for one device.", made.Seconds/60)
		if c.Confirm && !c.Wait {
			name, _, _ := strings.Cut(made.Code, "-")
			a.say("Compare its six digits with `thonsync code list`, then `thonsync code confirm %s DIGITS`.", name)
		}
		if c.QR {
			a.drawQR(made.URI)
		}
	})
	if err != nil || a.json || !c.Wait {
		return err
	}
	return a.watch(made.Code)
}

func (c *codeNewCmd) request(a *app) (server.CodeRequest, error) {
	q := server.CodeRequest{Role: credential.Role(c.Role), Units: c.Unit, Confirm: c.Confirm, Host: c.Host}
	if q.Host == "" {
		q.Host, _ = os.Hostname() // the server then uses its listen address
	}
	if q.Role == credential.RolePoint {
		q.Valid, q.Phones = c.Valid, c.Phones
	}
	var err error
	if c.Replace != "" {
		if q.Replaces, err = uuid.Parse(c.Replace); err != nil {
			return q, syncproto.Errorf(syncproto.CodeInvalidInput, "--replaces is no UUID: copy the phone's origin from `thonsync status`")
		}
	}
	if c.Team != "" {
		if q.Team, err = uuid.Parse(c.Team); err != nil {
			return q, syncproto.Errorf(syncproto.CodeInvalidInput, "--team is no UUID: copy it from the team's record")
		}
	}
	for _, m := range c.Member {
		id, err := uuid.Parse(m)
		if err != nil {
			return q, syncproto.Errorf(syncproto.CodeInvalidInput, "--member is no UUID: names go into a file, see --names")
		}
		q.Members = append(q.Members, server.Member{ID: id})
	}
	return q, c.name(a, &q)
}

// name fills in names from a file: a command line is open to every program on
// the machine.
func (c *codeNewCmd) name(a *app, q *server.CodeRequest) error {
	if c.Names == "" {
		return nil
	}
	in := a.in
	if c.Names != "-" {
		f, err := os.Open(c.Names)
		if err != nil {
			return fmt.Errorf("opening the names: %w", err)
		}
		defer func() { _ = f.Close() }() // only read from
		in = f
	}
	lines := bufio.NewScanner(in)
	for n := 1; lines.Scan(); n++ {
		text, name, _ := strings.Cut(strings.TrimSpace(lines.Text()), "=")
		if text == "" {
			continue
		}
		id, err := uuid.Parse(text)
		if err != nil {
			return syncproto.Errorf(syncproto.CodeInvalidInput, "names, line %d does not begin with a UUID: write UUID=NAME", n)
		}
		if i := slices.IndexFunc(q.Members, func(m server.Member) bool { return m.ID == id }); i >= 0 {
			q.Members[i].Name = name
		} else {
			q.Members = append(q.Members, server.Member{ID: id, Name: name})
		}
	}
	return lines.Err()
}

// watch follows a code until its device has joined.
func (a *app) watch(code string) error {
	name, _, _ := strings.Cut(code, "-")
	st := answer.CodeState{Name: name, State: "open"}
	for {
		next, err := server.CodeWatch.Run(a.ctx, a.cfg, a.quiet(), st)
		if err != nil {
			return err
		}
		if next.State == st.State {
			continue
		}
		switch st = next; st.State {
		case "waiting":
			if err := a.confirm(st); err != nil {
				return err
			}
		case "joined":
			return a.show(st, func() { a.say("Joined.") })
		case "gone", "blocked":
			return syncproto.Errorf(syncproto.CodeCodeSpent, "the code was not used in time or is blocked: make a new one")
		}
	}
}

// confirm asks the officer at the terminal.
func (a *app) confirm(st answer.CodeState) error {
	fmt.Fprintf(a.err, "A device waits. Does it show the digits %s? [y/N] ", st.Digits)
	line, err := bufio.NewReader(a.in).ReadString('\n')
	if err != nil && line == "" {
		return syncproto.Errorf(syncproto.CodeInvalidInput, "nobody answered: run `thonsync code confirm %s DIGITS`", st.Name)
	}
	digits := st.Digits
	if s := strings.ToLower(strings.TrimSpace(line)); s != "y" && s != "yes" && s != "c" && s != "có" {
		digits = "" // voids the code
	}
	_, err = server.CodeConfirm.Run(a.ctx, a.cfg, a.quiet(), server.Confirmation{Name: st.Name, Digits: digits})
	return err
}

// drawQR draws a code for a phone's camera.
func (a *app) drawQR(text string) {
	drawn, err := qrcode.Terminal(text)
	if err != nil {
		a.say("(the code is too long to draw: copy the text)")
		return
	}
	a.say("%s", strings.TrimSuffix(drawn, "\n"))
}

// writeQR writes a code as an image that only its owner may read, never over a
// file that is there.
func writeQR(file, text string) error {
	img, err := qrcode.PNG(text)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("writing the QR code: %w", err)
	}
	_, err = f.Write(img)
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("writing the QR code: %w", err)
	}
	return nil
}

type codeListCmd struct{}

// Run lists codes.
func (codeListCmd) Run(a *app) error {
	list, err := server.CodeList.Run(a.ctx, a.cfg, a.quiet(), server.None{})
	if err != nil {
		return err
	}
	return a.show(list, func() {
		var rows [][]string
		for _, s := range list {
			rows = append(rows, []string{s.Name, s.Role, s.Unit, s.State, s.Digits, s.Label, fmt.Sprintf("%d s", s.ExpiresIn)})
		}
		a.table([]string{"CODE", "ROLE", "UNIT", "STATE", "DIGITS", "DEVICE", "LEFT"}, rows)
	})
}

type codeWatchCmd struct {
	Name string `arg:"" help:"First group of the code."`
}

// Run follows a code.
func (c *codeWatchCmd) Run(a *app) error { return a.watch(c.Name) }

type codeConfirmCmd struct {
	Name   string `arg:"" help:"First group of the code."`
	Digits string `arg:"" help:"The six digits that the device shows."`
}

// Run confirms.
func (c *codeConfirmCmd) Run(a *app) error {
	_, err := server.CodeConfirm.Run(a.ctx, a.cfg, a.quiet(), server.Confirmation{Name: c.Name, Digits: c.Digits})
	if err != nil {
		return err
	}
	return a.show(server.None{}, func() { a.say("Confirmed; the device joins at its next try.") })
}
