package syncproto

import (
	"crypto/hmac"
	"crypto/sha256"

	"thonsync/syncproto/squeeze"
)

// Personals is the opened personal compartment of a segment.
type Personals struct {
	Rows        []Row  // nil entries where the sender no longer had the row
	Salts       []Salt // zero where only the commitment travelled
	Commitments []Hash // c(n)
	Missing     []bool // the sender no longer had row and salt
}

// OpenSeal opens the personal compartment, recomputes the closed chain and
// compares it with the signed head. Failures have CodeOldKey when the key is
// not held and CodeUnreadable for all else: the changes are then quarantined
// and the sender seals them again. Call it only on a segment whose Verify
// succeeded.
func (s *Segment) OpenSeal(keys Keyring) (*Personals, error) {
	if s.sealed == nil {
		return nil, Errorf(CodeUnreadable, "segment %d-%d of origin %s came without its sealed compartment", s.First(), s.Last(), s.Origin)
	}
	key, ok := keys(s.SealKey())
	if !ok {
		return nil, Errorf(CodeOldKey, "segment %d-%d of origin %s is sealed to key %x, which is not held here", s.First(), s.Last(), s.Origin, s.SealKey())
	}
	plain, err := openSeal(key, []byte(domainSegment), s.sealContext(), s.sealed[4:36], s.sealed[36:])
	if err != nil {
		return nil, err
	}
	p, err := s.decodePersonals(plain)
	if err != nil {
		return nil, Wrap(CodeUnreadable, err, "personal compartment of segment %d-%d of origin %s is damaged", s.First(), s.Last(), s.Origin)
	}
	if err := s.chainClosed(p); err != nil {
		return nil, err
	}
	return p, nil
}

func (s *Segment) decodePersonals(plain []byte) (*Personals, error) {
	n := s.Count()
	p := &Personals{Salts: make([]Salt, n), Commitments: make([]Hash, n), Missing: make([]bool, n)}
	r := &reader{buf: plain}
	s.readSalts(r, p)
	if r.err != nil {
		return nil, r.err
	}
	cols, err := squeeze.Decompress(r.take(r.left()), squeezeLimits())
	if err != nil {
		return nil, err
	}
	cr := &columnReader{cols: cols}
	p.Rows = decodeTable(cr, n, nil)
	if cr.err == nil && cr.next != len(cols) {
		cr.fail("%d columns too many", len(cols)-cr.next)
	}
	return p, cr.err
}

func (s *Segment) readSalts(r *reader, p *Personals) {
	i, n := 0, s.Count()
	for range r.count(n, "salt runs") {
		count := r.count(n-i, "changes of a salt run")
		if count == 0 {
			r.fail(CodeMalformed, "empty salt run")
		}
		form := r.byte()
		var salts expander
		if form == saltsBySecret {
			salts = expander{hmac.New(sha256.New, r.take(len(SaltSecret{})))}
		}
		for range count {
			if r.err != nil {
				return
			}
			switch form {
			case saltsBySecret:
				p.Salts[i] = salts.salt(s.Origin, s.First()+uint64(i))
			case saltsSingle:
				copy(p.Salts[i][:], r.take(len(p.Salts[i])))
			case saltsCommitments:
				copy(p.Commitments[i][:], r.take(len(p.Commitments[i])))
				p.Missing[i] = true
			default:
				r.fail(CodeMalformed, "salt run form %d", form)
			}
			i++
		}
	}
	if i != n {
		r.fail(CodeMalformed, "salt runs cover %d of %d changes", i, n)
	}
}

func (s *Segment) chainClosed(p *Personals) error {
	prev := s.Before.Closed
	var buf []byte
	for i := range p.Rows {
		if !p.Missing[i] {
			buf = AppendRow(buf[:0], p.Rows[i])
			if len(buf) > MaxRowBytes {
				return Errorf(CodeUnreadable, "change %d has a personal row of %d bytes, at most %d are allowed", s.First()+uint64(i), len(buf), MaxRowBytes)
			}
			p.Commitments[i] = Commitment(p.Salts[i], buf)
		}
		prev = ClosedHash(prev, p.Commitments[i])
	}
	if prev != s.After.Closed {
		return Errorf(CodeUnreadable, "segment %d-%d of origin %s: personal content and signed head disagree", s.First(), s.Last(), s.Origin)
	}
	return nil
}
