package audit

import (
	"bufio"
	"bytes"
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"thonsync/server/keys"
)

// head says that the log ended so. A head with Lost says that the log was
// restored and goes on after entry Number, although it had reached Lost.
type head struct {
	mark
	AtMS      int64  `json:"at_ms"`
	Lost      uint64 `json:"lost_to,omitempty"`
	Key       string `json:"key"`
	Signature string `json:"signature"`
}

const headDomain = "thonsync access head 1\n"

func (h *head) signed() []byte {
	return fmt.Appendf(nil, "%s%d\n%s\n%d\n%d", headDomain, h.Number, h.Hash, h.AtMS, h.Lost)
}

func (h *head) sign(key ed25519.PrivateKey) {
	h.Key = hex.EncodeToString(key.Public().(ed25519.PublicKey))
	h.Signature = hex.EncodeToString(ed25519.Sign(key, h.signed()))
}

func (h *head) good(trusted func(ed25519.PublicKey) bool) bool {
	key, err1 := hex.DecodeString(h.Key)
	sig, err2 := hex.DecodeString(h.Signature)
	return err1 == nil && err2 == nil && len(key) == ed25519.PublicKeySize && trusted(key) && ed25519.Verify(key, h.signed(), sig)
}

// readHeads reads a file of heads; none if there is no file.
func readHeads(path string) ([]head, error) {
	b, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the signed heads of the access log: %w", err)
	}
	var out []head
	sc := bufio.NewScanner(bytes.NewReader(b))
	for n := 1; sc.Scan(); n++ {
		var h head
		if err := json.Unmarshal(sc.Bytes(), &h); err != nil {
			return out, fmt.Errorf("line %d of the signed heads of the access log is damaged: %w", n, err)
		}
		out = append(out, h)
	}
	return out, sc.Err()
}

// sign adds a signed head if the log has grown since the last one.
func (l *Log) sign() error {
	if l.damaged() || l.end == l.signed || l.end.Number == 0 {
		return nil
	}
	if err := l.addHead(head{mark: l.end, AtMS: l.cfg.Now().UnixMilli()}); err != nil {
		return err
	}
	l.signed = l.end
	return nil
}

// addHead keeps the newest head of every day, and every restore: enough to see
// a log cut short, and a small file.
func (l *Log) addHead(h head) error {
	h.sign(l.cfg.Key())
	list, err := readHeads(l.cfg.Heads)
	if err != nil {
		return err // a damaged file is not overwritten: it may be evidence
	}
	if n := len(list); n > 0 && h.Lost == 0 && list[n-1].Lost == 0 && list[n-1].Number <= h.Number && day(list[n-1].AtMS) == day(h.AtMS) {
		list = list[:n-1]
	}
	var buf bytes.Buffer
	for _, h := range append(list, h) {
		b, err := json.Marshal(h)
		if err != nil {
			return fmt.Errorf("encoding a head of the access log: %w", err)
		}
		buf.Write(append(b, '\n'))
	}
	return keys.WriteFile(l.cfg.Heads, buf.Bytes())
}

func day(ms int64) string { return time.UnixMilli(ms).UTC().Format(time.DateOnly) }

// Restored notes, with a signature, that log and heads came out of a backup:
// entries that heads speak of and the log lacks were lost with it. Call it once
// after a restore, before the first entry.
func (l *Log) Restored() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	list, err := readHeads(l.cfg.Heads)
	if err != nil {
		return err
	}
	lost := l.end.Number
	for _, h := range list {
		lost = max(lost, h.Number)
	}
	if lost == l.end.Number {
		return nil
	}
	l.signed = l.end
	return l.addHead(head{mark: l.end, AtMS: l.cfg.Now().UnixMilli(), Lost: lost})
}
