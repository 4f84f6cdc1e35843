package keys

import (
	"fmt"
	"io"
	"time"

	"thonsync/syncproto"
)

// exchangeFile is the key that requests are encapsulated to. Only the present
// one is kept: what was recorded on the way cannot be read once it is replaced.
type exchangeFile struct {
	Serial uint64 `json:"serial"`
	Raw    []byte `json:"private"`
	MadeMS int64  `json:"made_ms"`
	// Seal is the sealing key that the notice of this serial named. The serial
	// rises when it changes, too.
	Seal []byte `json:"seal"`
	// Centre is the number of the centre's key that the notice named. A new one
	// makes a new exchange key, so that whoever asks is told of it.
	Centre uint64 `json:"centre_key"`
}

// Exchange is the present exchange key.
type Exchange struct {
	Serial uint64
	Key    syncproto.SealPrivate
	MadeMS int64
}

// Exchange gives the present exchange key for a notice that names key number
// centre of the centre and the sealing key seal. It makes a new one if there is
// none, if the present one is older than every or comes from the future, or if
// the centre's key is another; rotated tells.
func (f *Folder) Exchange(now time.Time, every time.Duration, centre uint64, seal []byte) (x Exchange, rotated bool, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	next := f.xchg
	age := ms(now) - next.MadeMS
	if next.Raw == nil || next.Centre != centre || age >= every.Milliseconds() || age < -every.Milliseconds() {
		next.Raw, next.MadeMS, next.Centre = make([]byte, syncproto.SealKeyBytes), ms(now), centre
		if _, err := io.ReadFull(f.random, next.Raw); err != nil {
			return x, false, fmt.Errorf("no randomness for an exchange key: %w", err)
		}
		rotated = true
	}
	if rotated || string(next.Seal) != string(seal) {
		// A folder that came out of a backup has lost count; the clock has not.
		next.Serial = max(next.Serial+1, uint64(max(0, ms(now)/1000)))
		next.Seal = seal
		if err := f.writeJSON(exchangeName, next); err != nil {
			return x, false, err
		}
		f.xchg = next
	}
	key, err := syncproto.NewSealPrivate(next.Raw)
	return Exchange{Serial: next.Serial, Key: key, MadeMS: next.MadeMS}, rotated, err
}

// ForgetExchange has the next Exchange make a new key: what was recorded on the
// way until now cannot be read any more.
func (f *Folder) ForgetExchange() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	next := f.xchg
	next.Raw, next.MadeMS = nil, 0
	if err := f.writeJSON(exchangeName, next); err != nil {
		return err
	}
	f.xchg = next
	return nil
}
