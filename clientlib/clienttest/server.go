// Package clienttest is a tiny honest centre and sync point in memory, with a
// network that can be cut at any byte, for tests of devices. It keeps what it is
// sent, gives receipts and serves feeds; it merges nothing and restricts no
// scope.
package clienttest

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"thonsync/clientlib"
	"thonsync/syncproto"
	"thonsync/syncproto/credential"
)

// Clock is a hand-set clock. It is safe for concurrent use.
type Clock struct {
	mu sync.Mutex
	ms int64
}

// NewClock starts a clock at ms, Unix milliseconds.
func NewClock(ms int64) *Clock { return &Clock{ms: ms} }

// NowMS gives the clock's time.
func (c *Clock) NowMS() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ms
}

// Advance moves the clock by d.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ms += d.Milliseconds()
}

// Set moves the clock to ms.
func (c *Clock) Set(ms int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ms = ms
}

// Server is a centre or a point. Its methods are safe for concurrent use.
type Server struct {
	URL string

	mu       sync.Mutex
	random   *rand.ChaCha8
	clock    *Clock
	key      ed25519.PrivateKey
	exchange syncproto.SealPrivate
	serial   uint64
	seals    []syncproto.SealPrivate // centre: the last one is current
	seal     syncproto.SealStatement // current
	centre   *syncproto.Centre
	recovery ed25519.PrivateKey // the centre's
	chain    []string           // a point's own
	codes    map[string]*invite
	hides    bool // its part of the digits
	chains   map[syncproto.OriginID][]string
	logs     map[syncproto.OriginID]*originLog
	feeds    map[string]*feed
	epoch    syncproto.Epoch
	own      syncproto.Heads // of the centre's own origin
	rulings  uint64
	revoked  map[syncproto.OriginID][]byte   // what a revoked asker is told instead of everything
	queued   map[syncproto.OriginID][][]byte // receipts to hand out
	handed   map[handed]int                  // how many of them who got
	homes    map[uuid.UUID]string            // unit of each record
	early    map[uuid.UUID][]syncproto.FeedItem
	busy     time.Duration
	received int // exchanges that got an answer
}

type invite struct {
	Grant
	usedBy string

	commit    syncproto.Hash
	nonce     []byte
	digits    string
	confirmed bool
}

// handed names who got receipts for which origin.
type handed struct{ asker, origin syncproto.OriginID }

// Grant is what a joining code gives.
type Grant struct {
	Unit    string
	Team    uuid.UUID
	Members []syncproto.WelcomeMember
	Confirm bool // wait for Confirm
}

// originLog is what is held of one origin.
type originLog struct {
	heads  syncproto.Heads
	opens  []syncproto.Hash
	closed map[uint64]syncproto.Hash // at segment ends
	people []syncproto.Row           // opened personal rows, nil where unreadable
	rows   []syncproto.OpenChange
	held   [][]byte // segments as they came
	forks  [][]byte
}

func seeded(seed uint64, name string) *rand.ChaCha8 {
	var b [32]byte
	binary.BigEndian.PutUint64(b[:], seed)
	copy(b[8:], name)
	return rand.NewChaCha8(b)
}

func newServer(seed uint64, name string, clock *Clock) *Server {
	s := &Server{
		URL: "http://" + name + ".test", random: seeded(seed, name), clock: clock, serial: 1,
		codes: map[string]*invite{}, chains: map[syncproto.OriginID][]string{}, logs: map[syncproto.OriginID]*originLog{},
		feeds: map[string]*feed{}, queued: map[syncproto.OriginID][][]byte{}, handed: map[handed]int{}, homes: map[uuid.UUID]string{}, early: map[uuid.UUID][]syncproto.FeedItem{},
	}
	s.key = ed25519.NewKeyFromSeed(s.bytes(32))
	s.exchange = s.sealKeyPair()
	return s
}

// NewCentre makes a centre from a seed.
func NewCentre(seed uint64, clock *Clock) *Server {
	s := newServer(seed, "centre", clock)
	s.recovery = recoveryOf(s.key)
	s.centre = syncproto.FoundCentre(s.key, syncproto.RecoveryHash(s.recovery.Public().(ed25519.PublicKey)), clock.NowMS())
	s.own = syncproto.Genesis(s.Origin())
	s.epoch = s.nextEpoch()
	s.RotateSeal()
	return s
}

// NewPoint makes a sync point under s for a unit.
func (s *Server) NewPoint(seed uint64, name, unit string) (*Server, error) {
	p := newServer(seed, name, s.clock)
	token, err := credential.Issue(credential.Grant{Key: p.key.Public().(ed25519.PublicKey), Role: credential.RolePoint,
		Units: []string{unit}, Issued: time.UnixMilli(s.clock.NowMS())}, s.key)
	if err != nil {
		return nil, err
	}
	p.centre, p.chain, p.seal, p.epoch = s.centre, []string{token}, s.seal, s.epoch
	return p, nil
}

// nowMS is the time of receipts: never before this history began.
func (s *Server) nowMS() int64 { return max(s.clock.NowMS(), syncproto.EpochStart(s.epoch)) }

// nextEpoch names the history that begins now.
func (s *Server) nextEpoch() syncproto.Epoch {
	e, err := syncproto.NewEpoch(s.clock.NowMS()-1, s.epoch, bytes.NewReader(s.bytes(16)))
	if err != nil {
		panic(err) // sixteen octets are enough
	}
	return e
}

func (s *Server) bytes(n int) []byte {
	b := make([]byte, n)
	if _, err := io.ReadFull(s.random, b); err != nil {
		panic(err) // a ChaCha8 stream never fails
	}
	return b
}

func (s *Server) sealKeyPair() syncproto.SealPrivate {
	k, err := syncproto.NewSealPrivate(s.bytes(32))
	if err != nil {
		panic(err) // any 32 octets make a key
	}
	return k
}

// Origin gives the server's origin.
func (s *Server) Origin() syncproto.OriginID {
	return syncproto.OriginOf(s.key.Public().(ed25519.PublicKey))
}

// Centre gives the line of the centre's keys.
func (s *Server) Centre() *syncproto.Centre { return s.centre }

// RotateSeal makes a new sealing key; older ones still open until ForgetSeals.
func (s *Server) RotateSeal() {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := s.sealKeyPair()
	s.seals = append(s.seals, k)
	s.serial++
	s.seal = syncproto.StateSeal(s.key, k.Public.Bytes(), max(s.clock.NowMS(), s.seal.MadeMS+1))
}

// Succeed replaces the centre's signing and sealing keys, tells all feeds and
// gives the old signing key, for whoever has stolen it.
func (s *Server) Succeed() ed25519.PrivateKey { return s.succeed(s.key) }

// Recover is Succeed with the recovery key; a new epoch begins.
func (s *Server) Recover() ed25519.PrivateKey {
	defer s.NewEpoch()
	return s.succeed(s.recovery)
}

func recoveryOf(key ed25519.PrivateKey) ed25519.PrivateKey {
	seed := sha256.Sum256(key.Seed())
	return ed25519.NewKeyFromSeed(seed[:])
}

func (s *Server) succeed(by ed25519.PrivateKey) ed25519.PrivateKey {
	s.mu.Lock()
	old, next := s.key, ed25519.NewKeyFromSeed(s.bytes(32))
	line, err := s.centre.Succeed(next, by, s.centre.Recovery(), s.clock.NowMS())
	if err != nil {
		panic(err) // both have the right to it
	}
	s.key, s.centre = next, line
	all := line.Line()
	for _, name := range slices.Sorted(maps.Keys(s.feeds)) {
		s.publish(name, syncproto.FeedItem{Succession: &all[len(all)-1]})
	}
	s.mu.Unlock()
	s.RotateExchange()
	s.RotateSeal()
	return old
}

// ForgetSeals destroys all sealing keys but the current one.
func (s *Server) ForgetSeals() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seals = s.seals[len(s.seals)-1:]
}

// RotateExchange makes a new key for requests; the old one is refused.
func (s *Server) RotateExchange() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.exchange, s.serial = s.sealKeyPair(), s.serial+1
}

// Busy makes every exchange answer with overload until set to 0.
func (s *Server) Busy(retryAfter time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.busy = retryAfter
}

// Confirm lets the device in that waits under a joining URI, if its digits are
// these.
func (s *Server) Confirm(uri, digits string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for code, in := range s.codes {
		if strings.HasSuffix(uri, "="+code) {
			in.confirmed = in.digits != "" && in.digits == digits
			return in.confirmed
		}
	}
	return false
}

// ConfirmAny lets in whatever waits under a joining URI.
func (s *Server) ConfirmAny(uri string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for code, in := range s.codes {
		in.confirmed = in.confirmed || strings.HasSuffix(uri, "="+code)
	}
}

// Digits gives the digits that the officer sees for a joining URI; "" before the
// device has shown its nonce.
func (s *Server) Digits(uri string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	for code, in := range s.codes {
		if strings.HasSuffix(uri, "="+code) {
			return in.digits
		}
	}
	return ""
}

// RedrawNonces forgets this server's part of all digits, as one would that
// wants to choose them.
func (s *Server) RedrawNonces() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, in := range s.codes {
		in.nonce = nil
	}
}

// HideNonces makes the server keep its part of the digits to itself.
func (s *Server) HideNonces(hide bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hides = hide
}

// AnswerReset answers a device's challenge for a PIN, as `thonsync pin reset`
// does.
func (s *Server) AnswerReset(device ed25519.PublicKey, challenge string) (string, error) {
	key, err := syncproto.ResetKey(s.key, device, false)
	if err != nil {
		return "", err
	}
	return syncproto.ResetAnswer(key, challenge), nil
}

// AnswerChallenge is AnswerReset for the device with the challenge's tag.
func (s *Server) AnswerChallenge(challenge string) (string, error) {
	_, tag, _, err := syncproto.ParseResetChallenge(challenge)
	if err != nil {
		return "", err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, chain := range s.chains {
		if syncproto.ResetDeviceTag(id) != tag {
			continue
		}
		g, err := s.sender(chain)
		if err != nil {
			return "", err
		}
		return s.AnswerReset(g.Key, challenge)
	}
	return "", syncproto.Errorf(syncproto.CodeInvalidInput, "no device shows this challenge")
}

// Public gives the key that this server signs with.
func (s *Server) Public() ed25519.PublicKey { return s.key.Public().(ed25519.PublicKey) }

// Invite makes a joining code and gives its URI.
func (s *Server) Invite(g Grant) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	code := fmt.Sprintf("%x", s.bytes(8))
	s.codes[code] = &invite{Grant: g}
	return fmt.Sprintf("thonsync:join?server=%s&centre=%s&code=%s", s.URL, clientlib.Fingerprint(s.centre.Key()), code)
}

// Notice gives the server's key notice.
func (s *Server) Notice() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.notice()
}

func (s *Server) notice() []byte {
	n := &syncproto.KeyNotice{Sign: s.key.Public().(ed25519.PublicKey), Exchange: s.exchange.Public.Bytes(), Serial: s.serial,
		Seal: s.seal, Centre: s.centre, Credentials: s.chain}
	n.SignWith(s.key)
	return n.Encode()
}

// Head gives what the server holds of an origin.
func (s *Server) Head(id syncproto.OriginID) syncproto.Heads {
	s.mu.Lock()
	defer s.mu.Unlock()
	if l := s.logs[id]; l != nil {
		return l.heads
	}
	return syncproto.Genesis(id)
}

// People gives the opened personal rows of an origin, nil where one did not
// open.
func (s *Server) People(id syncproto.OriginID) []syncproto.Row {
	s.mu.Lock()
	defer s.mu.Unlock()
	if l := s.logs[id]; l != nil {
		return l.people
	}
	return nil
}

// Forks counts segments of an origin that lie on a second branch.
func (s *Server) Forks(id syncproto.OriginID) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if l := s.logs[id]; l != nil {
		return len(l.forks)
	}
	return 0
}

// Exchanges counts the requests that were answered.
func (s *Server) Exchanges() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.received
}

// Forget loses everything of an origin past seq after, as a restored backup
// does; it must be the end of a segment or 0.
func (s *Server) Forget(id syncproto.OriginID, after uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.logs[id]
	if l == nil {
		return
	}
	l.opens, l.people, l.rows = l.opens[:after], l.people[:after], l.rows[:after]
	if after == 0 {
		l.heads = syncproto.Genesis(id)
		return
	}
	l.heads = syncproto.Heads{Seq: after, Open: l.opens[after-1], Closed: l.closed[after]}
}
