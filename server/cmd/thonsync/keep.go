package main

import (
	"fmt"

	"thonsync/server"
)

type backupCmd struct{}

// Run makes one backup now.
func (backupCmd) Run(a *app) error {
	made, err := server.BackupCommand.Run(a.ctx, a.cfg, a.quiet(), server.None{})
	if err != nil {
		return err
	}
	return a.show(made, func() {
		a.say("%s  %d bytes, %d origins, %d changes; restored in a drill and verified.", made.File, made.Bytes, made.Origins, made.Changes)
	})
}

type restoreCmd struct {
	File     string `arg:"" help:"Backup to restore." type:"existingfile"`
	Recovery string `placeholder:"FILE" help:"Typed recovery paper, - for standard input, where the folder of backup keys is lost, too."`
}

// Run restores into the data folder.
func (c *restoreCmd) Run(a *app) error {
	if c.Recovery != "" {
		if err := a.recoverBackups(c.File, c.Recovery); err != nil {
			return err
		}
	}
	if err := server.Restore(a.ctx, a.cfg, a.quiet(), c.File); err != nil {
		return err
	}
	a.say("Restored into %s. Erasures and revocations were carried out again; a new epoch has begun.", a.cfg.Data)
	a.say("Start it with `thonsync --data %s serve`; phones and points send again what came after the backup.", a.cfg.Data)
	return nil
}

type verifyCmd struct {
	File string `arg:"" optional:"" help:"Backup to verify; the data folder by default." type:"existingfile"`
}

// Run proves the data folder or a backup.
func (c *verifyCmd) Run(a *app) error {
	if c.File != "" {
		made, err := server.VerifyBackup.Run(a.ctx, a.cfg, a.quiet(), server.BackupFile{Path: c.File})
		if err != nil {
			return err
		}
		return a.show(made, func() { a.say("Whole: %d origins, %d changes.", made.Origins, made.Changes) })
	}
	v, err := server.VerifyCommand.Run(a.ctx, a.cfg, a.quiet(), server.None{})
	if err != nil {
		return err
	}
	err = a.show(v, func() {
		a.say("%d segments, %d changes, %d personal rows.", v.Segments, v.Changes, v.Personals)
		for _, d := range v.Damage {
			a.say("damaged: %s", d)
		}
	})
	if err == nil && len(v.Damage) > 0 {
		err = fmt.Errorf("%d places are damaged", len(v.Damage))
	}
	return err
}

type doctorCmd struct{}

// Run checks what an operator can mend.
func (doctorCmd) Run(a *app) error {
	checks, err := server.DoctorCommand.Run(a.ctx, a.cfg, a.quiet(), server.None{})
	if err != nil {
		return err
	}
	bad := 0
	err = a.show(checks, func() {
		var rows [][]string
		for _, c := range checks {
			state, text := "ok", c.Detail
			if !c.OK {
				state, text = "BAD", c.Detail+"; fix: "+c.Fix
			}
			rows = append(rows, []string{state, c.Name, text})
		}
		a.table([]string{"STATE", "CHECK", "FOUND"}, rows)
	})
	for _, c := range checks {
		if !c.OK {
			bad++
		}
	}
	if err == nil && bad > 0 {
		err = fmt.Errorf("%d of %d checks need attention", bad, len(checks))
	}
	return err
}
