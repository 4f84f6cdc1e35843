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
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// Folder is a folder of key files. It is safe for concurrent use inside one
// process.
type Folder struct {
	path   string
	random io.Reader
	box    *Box // files are encrypted under it; nil for plain files
	mu     sync.Mutex
	seal   sealFile
	xchg   exchangeFile
}

// Exists reports whether path is a keys folder that was used.
func Exists(path string) bool {
	_, err := os.Stat(filepath.Join(path, identityName))
	return err == nil
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
	subjectName  = "subject.key"
	personName   = "person.key"
	tokenName    = "api-token"
	memberName   = "membership.json"
	lockName     = "lock.json"
	paperName    = "paper.json"
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

// SubjectKey gives the 32 octets under which a citizen's identity number is
// hashed in the log of requests; centre only.
func (f *Folder) SubjectKey() ([]byte, error) { return f.secret(subjectName, 32) }

// PersonHashKey gives the 32 octets under which identity and telephone numbers
// are hashed in the index of persons; centre only. Without it the index tells
// nobody's number.
func (f *Folder) PersonHashKey() ([]byte, error) { return f.secret(personName, 32) }

// APIToken gives the token for status, reports and metrics.
func (f *Folder) APIToken() (string, error) {
	b, err := f.secret(tokenName, 32)
	return hex.EncodeToString(b), err
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

func publicOf(key ed25519.PrivateKey) ed25519.PublicKey { return key.Public().(ed25519.PublicKey) }

// CopyTo copies what a restored server needs into dir: all but the exchange key
// and the API token, which are made anew. The copies are plain: a backup is
// encrypted as a whole, and may be restored where the passphrase is another.
func (f *Folder) CopyTo(dir string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("copying the keys: %w", err)
	}
	for _, name := range []string{identityName, signName, recoveryName, sealName, dataName, beaconName, logName, accountsName, subjectName, personName, memberName} {
		b, err := f.read(name)
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
