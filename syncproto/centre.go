package syncproto

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
)

// Centre is the centre as its signing keys prove it: the line of successions
// from its founding to the newest that is known here. It never changes, so it is
// safe for concurrent use; Follow gives a longer one.
type Centre struct {
	line []Succession
	pin  ed25519.PublicKey // the only key, where no line is known
}

// MaxSuccessions bounds a line: keys are replaced about once a year.
const MaxSuccessions = 64

// CentreOf gives a centre of which one key is known and no line: what a
// fingerprint leads to, before its notice was read.
func CentreOf(key ed25519.PublicKey) *Centre { return &Centre{pin: key} }

// FoundCentre begins the line of a new centre. recovery is the hash of its
// offline recovery key, zero for none.
func FoundCentre(key ed25519.PrivateKey, recovery Hash, issuedMS int64) *Centre {
	s := Succession{IssuedMS: issuedMS, New: publicHalf(key), Recovery: recovery, By: ByFounding}
	s.sign(nil, key)
	return &Centre{line: []Succession{s}}
}

func publicHalf(key ed25519.PrivateKey) ed25519.PublicKey { return key.Public().(ed25519.PublicKey) }

// Succeed gives the centre with one key more. authority is the newest key, or
// the recovery key where that is lost; recovery the hash of the recovery key
// from now on. The time is raised where the line already ends later.
func (c *Centre) Succeed(next, authority ed25519.PrivateKey, recovery Hash, issuedMS int64) (*Centre, error) {
	if len(c.line) == 0 || len(c.line) == MaxSuccessions {
		return nil, Errorf(CodeInvalidInput, "a line of %d keys cannot be continued", len(c.line))
	}
	last := &c.line[len(c.line)-1]
	s := Succession{
		Number: last.Number + 1, IssuedMS: max(issuedMS, last.IssuedMS+1), Old: last.New, New: publicHalf(next), Recovery: recovery,
	}
	switch pub := publicHalf(authority); {
	case pub.Equal(last.New):
		s.By = ByOldKey
	case RecoveryHash(pub) == last.Recovery:
		s.By, s.RecoveryKey = ByRecovery, pub
	default:
		return nil, Errorf(CodeForeignKey, "neither the centre's present key nor its recovery key: this paper belongs to another centre or is out of date")
	}
	s.sign(authority, next)
	out := &Centre{line: append(append([]Succession(nil), c.line...), s)}
	return out, nil
}

// Encode gives the line's octets: a count, then each succession.
func (c *Centre) Encode() []byte {
	b := appendUvarint(nil, uint64(len(c.line)))
	for i := range c.line {
		b = appendBytes(b, c.line[i].Encode())
	}
	return b
}

const maxSuccessionBytes = 512

// DecodeCentre reads a line and checks every signature and every right in it.
func DecodeCentre(b []byte) (*Centre, error) {
	r := reader{buf: append([]byte(nil), b...)}
	c := r.centre()
	if err := r.end(); err != nil {
		return nil, err
	}
	return c, nil
}

// centre reads a line in the middle of something.
func (r *reader) centre() *Centre {
	c := &Centre{}
	for range r.count(MaxSuccessions, "the line of the centre's keys") {
		s, err := DecodeSuccession(r.bytes(maxSuccessionBytes))
		if r.err == nil && err == nil {
			err = c.admits(s)
		}
		if r.err == nil {
			r.err = err
		}
		if r.err != nil {
			return c
		}
		c.line = append(c.line, *s)
	}
	if r.err == nil && len(c.line) == 0 {
		r.fail(CodeMalformed, "a centre without a key")
	}
	return c
}

// admits checks that s may follow at the end of the line.
func (c *Centre) admits(s *Succession) error {
	if s.Number != uint64(len(c.line)) {
		return Errorf(CodeMalformed, "succession %d in place %d of the line", s.Number, len(c.line))
	}
	if s.Number == 0 {
		return nil
	}
	last := &c.line[len(c.line)-1]
	switch {
	case !s.Old.Equal(last.New):
		return Errorf(CodeForeignKey, "succession %d replaces a key that is not the one before it", s.Number)
	case s.By == ByRecovery && (last.Recovery == (Hash{}) || RecoveryHash(s.RecoveryKey) != last.Recovery):
		return Errorf(CodeForeignKey, "succession %d is signed by a recovery key that was never announced", s.Number)
	case s.IssuedMS <= last.IssuedMS:
		return Errorf(CodeMalformed, "succession %d is not later than the one before it", s.Number)
	}
	return nil
}

// Follow compares what another replica knows of the centre's line with this. It
// gives the longer line where one continues the other. Where they part, a
// successor named by the recovery key overrules one named by the old key;
// CodeFork if nothing tells which is right, CodeForeignKey for another centre.
func (c *Centre) Follow(other *Centre) (*Centre, error) {
	if len(c.line) == 0 {
		if _, ok := other.KeyNumber(c.pin); !ok {
			return nil, Errorf(CodeForeignKey, "the server belongs to another centre than this device: check the address")
		}
		return other, nil
	}
	if len(other.line) == 0 {
		return c, nil
	}
	for i := range min(len(c.line), len(other.line)) {
		a, b := &c.line[i], &other.line[i]
		switch {
		case a.New.Equal(b.New) && a.By == b.By && a.Recovery == b.Recovery && a.IssuedMS == b.IssuedMS:
			continue
		case i == 0:
			return nil, Errorf(CodeForeignKey, "the server belongs to another centre than this device: check the address")
		case a.By == ByOldKey && b.By == ByRecovery:
			return other, nil
		case a.By == ByRecovery && b.By == ByOldKey:
			return nil, Errorf(CodeForeignKey, "a successor of the centre's key that the recovery key has overruled: somebody may hold the old key; tell the province")
		}
		return nil, Errorf(CodeFork, "two successors of the centre's key %d: one of them is forged; tell the province and join nothing until it answers", i)
	}
	if len(other.line) > len(c.line) {
		return other, nil
	}
	return c, nil
}

// Overrules tells from which number on the line names other keys than one that
// was followed before: the recovery key has overruled a thief. It is 0 if the line
// takes nothing back.
func (c *Centre) Overrules(before *Centre) uint64 {
	for i := range min(len(before.line), len(c.line)) {
		if !c.line[i].New.Equal(before.line[i].New) {
			return uint64(i)
		}
	}
	return 0
}

// Extend gives the centre with a succession that came in a feed. One that is
// known changes nothing.
func (c *Centre) Extend(s *Succession) (*Centre, error) {
	if s.Number == 0 || s.Number > uint64(len(c.line)) {
		return nil, Errorf(CodeGap, "succession %d does not continue a line of %d keys: fetch the key notice", s.Number, len(c.line))
	}
	head := &Centre{line: c.line[:s.Number:s.Number]}
	if err := head.admits(s); err != nil {
		return nil, err
	}
	return c.Follow(&Centre{line: append(head.line, *s)})
}

// ID names the centre: the origin of its first key. It outlasts every rotation.
func (c *Centre) ID() OriginID { return OriginOf(c.KeyAt(0)) }

// Key gives the newest signing key.
func (c *Centre) Key() ed25519.PublicKey { return c.KeyAt(c.Number()) }

// FirstKey gives the key that the centre was founded with.
func (c *Centre) FirstKey() ed25519.PublicKey { return c.KeyAt(0) }

// Number gives the number of the newest key.
func (c *Centre) Number() uint64 { return uint64(max(len(c.line), 1) - 1) }

// Line gives the successions, the founding first; nil where none is known.
func (c *Centre) Line() []Succession { return append([]Succession(nil), c.line...) }

// Recovery gives the hash of the recovery key in force; zero for none.
func (c *Centre) Recovery() Hash {
	if len(c.line) == 0 {
		return Hash{}
	}
	return c.line[len(c.line)-1].Recovery
}

// KeyAt gives a signing key by its number, which must be at most Number.
func (c *Centre) KeyAt(n uint64) ed25519.PublicKey {
	if len(c.line) == 0 {
		return c.pin
	}
	return c.line[n].New
}

// KeyNumber tells which of the centre's keys one is.
func (c *Centre) KeyNumber(key ed25519.PublicKey) (n uint64, ok bool) {
	for n = c.Number(); ; n-- {
		if bytes.Equal(c.KeyAt(n), key) && len(key) > 0 {
			return n, true
		}
		if n == 0 {
			return 0, false
		}
	}
}

// KeyOf finds the centre's key that has an origin.
func (c *Centre) KeyOf(id OriginID) (key ed25519.PublicKey, n uint64, ok bool) {
	for n = c.Number(); ; n-- {
		if OriginOf(c.KeyAt(n)) == id {
			return c.KeyAt(n), n, true
		}
		if n == 0 {
			return nil, 0, false
		}
	}
}

// Until gives the centre's time at which key n was replaced; false for the
// newest.
func (c *Centre) Until(n uint64) (ms int64, replaced bool) {
	if n >= c.Number() {
		return 0, false
	}
	return c.line[n+1].IssuedMS, true
}

// signedBy finds the key that signed msg, the newest first.
func (c *Centre) signedBy(msg, sig []byte) (n uint64, ok bool) {
	for n = c.Number(); ; n-- {
		if key := c.KeyAt(n); len(key) == ed25519.PublicKeySize && ed25519.Verify(key, msg, sig) {
			return n, true
		}
		if n == 0 {
			return 0, false
		}
	}
}

// VerifyRuling checks that one of the centre's keys signed r, for rulings in pages
// and in the orders file, which tell whether that key was current.
func (c *Centre) VerifyRuling(r *Ruling) error {
	_, err := c.rulingKey(r)
	return err
}

// VerifyLoneRuling checks a ruling that came by itself: the key that signed it
// must have been current when it says it was made.
func (c *Centre) VerifyLoneRuling(r *Ruling) error {
	n, err := c.rulingKey(r)
	if err != nil {
		return err
	}
	if until, replaced := c.Until(n); replaced && r.IssuedMS > until {
		return Errorf(CodeOldKey, "ruling %d under key %d of the centre, made after that was replaced", r.Number, n)
	}
	return nil
}

func (c *Centre) rulingKey(r *Ruling) (uint64, error) {
	n, ok := c.signedBy(append([]byte(domainRuling), r.body()...), r.Signature[:])
	if !ok {
		return 0, Errorf(CodeSignature, "ruling %d: signature does not verify", r.Number)
	}
	return n, nil
}

// VerifyReceipt checks that r is the centre's, given while its key was current,
// as far as the receipt itself can tell. n is the number of that key.
func (c *Centre) VerifyReceipt(r *Receipt) (n uint64, err error) {
	key, n, ok := c.KeyOf(r.Issuer)
	if !ok {
		return 0, Errorf(CodeForeignKey, "receipt of issuer %s, which is no key of the centre known here", r.Issuer)
	}
	if err := r.Verify(key); err != nil {
		return n, err
	}
	if until, replaced := c.Until(n); replaced && r.IssuedMS > until {
		return n, Errorf(CodeOldKey, "receipt for origin %s under key %d of the centre, given after that was replaced", r.Origin, n)
	}
	return n, nil
}

// DecodePage reads a page and verifies the centre's signature before it looks at
// the content. Whether the key that signed it, in page.KeyNumber, was current at
// that place of the feed is for whoever follows the feed to check, with NextKey.
func (c *Centre) DecodePage(b []byte) (*Page, error) {
	p, content, err := readPage(b)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(p.body)
	var ok bool
	if p.KeyNumber, ok = c.signedBy(append([]byte(domainPage), sum[:]...), p.Signature[:]); !ok {
		return nil, Errorf(CodeSignature, "page %d-%d of a feed: signature of the centre does not verify", p.From, p.To)
	}
	p.Items, err = decodeItems(content, int(p.To-p.From))
	return p, err
}

// NextKey gives the lowest number of the key that may sign the page after p: a
// feed never goes back to an older key, and a succession in it ends the time of
// the keys before.
func (p *Page) NextKey() uint64 {
	n := p.KeyNumber
	for i := range p.Items {
		if s := p.Items[i].Succession; s != nil {
			n = max(n, s.Number)
		}
	}
	return n
}
