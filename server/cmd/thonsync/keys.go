package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/term"

	"thonsync/server"
	"thonsync/server/httpapi"
	"thonsync/server/keys"
	"thonsync/syncproto"
)

type keysCmd struct {
	List       keysListCmd       `cmd:"" help:"Keys, their ages, and what to do next. Shows no secret."`
	Make       keysMakeCmd       `cmd:"" help:"Make a centre's keys before its first start, and show its fingerprint."`
	Recovery   keysRecoveryCmd   `cmd:"" help:"Make the offline recovery key and print it, or check a typed copy."`
	Rotate     keysRotateCmd     `cmd:"" help:"Replace keys."`
	DestroyOld keysDestroyOldCmd `cmd:"" help:"Destroy sealing keys that were replaced longer ago than --seal-keep."`
	Backup     keysBackupCmd     `cmd:"" help:"Print all keys for paper, under a passphrase."`
	Restore    keysRestoreCmd    `cmd:"" help:"Put keys back from typed paper, or with the recovery key."`
}

type keysListCmd struct{}

// Run lists the keys.
func (keysListCmd) Run(a *app) error {
	st, err := server.KeysList.Run(a.ctx, a.cfg, a.quiet(), server.None{})
	if err != nil {
		return err
	}
	return a.show(st, func() {
		var rows [][]string
		for _, k := range st.Keys {
			rows = append(rows, []string{k.Name, k.State, k.ID, day(k.MadeMS), day(k.ReplacedMS)})
		}
		a.table([]string{"KEY", "STATE", "NAME", "MADE", "REPLACED"}, rows)
		if st.Locked {
			a.say("The files are encrypted under the passphrase in --key-secret-file.")
		}
		for _, next := range st.Next {
			a.say("next: %s", next)
		}
	})
}

func day(ms int64) string {
	if ms == 0 {
		return ""
	}
	return time.UnixMilli(ms).UTC().Format(time.DateOnly)
}

type keysMakeCmd struct{}

// made is what make shows.
type made struct {
	Fingerprint string `json:"fingerprint"`
	Recovery    bool   `json:"recovery"` // a recovery key is announced from the first day
}

// Run makes the keys of a centre in a new data folder.
func (keysMakeCmd) Run(a *app) error {
	f, err := server.OpenKeys(a.cfg, a.quiet())
	if err != nil {
		return err
	}
	if f.HasLine() || keys.Exists(server.KeysFolder(a.cfg.Data)) {
		return syncproto.Errorf(syncproto.CodeInvalidInput, "data folder %s has keys already: `thonsync keys list` shows them", a.cfg.Data)
	}
	centre, err := f.Line(time.Now())
	if err != nil {
		return err
	}
	for _, more := range []func() ([]byte, error){f.PersonalKey, f.BeaconSecret, f.LogKey} {
		if _, err := more(); err != nil {
			return err
		}
	}
	if _, _, err := f.Seal(time.Now()); err != nil {
		return err
	}
	m := made{keys.Fingerprint(centre.Key()), centre.Recovery() != (syncproto.Hash{})}
	return a.show(m, func() {
		a.say("Keys made. Fingerprint of the centre: %s", m.Fingerprint)
		if !m.Recovery {
			a.say("There is no recovery key yet: `thonsync keys recovery`.")
		}
		a.say("Print them now: `thonsync keys backup`.")
	})
}

type keysRotateCmd struct {
	Signing  bool   `help:"The centre's signing key; phones and points follow by themselves."`
	Sealing  bool   `help:"The centre's sealing key."`
	Exchange bool   `help:"The exchange key of this server."`
	Recovery string `placeholder:"FILE" help:"Name a successor of a lost or stolen signing key with the recovery key: its typed paper, - for standard input. The server must not run."`
}

// Run replaces keys.
func (c *keysRotateCmd) Run(a *app) error {
	if c.Recovery != "" {
		return c.recover(a)
	}
	if !c.Signing && !c.Sealing && !c.Exchange {
		return syncproto.Errorf(syncproto.CodeInvalidInput, "say which: --signing, --sealing or --exchange")
	}
	out, err := server.KeysRotate.Run(a.ctx, a.cfg, a.quiet(), server.Rotation{Signing: c.Signing, Sealing: c.Sealing, Exchange: c.Exchange})
	if err != nil {
		return err
	}
	return a.show(out, func() {
		a.say("Replaced. Phones and points come upon the new keys at their next exchange.")
		if c.Signing {
			a.say("The centre's key is now number %d with the fingerprint %s; joining codes show it from now on.", out.Number, out.Fingerprint)
			a.say("The paper of the old key is worth nothing any more: print anew with `thonsync keys backup`.")
		}
	})
}

// recover names a successor with the recovery key, in the folder of a server that
// does not run.
func (c *keysRotateCmd) recover(a *app) error {
	if err := a.notRunning(); err != nil {
		return err
	}
	r, err := a.recoveryPaper(c.Recovery)
	if err != nil {
		return err
	}
	f, err := server.OpenKeys(a.cfg, a.quiet())
	if err != nil {
		return err
	}
	centre, err := f.Succeed(time.Now(), r.Key())
	if err != nil {
		return err
	}
	out := server.Rotated{Rotation: server.Rotation{Signing: true}, Fingerprint: keys.Fingerprint(centre.Key()), Number: centre.Number()}
	return a.show(out, func() {
		a.say("The recovery key has named key number %d, fingerprint %s. Start the centre: it tells phones and points.", out.Number, out.Fingerprint)
		a.say("Whatever the lost key signs from now on is refused by all who have heard of this. Then make a new recovery key:")
		a.say("this one was typed into a computer: `thonsync keys recovery --renew`, `thonsync keys rotate --signing`.")
	})
}

// notRunning fails while a server runs on the data folder.
func (a *app) notRunning() error {
	client, err := server.DialAdmin(a.cfg.Data)
	if err == nil {
		err = client.Call(a.ctx, server.CodeList.Name, server.None{}, new(any))
	}
	if !errors.Is(err, httpapi.ErrNoServer) {
		return syncproto.Errorf(syncproto.CodeInUse, "the server runs on data folder %s: stop it first", a.cfg.Data)
	}
	return nil
}

type keysDestroyOldCmd struct {
	Force  bool   `help:"Destroy them although work sealed to them may still be on its way; the phones seal it again."`
	Reason string `placeholder:"WHY" help:"Why it is forced, in small letters, digits and hyphens; it goes into the access log."`
}

// Run destroys old sealing keys.
func (c *keysDestroyOldCmd) Run(a *app) error {
	out, err := server.KeysDestroyOld.Run(a.ctx, a.cfg, a.quiet(), server.Destruction{Force: c.Force, Reason: c.Reason})
	if err != nil {
		return err
	}
	return a.show(out, func() {
		a.say("%d old sealing keys destroyed.", out.Keys)
		for _, k := range out.Known {
			a.say("known to be on its way: %s", k)
		}
	})
}

// typed reads a file, or what is typed.
func (a *app) typed(path, what string) (string, error) {
	if path != "-" {
		b, err := os.ReadFile(path)
		return string(b), err
	}
	if a.terminal() {
		fmt.Fprintf(a.err, "Type the lines of the %s; end with the line END:\n", what)
	}
	var b strings.Builder
	in := a.input()
	for {
		line, err := in.ReadString('\n')
		b.WriteString(line)
		if err == io.EOF || strings.HasPrefix(strings.ToUpper(strings.TrimSpace(line)), "END") {
			return b.String(), nil
		}
		if err != nil {
			return "", err
		}
	}
}

func (a *app) recoveryPaper(path string) (*keys.Recovery, error) {
	text, err := a.typed(path, "recovery paper")
	if err != nil {
		return nil, err
	}
	return keys.ReadRecovery(text)
}

// input is standard input with one buffer for all that is read from it.
func (a *app) input() *bufio.Reader {
	if a.lines == nil {
		a.lines = bufio.NewReader(a.in)
	}
	return a.lines
}

func (a *app) terminal() bool {
	f, ok := a.in.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// passphrase asks for one: from a file, unseen at a terminal, or as the next line
// of standard input. Never from the command line or the environment, which
// others can read.
func (a *app) passphrase(file string, twice bool) (string, error) {
	if file != "" {
		b, err := os.ReadFile(file)
		return strings.TrimRight(string(b), "\r\n"), err
	}
	if !a.terminal() {
		line, err := a.input().ReadString('\n')
		if err != nil && err != io.EOF {
			return "", err
		}
		return strings.TrimRight(line, "\r\n"), nil
	}
	first, err := a.unseen("Passphrase: ")
	if err != nil || !twice {
		return first, err
	}
	again, err := a.unseen("Once more: ")
	if err == nil && again != first {
		err = syncproto.Errorf(syncproto.CodeInvalidInput, "the two passphrases differ: try again")
	}
	return first, err
}

func (a *app) unseen(prompt string) (string, error) {
	fmt.Fprint(a.err, prompt)
	b, err := term.ReadPassword(int(a.in.(*os.File).Fd()))
	fmt.Fprintln(a.err)
	return string(b), err
}
