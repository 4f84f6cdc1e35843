package backup

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"

	"thonsync/syncproto"
)

// Orders is a file of rulings that must hold also after a restore: erasures and
// holds. It lies outside the database, holds ids only, and is written before
// the ruling takes effect. It is safe for concurrent use.
type Orders struct {
	mu   sync.Mutex
	f    *os.File
	seen map[string]bool
	all  []Order
}

// Order is one line of the file.
type Order struct {
	Number uint64               `json:"number"`
	Kind   syncproto.RulingKind `json:"kind"`
	Ruling []byte               `json:"ruling"` // as signed
}

// OpenOrders opens or makes the file. A last line that a crash cut short is
// dropped: its ruling had not taken effect.
func OpenOrders(path string) (*Orders, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening the orders file: %w", err)
	}
	o := &Orders{f: f, seen: make(map[string]bool)}
	if err := o.load(); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return o, nil
}

func (o *Orders) load() error {
	b, err := io.ReadAll(o.f)
	if err != nil {
		return fmt.Errorf("reading the orders file: %w", err)
	}
	whole := bytes.LastIndexByte(b, '\n') + 1
	list, err := parseOrders(b[:whole])
	if err != nil {
		return err
	}
	for _, e := range list {
		o.seen[string(e.Ruling)] = true
	}
	o.all = list
	if err := o.f.Truncate(int64(whole)); err != nil {
		return fmt.Errorf("mending the orders file: %w", err)
	}
	_, err = o.f.Seek(int64(whole), io.SeekStart)
	return err
}

func parseOrders(b []byte) ([]Order, error) {
	var out []Order
	sc := bufio.NewScanner(bytes.NewReader(b))
	for n := 1; sc.Scan(); n++ {
		var e Order
		if err := json.Unmarshal(sc.Bytes(), &e); err != nil {
			return nil, fmt.Errorf("line %d of the orders file is damaged: take the copy beside the backups: %w", n, err)
		}
		if _, err := syncproto.DecodeRuling(e.Ruling); err != nil {
			return nil, fmt.Errorf("line %d of the orders file holds no ruling: take the copy beside the backups: %w", n, err)
		}
		out = append(out, e)
	}
	return out, sc.Err()
}

// Lasting reports whether a ruling of this kind belongs into the file.
func Lasting(kind syncproto.RulingKind) bool { return kind != syncproto.RulingAuthority }

// Add appends a ruling durably, once.
func (o *Orders) Add(r *syncproto.Ruling) error {
	b := r.Encode()
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.seen[string(b)] {
		return nil
	}
	e := Order{Number: r.Number, Kind: r.Kind, Ruling: b}
	line, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("encoding an order: %w", err)
	}
	if _, err := o.f.Write(append(line, '\n')); err != nil {
		return fmt.Errorf("writing the orders file: %w", err)
	}
	if err := o.f.Sync(); err != nil {
		return fmt.Errorf("writing the orders file: %w", err)
	}
	o.seen[string(b)] = true
	o.all = append(o.all, e)
	return nil
}

// All gives the orders, oldest first.
func (o *Orders) All() []Order {
	o.mu.Lock()
	defer o.mu.Unlock()
	return append([]Order(nil), o.all...)
}

// Close closes the file.
func (o *Orders) Close() error { return o.f.Close() }

// CopyBeside takes a file that lies beside a backup into a restored data folder,
// where it is called to; there need not be one.
func CopyBeside(backupFolder, to string) error {
	return copyFile(filepath.Join(backupFolder, filepath.Base(to)), to)
}
