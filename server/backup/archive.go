package backup

import (
	"archive/tar"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"filippo.io/age"

	"thonsync/syncproto"
)

// Manifest is the first file of a backup: what else there is.
type Manifest struct {
	MadeMS  int64             `json:"made_ms"`
	Program string            `json:"program"`
	Files   map[string]string `json:"files"` // slash path to SHA-256 in hex
}

const manifestName = "manifest.json"

// pack writes the files of dir, encrypted, to path: whole or not at all.
func pack(dir, path string, to age.Recipient, m Manifest) error {
	temp := path + ".partial"
	f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("writing a backup: %w", err)
	}
	err = packInto(f, dir, to, m)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(temp, path)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("writing a backup: %w", err), removeIfThere(temp))
	}
	return nil
}

func removeIfThere(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

func packInto(w io.Writer, dir string, to age.Recipient, m Manifest) error {
	names, err := fileNames(dir)
	if err != nil {
		return err
	}
	m.Files = make(map[string]string, len(names))
	for _, name := range names {
		if m.Files[name], err = sumFile(filepath.Join(dir, filepath.FromSlash(name))); err != nil {
			return err
		}
	}
	enc, err := age.Encrypt(w, to)
	if err != nil {
		return err
	}
	tw := tar.NewWriter(enc)
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	if err := tw.WriteHeader(&tar.Header{Name: manifestName, Mode: 0o600, Size: int64(len(text))}); err != nil {
		return err
	}
	if _, err := tw.Write(text); err != nil {
		return err
	}
	for _, name := range names {
		if err := packFile(tw, dir, name); err != nil {
			return err
		}
	}
	return errors.Join(tw.Close(), enc.Close())
}

// fileNames lists the files below dir as slash paths.
func fileNames(dir string) ([]string, error) {
	var out []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		out = append(out, filepath.ToSlash(rel))
		return err
	})
	return out, err
}

func sumFile(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer func() { _ = f.Close() }() // only read from
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

func packFile(tw *tar.Writer, dir, name string) error {
	f, err := os.Open(filepath.Join(dir, filepath.FromSlash(name)))
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // only read from
	st, err := f.Stat()
	if err != nil {
		return err
	}
	if err := tw.WriteHeader(&tar.Header{Name: name, Mode: 0o600, Size: st.Size()}); err != nil {
		return err
	}
	_, err = io.Copy(tw, f)
	return err
}

// Unpack decrypts a backup into the empty folder dir and checks every file
// against the manifest. keysFolder holds the period keys.
func Unpack(path, keysFolder, dir string) (Manifest, error) {
	k, ok := parseName(path)
	if !ok {
		return Manifest{}, syncproto.Errorf(syncproto.CodeInvalidInput, "%s is not named like a backup: thonsync-PERIOD-TIME.age tells which key opens it", filepath.Base(path))
	}
	p, err := readPeriod(keysFolder, k.period)
	if err != nil {
		return Manifest{}, err
	}
	f, err := os.Open(path)
	if err != nil {
		return Manifest{}, fmt.Errorf("opening the backup: %w", err)
	}
	defer func() { _ = f.Close() }() // only read from
	plain, err := age.Decrypt(f, p.identity)
	if err != nil {
		return Manifest{}, damagedBackup(err)
	}
	m, err := unpackFrom(plain, dir)
	if err != nil {
		return m, damagedBackup(err)
	}
	return m, nil
}

func damagedBackup(err error) error {
	return syncproto.Wrap(syncproto.CodeUnreadable, err, "the backup is damaged or of another key: take an older one")
}

func unpackFrom(r io.Reader, dir string) (Manifest, error) {
	var m Manifest
	tr := tar.NewReader(r)
	first, err := tr.Next()
	if err != nil {
		return m, err
	}
	if first.Name != manifestName || first.Size > 1<<20 {
		return m, errors.New("no manifest at its beginning")
	}
	if err := json.NewDecoder(tr).Decode(&m); err != nil {
		return m, err
	}
	found := 0
	for {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return m, err
		}
		if err := unpackFile(tr, dir, h, m); err != nil {
			return m, err
		}
		found++
	}
	if found != len(m.Files) {
		return m, fmt.Errorf("%d files of %d", found, len(m.Files))
	}
	return m, nil
}

func unpackFile(tr io.Reader, dir string, h *tar.Header, m Manifest) error {
	want, ok := m.Files[h.Name]
	if !ok || !filepath.IsLocal(filepath.FromSlash(h.Name)) || strings.Contains(h.Name, `\`) {
		return fmt.Errorf("file %q is not in the manifest", h.Name)
	}
	path := filepath.Join(dir, filepath.FromSlash(h.Name))
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	sum := sha256.New()
	_, err = io.Copy(io.MultiWriter(f, sum), tr)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if got := hex.EncodeToString(sum.Sum(nil)); got != want {
		return fmt.Errorf("file %s does not match the manifest", h.Name)
	}
	return nil
}
