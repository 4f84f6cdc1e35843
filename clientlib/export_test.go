package clientlib

import (
	"context"
	"crypto/ed25519"
	"database/sql"
	"fmt"
	"slices"
)

// DefaultOpener is the opener that Open uses where none is given.
var DefaultOpener = defaultOpener

// LimitedOpener is the default opener with a bound on the size of the database,
// in pages.
func LimitedOpener(pages int) Opener {
	return func(ctx context.Context, path string) (*sql.DB, error) {
		return openSQLite(ctx, path, append(slices.Clone(pragmas), fmt.Sprintf("max_page_count(%d)", pages)))
	}
}

// PublicKey gives the key of the origin that takes new changes.
func (d *Device) PublicKey() ed25519.PublicKey {
	key, _ := d.log.Key(d.Origin())
	return key.Public().(ed25519.PublicKey)
}
