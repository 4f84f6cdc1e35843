// Command thonsync runs a point or the centre and does everything that its
// operator needs: joining codes, bundles, backups, checks.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	env := environment{
		args: os.Args[1:], lookup: os.LookupEnv, environ: os.Environ(),
		in: os.Stdin, out: os.Stdout, err: os.Stderr,
	}
	code := run(ctx, env)
	stop()
	os.Exit(code)
}
