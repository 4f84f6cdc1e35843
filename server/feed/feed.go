// Package feed keeps what goes down to points and phones: entries per feed, cut
// into pages that the centre signs once and that never change.
package feed

import (
	"errors"

	"thonsync/server/store"
	"thonsync/syncproto"
)

// Limits of a page that is cut here.
const (
	PageItems = 200
	PageBytes = 24 << 10
)

// Slice is what one answer carries of a feed.
type Slice struct {
	Pages [][]byte
	// More says that pages are left.
	More bool
	// Reset says that the asker's checkpoint is of another epoch or of a history
	// that this feed does not have: the pages start at the beginning.
	Reset bool
}

// Pages gives the pages after a checkpoint, oldest first, as long as take
// allows. Points and the centre answer alike.
func Pages(r store.Reader, after syncproto.Checkpoint, take func(bytes int) bool) (Slice, error) {
	return Slice{}, errors.ErrUnsupported
}
