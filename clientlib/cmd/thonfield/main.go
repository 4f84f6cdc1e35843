// Thonfield is the device's program: it records what a village team did for
// people, shows honestly how far each record has got, and sends records by
// network or by file. README.md beside this file describes it for people who
// script it.
package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"golang.org/x/term"

	"thonsync/clientlib"
	"thonsync/clientlib/httptransport"
)

// version is set by the linker.
var version = "dev"

// Exit codes. They are stable.
const (
	exitOK        = 0
	exitFailed    = 1
	exitUsage     = 2
	exitUnreached = 3 // nobody answered; what was recorded is safe on the device
	exitAsked     = 4 // it went well, and the commune or the centre asks about records
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, environment{
		in: os.Stdin, out: os.Stdout, errOut: os.Stderr, now: time.Now, open: openDevice, openSending: openSending,
		terminal: term.IsTerminal(int(os.Stdin.Fd())) && term.IsTerminal(int(os.Stdout.Fd())),
		secret:   func() ([]byte, error) { return term.ReadPassword(int(os.Stdin.Fd())) },
		pause:    pause,
	}, os.Args[1:])
	stop()
	os.Exit(code)
}

// environment is what the program takes from the world.
type environment struct {
	in          io.Reader
	out, errOut io.Writer
	terminal    bool                   // a person sits at both in and out
	secret      func() ([]byte, error) // reads a line from the terminal without showing it
	now         func() time.Time       // in the zone of the device
	pause       func(ctx context.Context, d time.Duration) error
	open        func(ctx context.Context, path string) (device, error)
	openSending func(ctx context.Context, path string) (sender, error)
}

// pause waits, or fails as ctx ends.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

func options(path string) clientlib.Options {
	return clientlib.Options{Path: path, Transport: httptransport.New(0)}
}

func openDevice(ctx context.Context, path string) (device, error) {
	return clientlib.Open(ctx, options(path))
}

func openSending(ctx context.Context, path string) (sender, error) {
	return clientlib.OpenSendOnly(ctx, options(path))
}
