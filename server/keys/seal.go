package keys

import (
	"fmt"
	"io"
	"time"

	"thonsync/syncproto"
)

// sealFile holds the centre's sealing keys, oldest first; the last is current.
// A destroyed key leaves its id, so that a late segment can be told from a
// damaged one.
type sealFile struct {
	Keys      []sealEntry       `json:"keys"`
	Destroyed []syncproto.KeyID `json:"destroyed,omitempty"`
}

type sealEntry struct {
	Raw    []byte `json:"private"`
	MadeMS int64  `json:"made_ms"`
}

// Seal gives the centre's current sealing key, made at first use, and when that
// was.
func (f *Folder) Seal(now time.Time) (key syncproto.SealPrivate, madeMS int64, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if n := len(f.seal.Keys); n > 0 {
		key, err = syncproto.NewSealPrivate(f.seal.Keys[n-1].Raw)
		return key, f.seal.Keys[n-1].MadeMS, err
	}
	key, err = f.newSeal(now)
	return key, ms(now), err
}

// KeepSeal replaces the current sealing key once it is older than every; 0 means
// never. It tells whether it did.
func (f *Folder) KeepSeal(now time.Time, every time.Duration) (rotated bool, err error) {
	f.mu.Lock()
	n := len(f.seal.Keys)
	due := n > 0 && every > 0 && ms(now)-f.seal.Keys[n-1].MadeMS >= every.Milliseconds()
	f.mu.Unlock()
	if due {
		_, err = f.RotateSeal(now)
	}
	return due && err == nil, err
}

// SealsReplacedBefore lists the sealing keys that were replaced before the given
// time and are not destroyed yet, oldest first.
func (f *Folder) SealsReplacedBefore(before time.Time) ([]Info, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	all, err := f.sealInfo()
	var out []Info
	for _, i := range all {
		if i.State == StateReplaced && i.ReplacedMS < ms(before) {
			out = append(out, i)
		}
	}
	return out, err
}

// RotateSeal makes a new current sealing key. Older ones still open what was
// sealed to them until DestroySeals.
func (f *Folder) RotateSeal(now time.Time) (syncproto.SealPrivate, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.newSeal(now)
}

func (f *Folder) newSeal(now time.Time) (syncproto.SealPrivate, error) {
	raw := make([]byte, syncproto.SealKeyBytes)
	if _, err := io.ReadFull(f.random, raw); err != nil {
		return syncproto.SealPrivate{}, fmt.Errorf("no randomness for a sealing key: %w", err)
	}
	next := f.seal
	made := ms(now)
	if n := len(next.Keys); n > 0 {
		// Of two statements the one made later counts, whatever the clock did.
		made = max(made, next.Keys[n-1].MadeMS+1)
	}
	next.Keys = append(append([]sealEntry(nil), next.Keys...), sealEntry{raw, made})
	if err := f.writeJSON(sealName, next); err != nil {
		return syncproto.SealPrivate{}, err
	}
	f.seal = next
	return syncproto.NewSealPrivate(raw)
}

// DestroySeals forgets all sealing keys that were replaced before the given
// time: what is still sealed to them stays closed for ever. It tells how many.
func (f *Folder) DestroySeals(before time.Time) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	next := sealFile{Destroyed: f.seal.Destroyed}
	for i, k := range f.seal.Keys {
		if i+1 == len(f.seal.Keys) || f.seal.Keys[i+1].MadeMS >= ms(before) {
			next.Keys = append(next.Keys, k)
			continue
		}
		key, err := syncproto.NewSealPrivate(k.Raw)
		if err != nil {
			return 0, err
		}
		next.Destroyed = append(next.Destroyed, key.Public.ID)
	}
	n := len(f.seal.Keys) - len(next.Keys)
	if n == 0 {
		return 0, nil
	}
	if err := f.writeJSON(sealName, next); err != nil {
		return 0, err
	}
	f.seal = next
	return n, nil
}

// SealRing finds a sealing key by its id.
func (f *Folder) SealRing(id syncproto.KeyID) (syncproto.SealPrivate, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, k := range f.seal.Keys {
		if key, err := syncproto.NewSealPrivate(k.Raw); err == nil && key.Public.ID == id {
			return key, true
		}
	}
	return syncproto.SealPrivate{}, false
}
