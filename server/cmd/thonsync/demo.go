package main

import (
	"fmt"
	"os"

	"thonsync/server/demo"
)

// demoCmd plays a market day and checks every promise.
type demoCmd struct {
	Once         bool   `help:"End after the checks, with status 0 only if all promises held."`
	Break        string `placeholder:"PROMISE" help:"Break a promise on purpose; the demo must then fail."`
	ListPromises bool   `help:"List the promises that can be broken."`
	Seed         uint64 `default:"1" help:"Seed of the invented people and their day."`
	Keep         string `placeholder:"DIR" help:"Keep all databases in this empty folder."`
}

// Run plays.
func (c demoCmd) Run(a *app) error {
	if c.ListPromises {
		for _, name := range demo.Names() {
			fmt.Fprintln(a.out, name)
		}
		return nil
	}
	program, err := os.Executable()
	if err != nil {
		return fmt.Errorf("finding this program: %w", err)
	}
	return demo.Run(a.ctx, demo.Options{Once: c.Once, Break: c.Break, Seed: c.Seed, Keep: c.Keep, Out: a.out, Program: program})
}

// demoPhoneCmd is the phone of the demo that is killed in mid-write.
type demoPhoneCmd struct {
	Path   string `arg:""`
	Person string `arg:""`
}

// Run records until it is killed.
func (c demoPhoneCmd) Run(a *app) error { return demo.Child(a.ctx, c.Path, c.Person) }
