//go:build js

package clientlib

import (
	"context"
	"database/sql"

	"thonsync/syncproto"
)

// defaultOpener has no driver to offer in a browser: the page brings its own.
func defaultOpener(context.Context, string) (*sql.DB, error) {
	return nil, syncproto.Errorf(syncproto.CodeInternal, "no database driver: set Options.Open to the page's own")
}
