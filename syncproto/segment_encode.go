package syncproto

import (
	"crypto/ed25519"
	"crypto/sha256"

	"github.com/google/uuid"

	"thonsync/syncproto/squeeze"
)

// SaltRun tells how the salts of a run of changes travel inside the seal.
// Exactly one of Secret, Salts and Commitments is used, in that order of
// preference: the usual case is one secret per at most MaxSaltedChanges
// changes; after an erasure in its neighbourhood a phone holds single salts;
// where it holds neither row nor salt, the commitment alone keeps the chain.
type SaltRun struct {
	Count       int
	Secret      *SaltSecret
	Salts       []Salt
	Commitments []Hash // personal rows of these changes are gone
}

// salt run forms on the wire
const (
	saltsBySecret    = 0
	saltsSingle      = 1
	saltsCommitments = 2
)

// SegmentInput is what EncodeSegment needs.
type SegmentInput struct {
	Origin  OriginID
	Before  Heads
	Changes []Change  // consecutive, from Before.Seq+1; with personal rows
	Salts   []SaltRun // together exactly len(Changes)
	Key     ed25519.PrivateKey
	To      SealPublic // the centre's current sealing key
}

// EncodeSegment computes both chains, seals the personal compartment and signs
// the statement. It fails with CodeTooLarge if the result is over
// MaxSegmentBytes or a compartment over MaxSegmentRawBytes: cut fewer changes.
func EncodeSegment(in SegmentInput) (*Segment, error) {
	if len(in.Changes) == 0 || len(in.Changes) > MaxSegmentChanges {
		return nil, Errorf(CodeTooLarge, "segment of %d changes, 1 to %d are allowed", len(in.Changes), MaxSegmentChanges)
	}
	for i := range in.Changes {
		if want := in.Changes[0].Seq + uint64(i); in.Changes[i].Seq != want {
			return nil, Errorf(CodeInternal, "change %d where %d belongs in a segment", in.Changes[i].Seq, want)
		}
		if err := in.Changes[i].CheckSize(); err != nil {
			return nil, err
		}
	}
	s := &Segment{Statement: Statement{Origin: in.Origin, Before: in.Before}}
	s.Before.Seq = in.Changes[0].Seq - 1
	commits, err := commitmentsOf(in)
	if err != nil {
		return nil, err
	}
	headers, rows, made := openRows(in, commits, &s.After)
	w := &columnWriter{}
	encodeTable(w, headers, ownRecords(func(i int) uuid.UUID { return made[i] }))
	encodeTable(w, rows, nil)
	if s.open, err = compress(w); err != nil {
		return nil, err
	}
	s.OpenSum = sha256.Sum256(s.open)
	plain, err := personalPlain(in)
	if err != nil {
		return nil, err
	}
	if err := s.seal(in.To, plain); err != nil {
		return nil, err
	}
	copy(s.Signature[:], ed25519.Sign(in.Key, s.signed()))
	if n := len(s.Encode()); n > MaxSegmentBytes {
		return nil, Errorf(CodeTooLarge, "segment of %d bytes, at most %d are allowed", n, MaxSegmentBytes)
	}
	return s, nil
}

// openRows gives the header and operational rows and the ids of records made
// here, and advances the heads.
func openRows(in SegmentInput, commits []Hash, after *Heads) (headers, rows []Row, made []uuid.UUID) {
	headers, rows = make([]Row, len(in.Changes)), make([]Row, len(in.Changes))
	made = make([]uuid.UUID, len(in.Changes))
	*after = in.Before
	after.Seq = in.Changes[0].Seq - 1
	var hb, ob []byte
	for i := range in.Changes {
		c := &in.Changes[i]
		headers[i], rows[i] = c.Header.Row(), c.Operational
		hb, ob = AppendRow(hb[:0], headers[i]), AppendRow(ob[:0], rows[i])
		*after = after.Next(in.Origin, hb, ob, commits[i])
		if c.Header.Op == OpCreate {
			made[i] = RecordID(c.Header.StampMS, after.Open)
		}
	}
	return headers, rows, made
}

// commitmentsOf computes c(n) of every change.
func commitmentsOf(in SegmentInput) ([]Hash, error) {
	out := make([]Hash, 0, len(in.Changes))
	var buf []byte
	for _, run := range in.Salts {
		for j := range run.Count {
			if len(out) == len(in.Changes) {
				return nil, Errorf(CodeInternal, "salt runs cover more than %d changes", len(in.Changes))
			}
			c := &in.Changes[len(out)]
			if run.Secret == nil && run.Salts == nil {
				out = append(out, run.Commitments[j])
				continue
			}
			buf = AppendRow(buf[:0], c.Personal)
			out = append(out, Commitment(run.salt(in.Origin, c.Seq, j), buf))
		}
	}
	if len(out) != len(in.Changes) {
		return nil, Errorf(CodeInternal, "salt runs cover %d of %d changes", len(out), len(in.Changes))
	}
	return out, nil
}

func (run *SaltRun) salt(origin OriginID, seq uint64, j int) Salt {
	if run.Secret != nil {
		return ExpandSalt(*run.Secret, origin, seq)
	}
	return run.Salts[j]
}

// personalPlain gives what goes into the seal: the salt runs, then the
// compressed personal table.
func personalPlain(in SegmentInput) ([]byte, error) {
	b := appendUvarint(nil, uint64(len(in.Salts)))
	for _, run := range in.Salts {
		b = appendUvarint(b, uint64(run.Count))
		switch {
		case run.Secret != nil:
			b = append(append(b, saltsBySecret), run.Secret[:]...)
		case run.Salts != nil:
			b = append(b, saltsSingle)
			for _, s := range run.Salts {
				b = append(b, s[:]...)
			}
		default:
			b = append(b, saltsCommitments)
			for _, h := range run.Commitments {
				b = append(b, h[:]...)
			}
		}
	}
	rows := make([]Row, len(in.Changes))
	for i := range in.Changes {
		rows[i] = in.Changes[i].Personal
	}
	w := &columnWriter{}
	encodeTable(w, rows, nil)
	packed, err := compress(w)
	if err != nil {
		return nil, err
	}
	return append(b, packed...), nil
}

func compress(w *columnWriter) ([]byte, error) {
	if w.err != nil {
		return nil, w.err
	}
	if len(w.cols) > maxColumns {
		return nil, Errorf(CodeTooLarge, "%d columns, at most %d are allowed", len(w.cols), maxColumns)
	}
	total := 0
	for _, c := range w.cols {
		total += len(c)
	}
	if total > MaxSegmentRawBytes {
		return nil, Errorf(CodeTooLarge, "columns of %d bytes, at most %d are allowed", total, MaxSegmentRawBytes)
	}
	return squeeze.Compress(nil, w.cols), nil
}

const domainSegment = "thonsync/1/segment"

// sealContext binds a seal to its place in the chain.
func (s *Statement) sealContext() []byte {
	h := sumParts(domainSegment, s.Origin[:], s.Before.Open[:], s.Before.Closed[:], s.After.Open[:], s.After.Closed[:])
	return h[:]
}

func (s *Segment) seal(to SealPublic, plain []byte) error {
	enc, ct, err := seal(to, []byte(domainSegment), s.sealContext(), plain)
	if err != nil {
		return err
	}
	s.sealed = append(append(append([]byte{}, to.ID[:]...), enc...), ct...)
	s.SealedSum = sha256.Sum256(s.sealed)
	return nil
}
