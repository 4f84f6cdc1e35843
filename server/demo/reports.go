package demo

import (
	"context"
	"io"
	"log/slog"
	"os"
	"path/filepath"

	"thonsync/clientlib"
	"thonsync/server"
	"thonsync/server/imports"
	"thonsync/server/store"
)

// reports knows how the servers of the demo report.
type reports struct{}

func (reports) options(log *slog.Logger, transport clientlib.Transport) server.Options {
	return server.Options{Version: "demo", Log: log, Transport: transport}
}

func (reports) print(context.Context, *server.Node, io.Writer) error { return nil }

type link struct{ what, url string }

func (reports) links(*stage) []link { return nil }

// importFiles imports the reference data of a folder, as `thonsync import` does.
func importFiles(ctx context.Context, n *server.Node, dir string) error {
	for _, what := range imports.All() {
		name := string(what) + ".csv"
		if what == imports.Kinds || what == imports.Guides {
			name = string(what) + ".json"
		}
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return err
		}
		res, err := imports.Run(ctx, n, what, b, imports.Options{})
		if err != nil {
			return err
		}
		if len(res.Bad) > 0 {
			return brokenf("%s: row %d was refused: %s", name, res.Bad[0].Row, res.Bad[0].Rule)
		}
	}
	return nil
}

// personalLeft counts the changes of a record whose personal values the centre
// can still open.
func (s *stage) personalLeft(ctx context.Context, id [16]byte) (left int, err error) {
	err = s.centre.node.Store().View(ctx, func(r store.Reader) error {
		rec, ok, err := r.Record(id)
		if err != nil || !ok {
			return err
		}
		left, err = s.centre.node.Ingest().PersonalHeld(&rec)
		return err
	})
	return left, err
}
