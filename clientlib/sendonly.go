package clientlib

import (
	"context"
	"io"

	"thonsync/clientlib/changelog"
	"thonsync/syncproto"
)

// SendOnly is a store that a newer program has written, opened to send what is
// unsent and for nothing else. It reads only the frozen tables of the first
// migration and writes only the marks in the change log.
type SendOnly struct{ d *Device }

// OpenSendOnly opens a store for sending only, whatever its schema. Use it when
// Open fails with CodeNewerSchema, so that work is never stranded by a program
// that was set back.
func OpenSendOnly(ctx context.Context, opts Options) (*SendOnly, error) {
	d, fresh, err := open(ctx, opts)
	if err != nil {
		return nil, err
	}
	d.sendOnly = true
	if fresh {
		d.Close()
		return nil, syncproto.Errorf(syncproto.CodeNotFound, "there is no device database at this path: nothing can be sent from it")
	}
	if err := d.openLog(ctx); err != nil {
		d.Close()
		return nil, storageError(err)
	}
	return &SendOnly{d}, nil
}

// Close gives the store free.
func (s *SendOnly) Close() error { return s.d.Close() }

// Waiting counts the changes that the centre has not received.
func (s *SendOnly) Waiting(ctx context.Context) (int, error) {
	n := 0
	err := s.d.view(ctx, func(ctx context.Context, q changelog.Querier) (err error) {
		n, err = s.d.log.Waiting(ctx, q, syncproto.MarkReceived)
		return err
	})
	return n, err
}

// Sync sends what is waiting; of the answers it takes only the receipts.
func (s *SendOnly) Sync(ctx context.Context) (Report, error) { return s.d.Sync(ctx) }

// ExportBundle writes what is waiting to a file.
func (s *SendOnly) ExportBundle(ctx context.Context, w io.Writer) error {
	return s.d.ExportBundle(ctx, w, BundleOptions{})
}
