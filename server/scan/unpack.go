package scan

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"filippo.io/age"
	"github.com/klauspost/compress/zstd"
)

// headBytes is how much of a file tells what it is.
const headBytes = 512

// unpack takes one layer off a file: the encryption of backups, compression,
// archives; and reads databases.
func (s *Scanner) unpack(ctx context.Context, path, at string, depth int) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("reading a file to scan: %w", err)
	}
	defer func() { _ = f.Close() }() // only read from
	head := make([]byte, headBytes)
	n, err := io.ReadFull(f, head)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("reading a file to scan: %w", err)
	}
	head = head[:n]
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("reading a file to scan: %w", err)
	}
	switch {
	case bytes.HasPrefix(head, []byte("SQLite format 3\x00")):
		return s.database(ctx, path, at)
	case n > 262 && string(head[257:262]) == "ustar":
		return s.untar(ctx, f, at, depth)
	}
	r, layer := s.opened(f, head)
	if r == nil {
		return nil
	}
	defer func() { _ = r.Close() }() // only read from
	s.report.Archives++
	return s.kept(ctx, r, within(at, layer), depth)
}

// opened gives what a file decrypts or decompresses to, nil if it does not.
func (s *Scanner) opened(f io.Reader, head []byte) (io.ReadCloser, string) {
	switch {
	case bytes.HasPrefix(head, []byte("age-encryption.org/v1\n")):
		if len(s.keys.Ages) > 0 {
			if r, err := age.Decrypt(f, s.keys.Ages...); err == nil {
				return io.NopCloser(r), "age"
			}
		}
		s.report.Closed++
	case bytes.HasPrefix(head, []byte{0x1f, 0x8b, 8}):
		if r, err := gzip.NewReader(f); err == nil {
			return r, "gzip"
		}
	case bytes.HasPrefix(head, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		if r, err := zstd.NewReader(f, zstd.WithDecoderConcurrency(1)); err == nil {
			return r.IOReadCloser(), "zstd"
		}
	}
	return nil, ""
}

// kept writes what a reader opens to into a file, looks at that and removes it.
// What breaks off half-way is looked at as far as it came.
func (s *Scanner) kept(ctx context.Context, r io.Reader, at string, depth int) (err error) {
	f, err := os.CreateTemp(s.dir, "scan-")
	if err != nil {
		return fmt.Errorf("making a file to scan in: %w", err)
	}
	defer func() { err = errors.Join(err, os.Remove(f.Name())) }()
	_, broken := io.Copy(f, readOnly{r})
	if err := f.Close(); err != nil {
		return fmt.Errorf("writing what is scanned: %w", err)
	}
	if full, ok := errors.AsType[*os.PathError](broken); ok {
		return fmt.Errorf("writing what is scanned: %w", full)
	}
	_, err = s.stored(ctx, f.Name(), at, depth+1)
	return err
}

// readOnly hides everything but Read, so that errors of reading and of writing
// can be told apart.
type readOnly struct{ io.Reader }

func (s *Scanner) untar(ctx context.Context, f io.Reader, at string, depth int) error {
	r := tar.NewReader(f)
	for {
		h, err := r.Next()
		if err != nil {
			return nil //nolint:nilerr // the end, or no archive: it was looked at as bytes
		}
		if err := s.kept(ctx, r, within(at, h.Name), depth); err != nil {
			return err
		}
	}
}
