package main

import (
	"os"
	"path/filepath"
	"time"

	"thonsync/server"
	"thonsync/server/backup"
	"thonsync/server/keys"
	"thonsync/syncproto"
)

type keysRecoveryCmd struct {
	Check string `placeholder:"FILE" help:"Check a typed copy of the recovery paper, - for standard input; makes nothing."`
	Renew bool   `help:"Make another one although there is one; the next succession of the signing key announces it."`
}

// Run makes and prints the recovery key, or checks its paper.
func (c *keysRecoveryCmd) Run(a *app) error {
	f, err := server.OpenKeys(a.cfg, a.quiet())
	if err != nil {
		return err
	}
	if c.Check != "" {
		return c.check(a, f)
	}
	if to, err := f.RecoveryRecipient(); err != nil || to != nil && !c.Renew {
		if err == nil {
			err = syncproto.Errorf(syncproto.CodeInvalidInput, "there is a recovery key already: check its paper with --check, or make another with --renew")
		}
		return err
	}
	r, err := keys.NewRecovery()
	if err != nil {
		return err
	}
	if err := f.SetRecovery(time.Now(), r); err != nil {
		return err
	}
	text, err := r.Paper()
	if err != nil {
		return err
	}
	out := paper{Kind: keys.PaperRecovery, Text: text}
	return a.show(out, func() {
		a.say("# Recovery key of the centre. This is the only copy: it is on no disk.")
		a.say("# Print it, lock it away outside of this building, and close this window. Whoever has it can take the centre over")
		a.say("# and, with the files beside the backups, read everything.")
		a.say("%s", text)
		if f.HasLine() {
			a.say("# Phones learn of it with the next key: now `thonsync keys rotate --signing`.")
		}
		a.say("# Check the print: `thonsync keys recovery --check -`.")
	})
}

// paper is what is printed.
type paper struct {
	Kind string `json:"kind"`
	Text string `json:"text"`
}

func (c *keysRecoveryCmd) check(a *app, f *keys.Folder) error {
	r, err := a.recoveryPaper(c.Check)
	if err != nil {
		return err
	}
	ok, err := r.Matches(f)
	if err == nil && !ok {
		err = syncproto.Errorf(syncproto.CodeInvalidInput, "well typed, and the paper of another recovery key: this centre knows a different one")
	}
	if err != nil {
		return err
	}
	return a.show(map[string]bool{"matches": true}, func() { a.say("This is the paper of this centre's recovery key.") })
}

type keysBackupCmd struct {
	PassphraseFile string `placeholder:"FILE" help:"File with the passphrase; asked for otherwise."`
	QR             bool   `name:"qr" help:"Draw it as a QR code, too."`
}

// Run prints all keys.
func (c *keysBackupCmd) Run(a *app) error {
	f, err := server.OpenKeys(a.cfg, a.quiet())
	if err != nil {
		return err
	}
	if !f.HasLine() {
		return syncproto.Errorf(syncproto.CodeInvalidInput, "data folder %s holds no centre's keys: a point is not restored but replaced, with `thonsync point replace` at the centre", a.cfg.Data)
	}
	pass, err := a.passphrase(c.PassphraseFile, true)
	if err != nil {
		return err
	}
	sealed, err := f.PaperBackup(pass)
	if err != nil {
		return err
	}
	text, err := keys.PrintPaper(keys.PaperKeys, sealed)
	if err != nil {
		return err
	}
	if err := f.NotePaper(time.Now()); err != nil {
		return err
	}
	return a.show(paper{keys.PaperKeys, text}, func() {
		a.say("# Keys of the centre, %s, under a passphrase. Keep paper and passphrase in two places.", time.Now().UTC().Format(time.DateOnly))
		a.say("%s", text)
		if c.QR {
			a.drawQR(text)
		}
		a.say("# Put back with `thonsync --data NEW keys restore FILE`, FILE holding these lines or their photograph's text.")
	})
}

type keysRestoreCmd struct {
	File           string `arg:"" help:"Typed lines of the keys paper, - for standard input; with --recovery the file keys.recovery from beside the backups."`
	Recovery       string `placeholder:"FILE" help:"Typed recovery paper, - for standard input."`
	PassphraseFile string `placeholder:"FILE" help:"File with the passphrase; asked for otherwise."`
	Replace        bool   `help:"Move keys that are there aside, as after restoring a backup that is older than the newest key. The server must not run."`
}

// Run puts keys into a folder that has none, or moves those that are there aside.
func (c *keysRestoreCmd) Run(a *app) error {
	packed, err := c.open(a)
	if err != nil {
		return err
	}
	if c.Replace {
		if err := a.moveKeysAside(); err != nil {
			return err
		}
	}
	f, err := server.OpenKeys(a.cfg, a.quiet())
	if err != nil {
		return err
	}
	if err := f.Unpack(packed); err != nil {
		return err
	}
	centre, err := f.Line(time.Now())
	if err != nil {
		return err
	}
	m := made{keys.Fingerprint(centre.Key()), centre.Recovery() != (syncproto.Hash{})}
	return a.show(m, func() { a.say("Keys put back. Fingerprint of the centre: %s", m.Fingerprint) })
}

// moveKeysAside renames the keys folder. Nothing is destroyed: whoever is sure that
// the new keys are right deletes it.
func (a *app) moveKeysAside() error {
	if err := a.notRunning(); err != nil {
		return err
	}
	folder := server.KeysFolder(a.cfg.Data)
	if !keys.Exists(folder) {
		return nil
	}
	aside := folder + "-before-" + time.Now().UTC().Format("20060102T150405.000Z")
	if err := os.Rename(folder, aside); err != nil {
		return err
	}
	a.say("The keys that were there are now in %s; delete them once the server runs well.", aside)
	return nil
}

func (c *keysRestoreCmd) open(a *app) ([]byte, error) {
	if c.Recovery != "" {
		r, err := a.recoveryPaper(c.Recovery)
		if err != nil {
			return nil, err
		}
		return r.OpenBundle(c.File)
	}
	text, err := a.typed(c.File, "keys paper")
	if err != nil {
		return nil, err
	}
	pass, err := a.passphrase(c.PassphraseFile, false)
	if err != nil {
		return nil, err
	}
	return keys.OpenPaper(text, pass)
}

// recoverBackups opens, with the recovery key, the keys of the backups that lie
// beside a backup file.
func (a *app) recoverBackups(file, typed string) error {
	r, err := a.recoveryPaper(typed)
	if err != nil {
		return err
	}
	return backup.RecoverPeriods(filepath.Dir(file), r.Identity(), a.cfg.BackupKeyFolder())
}
