// Package keys keeps a server's secrets as files beside its database, never in
// it: the identity, the exchange key, at the centre the sealing keys and the
// keys of personal rows, beacons and the own change log. A copied database
// without this folder reads nobody's personal data.
package keys

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"thonsync/syncproto"
)

// Folder is a folder of key files. It is safe for concurrent use inside one
// process.
type Folder struct {
	path   string
	random io.Reader
	mu     sync.Mutex
	seal   sealFile
	xchg   exchangeFile
}

// Exists reports whether path is a keys folder that was used.
func Exists(path string) bool {
	_, err := os.Stat(filepath.Join(path, identityName))
	return err == nil
}

// Open opens or makes the folder. random must be cryptographic.
func Open(path string, random io.Reader) (*Folder, error) {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, fmt.Errorf("making the keys folder: %w", err)
	}
	f := &Folder{path: path, random: random}
	for name, into := range map[string]any{sealName: &f.seal, exchangeName: &f.xchg} {
		if err := f.readJSON(name, into); err != nil {
			return nil, err
		}
	}
	return f, nil
}

// File names inside the folder.
const (
	identityName = "identity.key"
	signName     = "centre-keys.json"
	recoveryName = "recovery.json"
	sealName     = "seal-keys.json"
	exchangeName = "exchange-key.json"
	dataName     = "personal.key"
	beaconName   = "beacon.key"
	logName      = "own-log.key"
	accountsName = "accounts.key"
	tokenName    = "api-token"
	memberName   = "membership.json"
)

// Identity gives the server's Ed25519 key, made at first use. At the centre it
// is the newest signing key, which Line ends with.
func (f *Folder) Identity() (ed25519.PrivateKey, error) {
	seed, err := f.secret(identityName, ed25519.SeedSize)
	if err != nil {
		return nil, err
	}
	return ed25519.NewKeyFromSeed(seed), nil
}

// PersonalKey gives the 32 octets that encrypt personal rows at rest; centre
// only.
func (f *Folder) PersonalKey() ([]byte, error) { return f.secret(dataName, 32) }

// BeaconSecret gives the 32 octets that make beacon tags; centre only.
func (f *Folder) BeaconSecret() ([]byte, error) { return f.secret(beaconName, 32) }

// LogKey gives the 32 octets that encrypt the own change log.
func (f *Folder) LogKey() ([]byte, error) { return f.secret(logName, 32) }

// AccountsKey gives the 32 octets that encrypt the second factors of accounts
// and tag addresses.
func (f *Folder) AccountsKey() ([]byte, error) { return f.secret(accountsName, 32) }

// APIToken gives the token for status, reports and metrics.
func (f *Folder) APIToken() (string, error) {
	b, err := f.secret(tokenName, 32)
	return hex.EncodeToString(b), err
}

// secret reads a file of n octets in hex, and makes it if there is none.
func (f *Folder) secret(name string, n int) ([]byte, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	text, err := os.ReadFile(filepath.Join(f.path, name))
	if errors.Is(err, fs.ErrNotExist) {
		b := make([]byte, n)
		if _, err := io.ReadFull(f.random, b); err != nil {
			return nil, fmt.Errorf("no randomness for %s: %w", name, err)
		}
		return b, f.write(name, encodeSecret(b))
	}
	if err != nil {
		return nil, fmt.Errorf("reading %s of the keys folder: %w", name, err)
	}
	b, err := hex.DecodeString(string(trimNewline(text)))
	if err != nil || len(b) != n {
		return nil, syncproto.Errorf(syncproto.CodeUnreadable, "%s in the keys folder is damaged: put back the copy of the keys that belongs to this data folder", name)
	}
	return b, nil
}

// has reports whether a file is there.
func (f *Folder) has(name string) bool {
	_, err := os.Stat(filepath.Join(f.path, name))
	return err == nil
}

func encodeSecret(b []byte) []byte { return []byte(hex.EncodeToString(b) + "\n") }

func trimNewline(b []byte) []byte {
	for len(b) > 0 && (b[len(b)-1] == '\n' || b[len(b)-1] == '\r') {
		b = b[:len(b)-1]
	}
	return b
}

// readJSON reads a file into v and leaves v alone if there is none.
func (f *Folder) readJSON(name string, v any) error {
	text, err := os.ReadFile(filepath.Join(f.path, name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = json.Unmarshal(text, v)
	}
	if err != nil {
		return fmt.Errorf("reading %s of the keys folder: %w", name, err)
	}
	return nil
}

func (f *Folder) writeJSON(name string, v any) error {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Errorf("encoding %s: %w", name, err)
	}
	return f.write(name, append(text, '\n'))
}

func (f *Folder) write(name string, text []byte) error {
	return WriteFile(filepath.Join(f.path, name), text)
}

// WriteFile writes a file that only its owner may read, durably and whole or
// not at all.
func WriteFile(path string, text []byte) error {
	temp := path + ".new"
	out, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("writing %s: %w", filepath.Base(path), err)
	}
	_, err = out.Write(text)
	err = errors.Join(err, out.Sync(), out.Close())
	if err == nil {
		err = os.Rename(temp, path)
	}
	if err != nil {
		return fmt.Errorf("writing %s: %w", filepath.Base(path), err)
	}
	if dir, err := os.Open(filepath.Dir(path)); err == nil {
		// Not every system can sync a folder; the file itself is durable.
		_ = dir.Sync()
		_ = dir.Close() // only read from
	}
	return nil
}

// Fingerprint names a centre's newest key in joining codes: unpadded base64url of
// the first 16 octets of its SHA-256.
func Fingerprint(centre ed25519.PublicKey) string {
	sum := sha256.Sum256(centre)
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}

// Membership is what a point keeps of its joining.
type Membership struct {
	Upstream    string   `json:"upstream"`
	Centre      []byte   `json:"centre"` // the line of the centre's keys
	Credentials []string `json:"credentials"`
	Notice      []byte   `json:"notice"` // upstream's newest key notice
}

// Membership reads it; false if this server has not joined anything.
func (f *Folder) Membership() (Membership, bool, error) {
	var m Membership
	f.mu.Lock()
	defer f.mu.Unlock()
	err := f.readJSON(memberName, &m)
	return m, len(m.Credentials) > 0, err
}

// SetMembership keeps it.
func (f *Folder) SetMembership(m Membership) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.writeJSON(memberName, m)
}

func ms(t time.Time) int64 { return t.UnixMilli() }

// CopyTo copies what a restored server needs into dir: all but the exchange key
// and the API token, which are made anew.
func (f *Folder) CopyTo(dir string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("copying the keys: %w", err)
	}
	for _, name := range []string{identityName, signName, recoveryName, sealName, dataName, beaconName, logName, accountsName, memberName} {
		b, err := os.ReadFile(filepath.Join(f.path, name))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return fmt.Errorf("copying the keys: %w", err)
		}
		if err := WriteFile(filepath.Join(dir, name), b); err != nil {
			return err
		}
	}
	return nil
}
