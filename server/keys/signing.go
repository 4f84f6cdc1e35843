package keys

import (
	"crypto/ed25519"
	"crypto/sha256"
	"fmt"
	"io"
	"time"

	"thonsync/syncproto"
)

// signFile holds the line of the centre's keys. Next and its line stand there
// while a new key is being written; whoever opens the folder completes it.
type signFile struct {
	Line     []byte `json:"line"`
	Next     []byte `json:"next,omitempty"`
	NextLine []byte `json:"next_line,omitempty"`
}

// Line gives the line of the centre's signing keys, which Identity holds the
// newest of. It founds the centre at first use, with the recovery key that the
// folder names by then. Centre only.
func (f *Folder) Line(now time.Time) (*syncproto.Centre, error) {
	if err := f.completeSigning(); err != nil {
		return nil, err
	}
	key, err := f.Identity()
	if err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	var s signFile
	if err := f.readJSON(signName, &s); err != nil {
		return nil, err
	}
	if s.Line == nil {
		rec, err := f.recovery()
		if err != nil {
			return nil, err
		}
		centre := syncproto.FoundCentre(key, rec.hash(), ms(now))
		return centre, f.writeJSON(signName, signFile{Line: centre.Encode()})
	}
	centre, err := syncproto.DecodeCentre(s.Line)
	if err != nil {
		return nil, fmt.Errorf("reading %s of the keys folder: %w", signName, err)
	}
	if !centre.Key().Equal(key.Public()) {
		return nil, syncproto.Errorf(syncproto.CodeUnreadable, "identity.key is not the newest of the centre's keys: restore the keys folder with `thonsync keys restore`, or name a successor with `thonsync keys rotate --recovery`")
	}
	return centre, nil
}

// Succeed replaces the signing key and forgets the old one. recovery is the
// offline recovery key where it names the successor because the old key is lost
// or stolen, else nil. The folder's recovery key is announced along.
func (f *Folder) Succeed(now time.Time, recovery ed25519.PrivateKey) (*syncproto.Centre, error) {
	centre, err := f.knownLine()
	if err != nil {
		return nil, err
	}
	authority := recovery
	if authority == nil {
		if _, err := f.Line(now); err != nil {
			return nil, err
		}
		if authority, err = f.Identity(); err != nil {
			return nil, err
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	rec, err := f.recovery()
	if err != nil {
		return nil, err
	}
	seed := make([]byte, ed25519.SeedSize)
	if _, err := io.ReadFull(f.random, seed); err != nil {
		return nil, fmt.Errorf("no randomness for a signing key: %w", err)
	}
	next, err := centre.Succeed(ed25519.NewKeyFromSeed(seed), authority, rec.hash(), ms(now))
	if err != nil {
		return nil, err
	}
	if err := f.writeJSON(signName, signFile{Line: centre.Encode(), Next: seed, NextLine: next.Encode()}); err != nil {
		return nil, err
	}
	return next, f.complete()
}

// knownLine reads the line without asking for the key that belongs to it.
func (f *Folder) knownLine() (*syncproto.Centre, error) {
	if err := f.completeSigning(); err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	var s signFile
	if err := f.readJSON(signName, &s); err != nil {
		return nil, err
	}
	if s.Line == nil {
		return nil, syncproto.Errorf(syncproto.CodeInvalidInput, "this folder holds no centre's keys: only a centre replaces them, and a point is replaced with `thonsync point replace` at the centre")
	}
	return syncproto.DecodeCentre(s.Line)
}

func (f *Folder) completeSigning() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.complete()
}

// complete finishes a replacement of the signing key that was written down: the
// key first, then the line, so that a crash in between changes nothing.
func (f *Folder) complete() error {
	var s signFile
	if err := f.readJSON(signName, &s); err != nil || s.Next == nil {
		return err
	}
	if err := f.write(identityName, encodeSecret(s.Next)); err != nil {
		return err
	}
	return f.writeJSON(signName, signFile{Line: s.NextLine})
}

// recoveryFile names the offline recovery key: its public halves only.
type recoveryFile struct {
	Sign    ed25519.PublicKey `json:"sign"`
	Encrypt string            `json:"encrypt"` // age recipient
	MadeMS  int64             `json:"made_ms"`
}

func (r *recoveryFile) hash() syncproto.Hash {
	if r.Sign == nil {
		return syncproto.Hash{}
	}
	return sha256.Sum256(r.Sign)
}

func (f *Folder) recovery() (r recoveryFile, err error) {
	err = f.readJSON(recoveryName, &r)
	return r, err
}

// HasLine reports whether this folder is a centre's.
func (f *Folder) HasLine() bool { return f.has(signName) }
