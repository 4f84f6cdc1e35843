// Command apitypes writes the TypeScript types of the documented JSON API from
// the server's own OpenAPI document, so that the console's pages can use nothing
// that is not documented.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"

	"thonsync/server"
	"thonsync/server/config"
)

//go:generate go run . -o ../src/api-types.ts

func main() {
	out := flag.String("o", "server/console/src/api-types.ts", "the file to write")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *out); err != nil {
		fmt.Fprintln(os.Stderr, "apitypes:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out string) error {
	dir, err := os.MkdirTemp("", "thonsync-apitypes-")
	if err != nil {
		return fmt.Errorf("making a folder for a server: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }() // temporary
	doc, err := document(ctx, filepath.Join(dir, "data"))
	if err != nil {
		return err
	}
	text, err := write(doc)
	if err != nil {
		return err
	}
	return os.WriteFile(out, []byte(text), 0o644)
}

// document asks a new, empty centre for its OpenAPI document.
func document(ctx context.Context, data string) ([]byte, error) {
	cfg, err := config.Default()
	if err != nil {
		return nil, err
	}
	cfg.Data = data
	n, err := server.Open(ctx, cfg, server.Options{Reports: server.Reporter, Mounts: server.Pages})
	if err != nil {
		return nil, err
	}
	doc, err := n.Document()
	if closed := n.Close(); err == nil {
		err = closed
	}
	return doc, err
}
