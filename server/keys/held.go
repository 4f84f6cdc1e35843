package keys

import (
	"thonsync/syncproto"
)

// Held is every key with which something that is kept can still be read. It is
// for those who look for what should be gone.
type Held struct {
	Seals []syncproto.SealPrivate // sealing keys that are not destroyed yet
	Rows  [][]byte                // AES-256 keys of values at rest
}

// Held gives the keys of the folder; it makes none.
func (f *Folder) Held() (Held, error) {
	var h Held
	f.mu.Lock()
	entries := f.seal.Keys
	f.mu.Unlock()
	for _, k := range entries {
		key, err := syncproto.NewSealPrivate(k.Raw)
		if err != nil {
			return h, err
		}
		h.Seals = append(h.Seals, key)
	}
	for _, name := range []string{dataName, logName, accountsName} {
		if !f.has(name) {
			continue
		}
		raw, err := f.secret(name, 32)
		if err != nil {
			return h, err
		}
		h.Rows = append(h.Rows, raw)
	}
	return h, nil
}
