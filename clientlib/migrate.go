package clientlib

import (
	"context"
	"database/sql"
	"embed"
	"fmt"

	"thonsync/clientlib/changelog"
	"thonsync/syncproto"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// migrations lists the steps in order; step i leads to PRAGMA user_version i+1.
// A released step is never edited.
func migrations() ([]string, error) {
	first, err := migrationFiles.ReadFile("migrations/0001.sql")
	if err != nil {
		return nil, fmt.Errorf("reading migrations: %w", err)
	}
	return []string{changelog.SchemaSQLite + string(first)}, nil
}

func schemaVersion(ctx context.Context, db *sql.DB) (int, error) {
	var v int
	if err := db.QueryRowContext(ctx, `PRAGMA user_version`).Scan(&v); err != nil {
		return 0, fmt.Errorf("reading the schema version: %w", err)
	}
	return v, nil
}

// migrate brings the schema up to date, each step in its own transaction. It
// fails with CodeNewerSchema if the database is ahead of this program.
func migrate(ctx context.Context, db *sql.DB) error {
	steps, err := migrations()
	if err != nil {
		return err
	}
	have, err := schemaVersion(ctx, db)
	if err != nil {
		return err
	}
	if have > len(steps) {
		return syncproto.Errorf(syncproto.CodeNewerSchema, "the database has schema %d, this program knows %d: update the program; until then it can only send what is waiting", have, len(steps))
	}
	for v := have; v < len(steps); v++ {
		if err := migrateStep(ctx, db, steps[v], v+1); err != nil {
			return err
		}
	}
	return nil
}

func migrateStep(ctx context.Context, db *sql.DB, step string, version int) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("starting migration %d: %w", version, err)
	}
	defer tx.Rollback()
	if _, err := tx.ExecContext(ctx, step); err != nil {
		return fmt.Errorf("migration %d: %w", version, err)
	}
	if _, err := tx.ExecContext(ctx, fmt.Sprintf(`PRAGMA user_version = %d`, version)); err != nil {
		return fmt.Errorf("migration %d: %w", version, err)
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("migration %d: %w", version, err)
	}
	return nil
}
