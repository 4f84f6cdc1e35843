package keys

import (
	"bytes"
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
	"unicode/utf8"

	"filippo.io/age"

	"thonsync/syncproto"
)

// Kinds of paper.
const (
	PaperRecovery = "recovery"
	PaperKeys     = "keys"
)

// Recovery is the offline recovery key. Its secret exists on paper only: an age
// identity that opens what is encrypted for the worst case, and from which the
// key follows that names a successor of the centre's signing key.
type Recovery struct {
	identity *age.X25519Identity
	sign     ed25519.PrivateKey
}

// NewRecovery makes one.
func NewRecovery() (*Recovery, error) {
	id, err := age.GenerateX25519Identity()
	if err != nil {
		return nil, fmt.Errorf("making a recovery key: %w", err)
	}
	return recoveryOf(id)
}

func recoveryOf(id *age.X25519Identity) (*Recovery, error) {
	seed, err := hkdf.Key(sha256.New, []byte(id.String()), nil, "thonsync/1/recovery sign", ed25519.SeedSize)
	if err != nil {
		return nil, fmt.Errorf("deriving the recovery key: %w", err)
	}
	return &Recovery{id, ed25519.NewKeyFromSeed(seed)}, nil
}

// ReadRecovery reads typed paper.
func ReadRecovery(typed string) (*Recovery, error) {
	b, err := ReadPaper(PaperRecovery, typed)
	if err != nil {
		return nil, err
	}
	id, err := age.ParseX25519Identity(string(b))
	if err != nil {
		return nil, syncproto.Errorf(syncproto.CodeInvalidInput, "this paper holds no recovery key")
	}
	return recoveryOf(id)
}

// Paper prints it.
func (r *Recovery) Paper() (string, error) {
	return PrintPaper(PaperRecovery, []byte(r.identity.String()))
}

// Key gives the key that names a successor.
func (r *Recovery) Key() ed25519.PrivateKey { return r.sign }

// Identity opens what was encrypted for recovery.
func (r *Recovery) Identity() age.Identity { return r.identity }

// Matches tells whether the folder names this recovery key.
func (r *Recovery) Matches(f *Folder) (bool, error) {
	rec, err := f.recovery()
	return rec.Sign.Equal(r.sign.Public()) && rec.Encrypt == r.identity.Recipient().String(), err
}

// SetRecovery names the recovery key from now on: the founding of the centre or
// its next succession announces it.
func (f *Folder) SetRecovery(now time.Time, r *Recovery) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.writeJSON(recoveryName, recoveryFile{
		Sign: r.sign.Public().(ed25519.PublicKey), Encrypt: r.identity.Recipient().String(), MadeMS: ms(now),
	})
}

// RecoveryRecipient gives who can open what is encrypted for recovery; nil if the
// folder names no recovery key.
func (f *Folder) RecoveryRecipient() (age.Recipient, error) {
	rec, err := f.recovery()
	if err != nil || rec.Encrypt == "" {
		return nil, err
	}
	r, err := age.ParseX25519Recipient(rec.Encrypt)
	if err != nil {
		return nil, fmt.Errorf("reading %s of the keys folder: %w", recoveryName, err)
	}
	return r, nil
}

// BundleName is the file beside the backups that holds all keys for the recovery
// key.
const BundleName = "keys.recovery"

// WriteBundle writes all keys, encrypted for the recovery key, into dir. It
// replaces the bundle there, so a destroyed key goes from it as well. Without a
// recovery key it does nothing.
func (f *Folder) WriteBundle(dir string) error {
	to, err := f.RecoveryRecipient()
	if err != nil || to == nil {
		return err
	}
	data, err := f.pack()
	if err != nil {
		return err
	}
	var b bytes.Buffer
	w, err := age.Encrypt(&b, to)
	if err == nil {
		_, err = w.Write(data)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		return fmt.Errorf("encrypting the keys for recovery: %w", err)
	}
	return WriteFile(filepath.Join(dir, BundleName), b.Bytes())
}

// OpenBundle gives the packed keys of a bundle.
func (r *Recovery) OpenBundle(path string) ([]byte, error) {
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, syncproto.Errorf(syncproto.CodeNotFound, "there is no %s: it lies beside the backups", filepath.Base(path))
	}
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", filepath.Base(path), err)
	}
	return openAge(b, r.identity)
}

func openAge(b []byte, id age.Identity) ([]byte, error) {
	in, err := age.Decrypt(bytes.NewReader(b), id)
	if err != nil {
		return nil, syncproto.Wrap(syncproto.CodeUnreadable, err, "this does not open: wrong passphrase or another paper")
	}
	out, err := io.ReadAll(io.LimitReader(in, maxPacked))
	if err != nil {
		return nil, syncproto.Wrap(syncproto.CodeUnreadable, err, "this is damaged and does not open")
	}
	return out, nil
}

const maxPacked = 1 << 20

const (
	// minPassphrase is what a passphrase of a paper has at least: the paper may be
	// photographed.
	minPassphrase = 12
	// paperWork makes scrypt take 64 MB, which an office computer has.
	paperWork = 16
)

// PaperBackup gives all keys for paper, encrypted under a passphrase.
func (f *Folder) PaperBackup(passphrase string) ([]byte, error) {
	if utf8.RuneCountInString(passphrase) < minPassphrase {
		return nil, syncproto.Errorf(syncproto.CodeInvalidInput, "a passphrase for paper has at least %d characters: take four or five words", minPassphrase)
	}
	data, err := f.pack()
	if err != nil {
		return nil, err
	}
	to, err := age.NewScryptRecipient(passphrase)
	if err != nil {
		return nil, err
	}
	to.SetWorkFactor(paperWork)
	var b bytes.Buffer
	w, err := age.Encrypt(&b, to)
	if err == nil {
		_, err = w.Write(data)
	}
	if err == nil {
		err = w.Close()
	}
	return b.Bytes(), err
}

// OpenPaper gives the packed keys of typed paper.
func OpenPaper(typed, passphrase string) ([]byte, error) {
	b, err := ReadPaper(PaperKeys, typed)
	if err != nil {
		return nil, err
	}
	id, err := age.NewScryptIdentity(passphrase)
	if err != nil {
		return nil, syncproto.Errorf(syncproto.CodeInvalidInput, "the passphrase is empty")
	}
	return openAge(b, id)
}
