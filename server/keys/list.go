package keys

import (
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"thonsync/syncproto"
)

// Info describes one key without its secret. Times are Unix ms, 0 for unknown or
// not yet.
type Info struct {
	Name       string `json:"name"`         // what it is for
	ID         string `json:"id,omitempty"` // fingerprint or key id
	State      string `json:"state"`        // one of the states
	MadeMS     int64  `json:"made_ms,omitempty"`
	ReplacedMS int64  `json:"replaced_ms,omitempty"`
}

// States of keys.
const (
	StateCurrent   = "current"
	StateReplaced  = "replaced" // still opens or verifies what is older
	StateDestroyed = "destroyed"
	StateMissing   = "missing"
	StatePaper     = "on paper"
)

// Names of keys.
const (
	NameSigning  = "signing"
	NameSealing  = "sealing"
	NameExchange = "exchange"
	NameRecovery = "recovery"
	NameIdentity = "identity"
	NamePersonal = "personal rows"
	NameBeacon   = "beacons"
	NameLog      = "own log"
)

// List describes the keys of the folder; it makes none.
func (f *Folder) List() ([]Info, error) {
	var out []Info
	if f.HasLine() {
		centre, err := f.knownLine()
		if err != nil {
			return nil, err
		}
		out = append(out, lineInfo(centre)...)
		rec, err := f.recovery()
		if err != nil {
			return nil, err
		}
		out = append(out, recoveryInfo(&rec, centre))
	} else if i, ok := f.fileInfo(NameIdentity, identityName); ok {
		out = append(out, i)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	seals, err := f.sealInfo()
	if err != nil {
		return nil, err
	}
	out = append(out, seals...)
	if f.xchg.Raw != nil {
		k, err := syncproto.NewSealPrivate(f.xchg.Raw)
		if err != nil {
			return nil, err
		}
		out = append(out, Info{Name: NameExchange, ID: hex.EncodeToString(k.Public.ID[:]), State: StateCurrent, MadeMS: f.xchg.MadeMS})
	}
	for _, file := range [][2]string{{NamePersonal, dataName}, {NameBeacon, beaconName}, {NameLog, logName}} {
		if i, ok := f.fileInfo(file[0], file[1]); ok {
			out = append(out, i)
		}
	}
	return out, nil
}

func lineInfo(centre *syncproto.Centre) (out []Info) {
	for _, s := range centre.Line() {
		i := Info{Name: NameSigning, ID: Fingerprint(s.New), State: StateCurrent, MadeMS: s.IssuedMS}
		if until, replaced := centre.Until(s.Number); replaced {
			i.State, i.ReplacedMS = StateReplaced, until
		}
		out = append(out, i)
	}
	return out
}

// recoveryInfo tells whether the recovery key is in force: the newest succession
// must have announced it.
func recoveryInfo(rec *recoveryFile, centre *syncproto.Centre) Info {
	i := Info{Name: NameRecovery, State: StateMissing}
	if rec.Sign != nil {
		i.ID, i.MadeMS = Fingerprint(rec.Sign), rec.MadeMS
		if centre.Recovery() == rec.hash() {
			i.State = StatePaper
		}
	}
	return i
}

func (f *Folder) sealInfo() (out []Info, err error) {
	for _, id := range f.seal.Destroyed {
		out = append(out, Info{Name: NameSealing, ID: hex.EncodeToString(id[:]), State: StateDestroyed})
	}
	for n, k := range f.seal.Keys {
		key, err := syncproto.NewSealPrivate(k.Raw)
		if err != nil {
			return nil, err
		}
		i := Info{Name: NameSealing, ID: hex.EncodeToString(key.Public.ID[:]), State: StateCurrent, MadeMS: k.MadeMS}
		if n+1 < len(f.seal.Keys) {
			i.State, i.ReplacedMS = StateReplaced, f.seal.Keys[n+1].MadeMS
		}
		out = append(out, i)
	}
	return out, nil
}

func (f *Folder) fileInfo(name, file string) (Info, bool) {
	st, err := os.Stat(filepath.Join(f.path, file))
	if errors.Is(err, fs.ErrNotExist) || err != nil {
		return Info{}, false
	}
	return Info{Name: name, State: StateCurrent, MadeMS: st.ModTime().UnixMilli()}, true
}

// paperFile remembers what was printed, so that somebody can be told when the
// paper is out of date.
type paperFile struct {
	MadeMS  int64  `json:"made_ms"`
	Signing string `json:"signing"` // fingerprint of the signing key on it
}

// NotePaper remembers that all keys were printed now.
func (f *Folder) NotePaper(now time.Time) error {
	key, err := f.Identity()
	if err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.writeJSON(paperName, paperFile{MadeMS: ms(now), Signing: Fingerprint(publicOf(key))})
}

// Paper tells when the keys were last printed, 0 for never, and whether the
// signing key on that paper is the present one.
func (f *Folder) Paper() (madeMS int64, current bool, err error) {
	key, err := f.Identity()
	if err != nil {
		return 0, false, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	var p paperFile
	err = f.readJSON(paperName, &p)
	return p.MadeMS, p.MadeMS > 0 && p.Signing == Fingerprint(publicOf(key)), err
}
