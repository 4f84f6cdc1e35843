package sqlitestore

import (
	"context"
	"embed"
	"io/fs"
	"sort"

	"thonsync/syncproto"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// migrations gives the scripts in order; script i leads to version i+1.
func migrations() ([]string, error) {
	names, err := fs.Glob(migrationFiles, "migrations/*.sql")
	if err != nil {
		return nil, syncproto.Wrap(syncproto.CodeInternal, err, "reading the embedded migrations")
	}
	sort.Strings(names)
	out := make([]string, len(names))
	for i, n := range names {
		b, err := migrationFiles.ReadFile(n)
		if err != nil {
			return nil, syncproto.Wrap(syncproto.CodeInternal, err, "reading the embedded migrations")
		}
		out[i] = string(b)
	}
	return out, nil
}

// migrate brings the database to the newest version, one transaction a step.
func migrate(ctx context.Context, c *conn) error {
	scripts, err := migrations()
	if err != nil {
		return err
	}
	version, err := schemaVersion(c)
	if err != nil {
		return err
	}
	if version > len(scripts) {
		return newer(version, len(scripts))
	}
	for i := version; i < len(scripts); i++ {
		script := "BEGIN IMMEDIATE;\n" + scripts[i] + "\nPRAGMA user_version=" + itoa(i+1) + ";\nCOMMIT;"
		if _, err := c.c.ExecContext(ctx, script); err != nil {
			_ = c.simple("ROLLBACK") // the first error is the one that matters
			return classify(err, "bringing the database to version "+itoa(i+1))
		}
	}
	return nil
}

func newer(version, known int) error {
	return syncproto.Errorf(syncproto.CodeNewerSchema, "database has version %d, this program knows up to %d: use the newer program", version, known)
}

func schemaVersion(c *conn) (int, error) {
	var v int
	_, err := (&tx{c}).one("reading the database's version", "PRAGMA user_version", nil, &v)
	return v, err
}

// checkVersion refuses any version but the newest: a reader does not migrate.
func checkVersion(t *tx) error {
	scripts, err := migrations()
	if err != nil {
		return err
	}
	v, err := schemaVersion(t.conn)
	if err != nil {
		return err
	}
	if v > len(scripts) {
		return newer(v, len(scripts))
	}
	if v < len(scripts) {
		return syncproto.Errorf(syncproto.CodeInternal, "database has version %d of %d: start the server once to bring it up to date", v, len(scripts))
	}
	return nil
}
