// Package chained keeps append-only files of JSON lines in which each line holds
// the hash of its entry and of the line before, so that a change, a removal or a
// swap shows. The chain has no key: anybody can prove the file, and whoever wants
// to stop a rewriting signs or notes the head elsewhere.
package chained

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"thonsync/syncproto"
)

// Line is how an entry lies in the file. The hash covers the octets of the entry
// as they stand there, and the hash before.
type Line struct {
	Hash  string          `json:"hash"` // SHA-256 in hex
	Entry json.RawMessage `json:"entry"`
}

// Parse reads one line; it does not look at the chain.
func Parse(b []byte) (Line, error) {
	var l Line
	if err := json.Unmarshal(b, &l); err != nil {
		return l, err
	}
	if raw, err := hex.DecodeString(l.Hash); err != nil || len(raw) != sha256.Size {
		return l, errors.New("no hash")
	}
	return l, nil
}

// Link gives the hash of an entry after the one before; before is "" for the
// first. The domain keeps lines of one file from being taken for another's.
func Link(domain, before string, entry []byte) string {
	h := sha256.New()
	h.Write([]byte(domain + before + "\n"))
	h.Write(entry)
	return hex.EncodeToString(h.Sum(nil))
}

// ErrDamaged is what Append gives when the end of the file is not a line, so
// that nothing may follow it.
var ErrDamaged = errors.New("the end of the file is damaged")

// File is an open file. It is not safe for concurrent use, except for what
// Snapshot gave.
type File struct {
	domain  string
	f       *os.File
	size    int64
	head    string
	damaged bool
}

// maxLine bounds one line.
const maxLine = 16 << 20

// Open opens or makes a file and gives the entry of its last line, nil if there
// is none. A last line that a crash cut short is dropped: nobody was told of it.
// A file whose end is damaged opens to be read and takes no more entries.
func Open(path, domain string) (*File, json.RawMessage, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, nil, fmt.Errorf("opening: %w", err)
	}
	c := &File{domain: domain, f: f}
	last, err := c.findEnd()
	if err == nil && !c.damaged {
		err = c.f.Truncate(c.size)
	}
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("reading the end: %w", err), f.Close())
	}
	return c, last, nil
}

// findEnd finds the last whole line, reading backwards in growing steps.
func (c *File) findEnd() (json.RawMessage, error) {
	size, err := c.f.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, err
	}
	for n := int64(16 << 10); ; n *= 4 {
		from := max(0, size-n)
		tail := make([]byte, size-from)
		if _, err := c.f.ReadAt(tail, from); err != nil && !errors.Is(err, io.EOF) {
			return nil, err
		}
		end := bytes.LastIndexByte(tail, '\n') + 1
		begin := bytes.LastIndexByte(tail[:max(0, end-1)], '\n') + 1
		if from > 0 && begin == 0 && n < maxLine {
			continue // the line begins further up
		}
		c.size = from + int64(end)
		if c.size == 0 {
			return nil, nil
		}
		l, err := Parse(tail[begin:max(begin, end-1)])
		c.damaged = err != nil || from > 0 && begin == 0
		if c.damaged {
			c.size = size // nothing is cut: it may be evidence
		}
		c.head = l.Hash
		return l.Entry, nil
	}
}

// Head gives the hash of the last line, "" if there is none.
func (c *File) Head() string { return c.head }

// Damaged tells whether Append is refused.
func (c *File) Damaged() bool { return c.damaged }

// Append writes an entry durably before it returns. On an error nothing of it
// stays.
func (c *File) Append(entry any) error {
	if c.damaged {
		return ErrDamaged
	}
	body, err := json.Marshal(entry)
	if err != nil {
		return fmt.Errorf("encoding an entry: %w", err)
	}
	l := Line{Link(c.domain, c.head, body), body}
	b, err := json.Marshal(l)
	if err != nil {
		return fmt.Errorf("encoding a line: %w", err)
	}
	b = append(b, '\n')
	if _, err = c.f.WriteAt(b, c.size); err == nil {
		err = c.f.Sync()
	}
	if err != nil {
		if c.f.Truncate(c.size) != nil {
			c.damaged = true
		}
		return syncproto.Wrap(syncproto.CodeDiskFull, err, "writing a line")
	}
	c.size += int64(len(b))
	c.head = l.Hash
	return nil
}

// Snapshot gives the file as it is now. What is appended later does not show, so
// it may be read while others append, until Close.
func (c *File) Snapshot() *io.SectionReader { return io.NewSectionReader(c.f, 0, c.size) }

// Close closes the file.
func (c *File) Close() error { return c.f.Close() }

// Fault says what is wrong with a line.
type Fault int

// What Each finds.
const (
	Sound     Fault = iota
	Unread          // the line does not parse
	Unchained       // it does not follow from the line before
)

// Each calls f for every line of a snapshot, from 1, with what is wrong with it.
// After a fault the chain is taken up from what the line claims, so that each
// fault shows once. It ends early with f's error.
func Each(r io.Reader, domain string, f func(n int, l Line, fault Fault) error) error {
	sc := bufio.NewScanner(r)
	sc.Buffer(nil, maxLine)
	before := ""
	for n := 1; sc.Scan(); n++ {
		l, err := Parse(sc.Bytes())
		fault := Sound
		switch {
		case err != nil:
			fault = Unread
		case Link(domain, before, l.Entry) != l.Hash:
			fault = Unchained
		}
		before = l.Hash
		if err := f(n, l, fault); err != nil {
			return err
		}
	}
	return sc.Err()
}
