package answer

import (
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"thonsync/syncproto"
	"thonsync/syncproto/credential"
)

// Life of a joining code.
const (
	CodeLife     = 10 * time.Minute
	CodeAttempts = 5
)

// CodeSpec says what a joining code makes out of the device that uses it.
type CodeSpec struct {
	Role    credential.Role
	Units   []string // list:code
	Team    uuid.UUID
	Members []syncproto.WelcomeMember // names are kept in memory only
	Valid   time.Duration             // of the right to issue; 0 for no end
	Number  int                       // of phones that a point may take in; 0 for no limit
	// Replaces is the origin of the phone or point that the new one stands in for;
	// uuid.Nil for none.
	Replaces uuid.UUID
	Confirm  bool // an officer must confirm the six digits first
}

// NewDevice is a device that used a code.
type NewDevice struct {
	CodeSpec
	Key   ed25519.PublicKey
	Label string
}

// CodeState is what an officer may see of a code.
type CodeState struct {
	Name      string `json:"name"` // first group of the code
	Role      string `json:"role"`
	Unit      string `json:"unit"`
	State     string `json:"state"` // open, waiting, confirmed or joined
	Digits    string `json:"digits,omitempty"`
	Label     string `json:"label,omitempty"`
	Attempts  int    `json:"attempts"`
	ExpiresIn int    `json:"expires_in_seconds"`
}

// Codes holds the joining codes of this run of the server: in memory, by hash,
// so that a restart voids them all and no copy of the disk holds any. It is
// safe for concurrent use.
type Codes struct {
	clock  func() time.Duration // monotonic
	random io.Reader

	mu      sync.Mutex
	live    map[string]*code // by name
	changed chan struct{}    // closed and replaced at every change
}

type code struct {
	spec     CodeSpec
	name     string
	sum      [sha256.Size]byte
	expires  time.Duration
	attempts int
	key      ed25519.PublicKey // the device that the code was used by; nil while open
	label    string
	commit   syncproto.Hash // what the device promised
	nonce    []byte         // this server's part of the digits
	begun    int            // how often the device began anew
	digits   string         // "" until the device has kept its promise
	allowed  bool
	issue    sync.Mutex // one issuing at a time
	welcome  *syncproto.Welcome
}

// NewCodes makes an empty holder. clock must be monotonic; random must be
// cryptographic.
func NewCodes(clock func() time.Duration, random io.Reader) *Codes {
	return &Codes{clock: clock, random: random, live: make(map[string]*code), changed: make(chan struct{})}
}

// Code groups: the first names the code, so that wrong attempts count against
// one code; the others are the secret, 39 bits of it.
const (
	groupLetters = 4
	groups       = 3
)

// maxLive bounds the codes that are open at once.
const maxLive = 1000

// New makes a code.
func (c *Codes) New(spec CodeSpec) (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tidy()
	if len(c.live) >= maxLive {
		return "", syncproto.Errorf(syncproto.CodeOverload, "%d joining codes are open: wait until some expire", maxLive)
	}
	for {
		text, err := c.draw()
		if err != nil {
			return "", err
		}
		name := text[:groupLetters]
		if _, taken := c.live[name]; taken {
			continue
		}
		c.live[name] = &code{spec: spec, name: name, sum: sha256.Sum256([]byte(plain(text))), expires: c.clock() + CodeLife}
		return text, nil
	}
}

func (c *Codes) draw() (string, error) {
	var b strings.Builder
	one := make([]byte, 1)
	for n := 0; n < groups*groupLetters; {
		if _, err := io.ReadFull(c.random, one); err != nil {
			return "", fmt.Errorf("no randomness for a joining code: %w", err)
		}
		if int(one[0]) >= 256/len(syncproto.Letters)*len(syncproto.Letters) {
			continue // keeps letters equally likely
		}
		if n > 0 && n%groupLetters == 0 {
			b.WriteByte('-')
		}
		b.WriteByte(syncproto.Letters[int(one[0])%len(syncproto.Letters)])
		n++
	}
	return b.String(), nil
}

// plain undoes how people type codes.
func plain(text string) string {
	return strings.Map(func(r rune) rune {
		if r == '-' || r == ' ' {
			return -1
		}
		return r
	}, strings.ToUpper(text))
}

// tidy drops expired codes; c.mu is held.
func (c *Codes) tidy() {
	now := c.clock()
	for name, k := range c.live {
		if now >= k.expires {
			delete(c.live, name)
		}
	}
}

var errSpent = syncproto.Errorf(syncproto.CodeCodeSpent, "joining code unknown, used, expired or blocked: ask for a new one")

// claim binds the code to the device, and the device to its nonce. The same
// device may claim again, since the answer may have been lost. All failures look
// alike. server is the key that signs this server's answers.
func (c *Codes) claim(j *syncproto.Join, server ed25519.PublicKey) (*code, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tidy()
	text := plain(j.Code)
	if len(text) < groupLetters {
		return nil, errSpent
	}
	k, ok := c.live[text[:groupLetters]]
	if !ok || k.attempts >= CodeAttempts {
		return nil, errSpent
	}
	sum := sha256.Sum256([]byte(text))
	if subtle.ConstantTimeCompare(sum[:], k.sum[:]) != 1 || k.key != nil && !k.key.Equal(j.Key) {
		k.attempts++
		return nil, errSpent
	}
	if k.key == nil || k.commit != j.Commit {
		if err := c.begin(k, j); err != nil {
			return nil, err
		}
	}
	if len(j.Nonce) == 0 || k.digits != "" {
		return k, nil
	}
	digits, err := j.Digits(server, k.nonce)
	if err != nil {
		k.attempts = CodeAttempts
		return nil, err
	}
	k.digits = digits
	c.announce()
	return k, nil
}

// begin takes a device's promise and draws this server's nonce, once for each
// promise, so that neither side can choose the digits. A device that forgot its
// nonce may promise anew, but not so often that it could wait for digits that it
// likes. c.mu is held.
func (c *Codes) begin(k *code, j *syncproto.Join) error {
	if k.begun >= CodeAttempts && !k.allowed {
		return errSpent
	}
	nonce := make([]byte, syncproto.JoinNonceBytes)
	if _, err := io.ReadFull(c.random, nonce); err != nil {
		return fmt.Errorf("no randomness for a join: %w", err)
	}
	if k.key == nil {
		k.key, k.label, k.allowed = slices.Clone(j.Key), cleanLabel(j.Label), !k.spec.Confirm
	}
	k.begun++
	k.commit, k.nonce, k.digits = j.Commit, nonce, ""
	c.announce()
	return nil
}

// maxLabel is how much of a label an officer needs to see.
const maxLabel = 64

// cleanLabel drops a label that could deceive whoever reads it.
func cleanLabel(label string) string {
	if !syncproto.CleanText(label) || strings.ContainsAny(label, "\n\t") || len([]rune(label)) > maxLabel {
		return ""
	}
	return label
}

// announce wakes who watches; c.mu is held.
func (c *Codes) announce() {
	close(c.changed)
	c.changed = make(chan struct{})
}

// Confirm lets the device that waits under a code join, after officer and phone
// compared the digits.
func (c *Codes) Confirm(name, digits string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tidy()
	k, ok := c.live[strings.ToUpper(name)]
	if !ok || k.digits == "" {
		return syncproto.Errorf(syncproto.CodeInvalidInput, "no device waits under that code: `thonsync code list` shows which do")
	}
	if subtle.ConstantTimeCompare([]byte(k.digits), []byte(digits)) != 1 {
		k.attempts = CodeAttempts // whoever waits there is somebody else
		return syncproto.Errorf(syncproto.CodeInvalidInput, "the digits differ: the device that waits is another one; the code is void now, make a new one")
	}
	k.allowed = true
	c.announce()
	return nil
}

// Watch gives the state of one code and a channel that is closed at the next
// change of any code. The last result is false once the code is gone.
func (c *Codes) Watch(name string) (CodeState, <-chan struct{}, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tidy()
	k, ok := c.live[strings.ToUpper(name)]
	if !ok {
		return CodeState{}, c.changed, false
	}
	return c.state(k), c.changed, true
}

// List gives all codes that have not expired, by name.
func (c *Codes) List() []CodeState {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tidy()
	out := make([]CodeState, 0, len(c.live))
	for _, k := range c.live {
		out = append(out, c.state(k))
	}
	slices.SortFunc(out, func(a, b CodeState) int { return strings.Compare(a.Name, b.Name) })
	return out
}

func (c *Codes) state(k *code) CodeState {
	s := CodeState{
		Name: k.name, Role: string(k.spec.Role), Unit: strings.Join(k.spec.Units, ","), State: "open",
		Digits: k.digits, Label: k.label, Attempts: k.attempts, ExpiresIn: int((k.expires - c.clock()) / time.Second),
	}
	switch {
	case k.attempts >= CodeAttempts:
		s.State = "blocked"
	case k.welcome != nil:
		s.State = "joined"
	case k.allowed:
		s.State = "confirmed"
	case k.digits != "":
		s.State = "waiting"
	}
	return s
}
