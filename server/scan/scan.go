// Package scan looks through whole files for values that should be gone, the
// way somebody would who got hold of the machine: in every byte, in free space
// and in write-ahead logs, after decompressing and decrypting with every key
// that is still held.
package scan

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"filippo.io/age"

	"thonsync/syncproto"
)

// Mark is a value to look for. Findings tell its name, never the value.
type Mark struct {
	Name  string
	Value []byte // at least 4 octets
}

// Keys are all keys that are still held somewhere.
type Keys struct {
	Seals []syncproto.SealPrivate // the centre's sealing keys, replaced and recovery ones too
	Rows  [][]byte                // AES-256 keys of values at rest, 32 octets each
	Ages  []age.Identity          // period keys of backups
}

// Finding is a place where a marked value was found.
type Finding struct {
	File string `json:"file"` // as it was named to the scan
	At   string `json:"at"`   // where in it, from the outside in
	Mark string `json:"mark"` // name of the mark
}

// Report is what a scan saw. The counts of what was opened tell that it did
// look inside.
type Report struct {
	Files     int       `json:"files"`
	Bytes     int64     `json:"bytes"`
	Databases int       `json:"databases"` // read table by table
	Segments  int       `json:"segments"`  // seen
	Seals     int       `json:"seals"`     // opened with a sealing key
	Rows      int       `json:"rows"`      // values that decrypt with a key of values at rest
	Archives  int       `json:"archives"`  // encrypted or compressed files opened
	Closed    int       `json:"closed"`    // encrypted files that no key opens any more
	Findings  []Finding `json:"findings"`
}

// Scanner looks for marks. It is not safe for concurrent use.
type Scanner struct {
	keys   Keys
	marks  []Mark
	blocks []blockKey
	pairs  pairs
	report Report
	seen   map[Finding]bool
	file   string
	dir    string // for copies while they are looked at
}

// New makes a scanner that keeps opened copies in the folder dir while it looks
// at them; it removes them. It fails on a mark that is too short to tell
// anything and on a key of a wrong length.
func New(keys Keys, marks []Mark, dir string) (*Scanner, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("folder to scan in: %w", err)
	}
	s := &Scanner{keys: keys, marks: marks, dir: dir, seen: make(map[Finding]bool)}
	for _, m := range marks {
		if len(m.Value) < minMark {
			return nil, syncproto.Errorf(syncproto.CodeInvalidInput, "mark %s has %d octets: at least %d are needed to tell it from chance", m.Name, len(m.Value), minMark)
		}
		s.pairs[uint16(m.Value[0])<<8|uint16(m.Value[1])] = true
	}
	for _, raw := range keys.Rows {
		k, err := newBlockKey(raw)
		if err != nil {
			return nil, err
		}
		s.blocks = append(s.blocks, k)
	}
	return s, nil
}

const minMark = 4

// Report gives what was seen so far.
func (s *Scanner) Report() Report { return s.report }

// Folder scans every regular file below dir. A database is also read table by
// table, from a copy together with its write-ahead log, so nobody may write to
// it meanwhile.
func (s *Scanner) Folder(ctx context.Context, dir string) error {
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		return s.File(ctx, path)
	})
}

// File scans one file. One that vanished meanwhile holds nothing.
func (s *Scanner) File(ctx context.Context, path string) error {
	s.file = path
	n, err := s.stored(ctx, path, "", 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		s.report.Files++
		s.report.Bytes += n
	}
	return err
}

// Octets scans one file octet by octet and takes no layer off it: a database
// that is written to meanwhile cannot be read table by table.
func (s *Scanner) Octets(ctx context.Context, path string) error {
	s.file = path
	n, err := s.stored(ctx, path, "", maxDepth)
	if err == nil {
		s.report.Files++
		s.report.Bytes += n
	}
	return err
}

const (
	// chunkBytes is how much of a file is in memory at once.
	chunkBytes = 1 << 20
	// overlapBytes is how much of a chunk is looked at again with the next: more
	// than the longest segment.
	overlapBytes = 128 << 10
	// maxDepth bounds how many layers are taken off one after the other.
	maxDepth = 6
)

// stored looks at a file in chunks, and at what it opens to.
func (s *Scanner) stored(ctx context.Context, path, at string, depth int) (size int64, err error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, fmt.Errorf("reading a file to scan: %w", err)
	}
	defer func() { _ = f.Close() }() // only read from
	buf := make([]byte, chunkBytes)
	kept := 0
	for first := true; ; first = false {
		if err := ctx.Err(); err != nil {
			return size, err
		}
		n, err := io.ReadFull(f, buf[kept:])
		size += int64(n)
		if n > 0 || first {
			s.octets(buf[:kept+n], at)
		}
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			break
		}
		if err != nil {
			return size, fmt.Errorf("reading a file to scan: %w", err)
		}
		kept = copy(buf, buf[len(buf)-overlapBytes:])
	}
	if depth == maxDepth {
		return size, nil
	}
	return size, s.unpack(ctx, path, at, depth)
}

// octets looks at bytes of any kind: as they are, decrypted from every place,
// and at the segments in them.
func (s *Scanner) octets(b []byte, at string) {
	s.look(b, at)
	s.carve(b, at)
	s.segments(b, at)
}

// look notes the marks that stand in plain bytes.
func (s *Scanner) look(b []byte, at string) {
	for _, m := range s.marks {
		if bytes.Contains(b, m.Value) {
			s.found(m, at)
		}
	}
}

func (s *Scanner) found(m Mark, at string) {
	if at == "" {
		at = "as it is"
	}
	f := Finding{File: s.file, At: at, Mark: m.Name}
	if s.seen[f] {
		return
	}
	s.seen[f] = true
	s.report.Findings = append(s.report.Findings, f)
}

// within names a layer.
func within(at, layer string) string {
	if at == "" {
		return layer
	}
	return at + " > " + layer
}

// segments looks into every segment that begins anywhere in b, also inside a
// bundle, a database page or a deleted row.
func (s *Scanner) segments(b []byte, at string) {
	for off := 0; ; {
		i := bytes.Index(b[off:], []byte("TSG"))
		if i < 0 {
			return
		}
		off += i
		if n, ok := syncproto.SegmentLength(b[off:]); ok {
			if seg, err := syncproto.ParseSegment(b[off : off+n]); err == nil {
				s.segment(seg, within(at, fmt.Sprintf("segment %d-%d", seg.First(), seg.Last())))
			}
		}
		off++
	}
}

func (s *Scanner) segment(seg *syncproto.Segment, at string) {
	s.report.Segments++
	r := seg.Reveal(s.seal)
	for _, row := range r.Operational {
		s.look(syncproto.AppendRow(nil, row), within(at, "operational"))
	}
	if r.Plain == nil {
		return
	}
	s.report.Seals++
	s.look(r.Plain, within(at, "opened seal"))
	for _, row := range r.Personal {
		s.look(syncproto.AppendRow(nil, row), within(at, "opened seal, personal row"))
	}
	for _, salt := range r.Salts {
		s.look(salt[:], within(at, "opened seal, salt"))
	}
}

func (s *Scanner) seal(id syncproto.KeyID) (syncproto.SealPrivate, bool) {
	for _, k := range s.keys.Seals {
		if k.Public.ID == id {
			return k, true
		}
	}
	return syncproto.SealPrivate{}, false
}
