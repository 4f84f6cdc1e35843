package keys

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/crypto/scrypt"

	"thonsync/syncproto"
)

// Open opens or makes the folder. random must be cryptographic.
func Open(path string, random io.Reader) (*Folder, error) { return OpenUnder(path, random, nil) }

// OpenUnder opens or makes the folder whose files are encrypted under a
// passphrase; files that are plain yet are encrypted now. An empty passphrase is
// none. It refuses files that others than the owner of this process may read.
func OpenUnder(path string, random io.Reader, passphrase []byte) (*Folder, error) {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, fmt.Errorf("making the keys folder: %w", err)
	}
	f := &Folder{path: path, random: random}
	if err := f.checkOwners(); err != nil {
		return nil, err
	}
	if err := f.unlock(passphrase); err != nil {
		return nil, err
	}
	return f, f.load()
}

// load reads what is held in memory.
func (f *Folder) load() error {
	for name, into := range map[string]any{sealName: &f.seal, exchangeName: &f.xchg} {
		if err := f.readJSON(name, into); err != nil {
			return err
		}
	}
	return nil
}

// protected lists the files that a passphrase encrypts. The API token is for
// people to read.
var protected = []string{
	identityName, signName, recoveryName, sealName, exchangeName, dataName, beaconName, logName, accountsName, memberName,
}

// checkOwners refuses key files that somebody else may read or owns.
func (f *Folder) checkOwners() error {
	folder, err := os.Stat(f.path)
	if err != nil {
		return fmt.Errorf("looking at the keys folder: %w", err)
	}
	for _, name := range append([]string{tokenName, lockName, paperName}, protected...) {
		st, err := os.Lstat(filepath.Join(f.path, name))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return fmt.Errorf("looking at %s of the keys folder: %w", name, err)
		}
		if !st.Mode().IsRegular() {
			return syncproto.Errorf(syncproto.CodeInvalidInput, "%s in the keys folder is no plain file: put the file itself there", name)
		}
		if why := exposed(st, folder); why != "" {
			return syncproto.Errorf(syncproto.CodeInvalidInput, "%s in the keys folder %s: stop, find out who has read it, replace the keys if anybody may have (docs/keys.md), then `chmod 600` it and give it to the user that runs thonsync", name, why)
		}
	}
	return nil
}

// lockFile says how the key of the files follows from a passphrase.
type lockFile struct {
	Salt  []byte `json:"salt"`
	Check []byte `json:"check"` // a known text under the key
}

const (
	lockMark = "thonsync-box 1\n"
	lockText = "thonsync keys"
	// scryptN costs 32 MB and a tenth of a second, once at each start.
	scryptN = 1 << 15
)

// unlock prepares the key of the files, and encrypts those that are plain.
func (f *Folder) unlock(passphrase []byte) error {
	var lock lockFile
	if err := f.readJSON(lockName, &lock); err != nil {
		return err
	}
	switch {
	case len(passphrase) == 0 && lock.Salt == nil:
		return nil
	case len(passphrase) == 0:
		return syncproto.Errorf(syncproto.CodeUnreadable, "the keys folder is encrypted: name the file with its passphrase in --key-secret-file")
	case lock.Salt == nil:
		lock.Salt = make([]byte, 16)
		if _, err := io.ReadFull(f.random, lock.Salt); err != nil {
			return fmt.Errorf("no randomness for a salt: %w", err)
		}
	}
	key, err := scrypt.Key(passphrase, lock.Salt, scryptN, 8, 1, 32)
	if err != nil {
		return fmt.Errorf("deriving the key of the keys folder: %w", err)
	}
	box, err := NewBox(key, f.random)
	if err != nil {
		return err
	}
	if lock.Check == nil {
		if lock.Check, err = box.Seal([]byte(lockText), []byte(lockName)); err != nil {
			return err
		}
		if err := f.writeJSON(lockName, lock); err != nil {
			return err
		}
	} else if _, err := box.Open(lock.Check, []byte(lockName)); err != nil {
		return syncproto.Errorf(syncproto.CodeUnreadable, "the passphrase in --key-secret-file does not open the keys folder: it is another one's, or the file ends with something that does not belong to it")
	}
	f.box = box
	return f.lockAll()
}

// lockAll encrypts files that are plain yet.
func (f *Folder) lockAll() error {
	for _, name := range protected {
		text, err := os.ReadFile(filepath.Join(f.path, name))
		if errors.Is(err, fs.ErrNotExist) || err == nil && strings.HasPrefix(string(text), lockMark) {
			continue
		}
		if err == nil {
			err = f.write(name, text)
		}
		if err != nil {
			return fmt.Errorf("encrypting %s of the keys folder: %w", name, err)
		}
	}
	return nil
}

// Locked reports whether the files are encrypted under a passphrase.
func (f *Folder) Locked() bool { return f.box != nil }

// read gives what a file holds.
func (f *Folder) read(name string) ([]byte, error) {
	text, err := os.ReadFile(filepath.Join(f.path, name))
	sealed, locked := strings.CutPrefix(string(text), lockMark)
	if err != nil || !locked {
		return text, err
	}
	if f.box == nil {
		return nil, syncproto.Errorf(syncproto.CodeUnreadable, "%s in the keys folder is encrypted: name the file with its passphrase in --key-secret-file", name)
	}
	b, err := base64.StdEncoding.DecodeString(strings.TrimSpace(sealed))
	if err == nil {
		b, err = f.box.Open(b, []byte(name))
	}
	if err != nil {
		return nil, syncproto.Errorf(syncproto.CodeUnreadable, "%s in the keys folder does not open: it is damaged or of another folder", name)
	}
	return b, nil
}

func (f *Folder) write(name string, text []byte) error {
	path := filepath.Join(f.path, name)
	if f.box != nil && slices.Contains(protected, name) {
		sealed, err := f.box.Seal(text, []byte(name))
		if err != nil {
			return err
		}
		text = []byte(lockMark + base64.StdEncoding.EncodeToString(sealed) + "\n")
	}
	old, err := os.OpenFile(path, os.O_WRONLY, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return WriteFile(path, text)
	}
	if err != nil {
		return fmt.Errorf("replacing %s of the keys folder: %w", name, err)
	}
	if err := WriteFile(path, text); err != nil {
		return errors.Join(err, old.Close())
	}
	return wipe(old)
}

// wipe overwrites a file that has no name any more, so that a key that was
// replaced or destroyed is not left in free space. On flash and copy-on-write
// disks old bytes may stay until they are reused: encrypt such a disk.
func wipe(old *os.File) error {
	st, err := old.Stat()
	if err == nil {
		_, err = old.WriteAt(make([]byte, st.Size()), 0)
	}
	if err = errors.Join(err, old.Sync(), old.Close()); err != nil {
		return fmt.Errorf("overwriting an old key: %w", err)
	}
	return nil
}

// secret reads a file of n octets in hex, and makes it if there is none.
func (f *Folder) secret(name string, n int) ([]byte, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	text, err := f.read(name)
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
	b, err := decodeSecret(name, text)
	if err == nil && len(b) != n {
		err = damaged(name)
	}
	return b, err
}

func damaged(name string) error {
	return syncproto.Errorf(syncproto.CodeUnreadable, "%s in the keys folder is damaged: put back the copy of the keys that belongs to this data folder", name)
}

func encodeSecret(b []byte) []byte { return []byte(hex.EncodeToString(b) + "\n") }

func decodeSecret(name string, text []byte) ([]byte, error) {
	b, err := hex.DecodeString(strings.TrimRight(string(text), "\r\n"))
	if err != nil {
		return nil, damaged(name)
	}
	return b, nil
}

// has reports whether a file is there.
func (f *Folder) has(name string) bool {
	_, err := os.Stat(filepath.Join(f.path, name))
	return err == nil
}

// readJSON reads a file into v and leaves v alone if there is none.
func (f *Folder) readJSON(name string, v any) error {
	text, err := f.read(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading %s of the keys folder: %w", name, err)
	}
	if json.Unmarshal(text, v) != nil {
		return damaged(name) // what json says may repeat what the file holds
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

// WriteFile writes a file that only its owner may read, durably and whole or
// not at all.
func WriteFile(path string, text []byte) error {
	temp := path + ".new"
	out, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("writing %s: %w", filepath.Base(path), err)
	}
	_, err = out.Write(text)
	err = errors.Join(err, handOver(out, filepath.Dir(path)), out.Sync(), out.Close())
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
