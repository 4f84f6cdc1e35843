package clientlib

import (
	"context"
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
