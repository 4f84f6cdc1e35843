package changelog

import (
	"context"
	"errors"

	"thonsync/syncproto"
)

// Cut tells what to cut a segment from.
type Cut struct {
	Origin   syncproto.OriginID
	After    uint64 // the first change is After+1
	To       uint64 // the last change is at most To
	MaxBytes int    // a single change may be larger; 0 for the format's limit
	SealTo   syncproto.SealPublic
}

// CutSegment encodes as many changes as fit, at least one, sealed to the
// centre's current key. It gives nil if there is nothing in the range.
func (l *Log) CutSegment(ctx context.Context, q Querier, c Cut) (*syncproto.Segment, error) {
	o, err := l.find(c.Origin)
	if err != nil {
		return nil, err
	}
	if c.MaxBytes <= 0 || c.MaxBytes > syncproto.MaxSegmentBytes {
		c.MaxBytes = syncproto.MaxSegmentBytes
	}
	before, ok, err := l.HeadsAt(ctx, q, c.Origin, c.After)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, syncproto.Errorf(syncproto.CodeGap, "change %d of origin %s is not in the log", c.After, c.Origin)
	}
	entries, err := l.Range(ctx, q, c.Origin, c.After, c.To, l.guess(c.MaxBytes))
	if err != nil || len(entries) == 0 {
		return nil, err
	}
	for {
		s, err := l.encode(ctx, q, o, before, entries, c.SealTo)
		n := len(entries)
		if syncproto.CodeOf(err) == syncproto.CodeTooLarge && n > 1 {
			l.learn(syncproto.MaxSegmentBytes*2, n)
			entries = entries[:n/2]
			continue
		}
		if err != nil {
			return nil, err
		}
		size := len(s.Encode())
		l.learn(size, n)
		if size <= c.MaxBytes || n == 1 {
			return s, nil
		}
		entries = entries[:max(1, min(n-1, n*c.MaxBytes/size*9/10))]
	}
}

// CutSound is CutSegment that gets around damage: it cuts what comes before the
// first damaged change and leaves damaged changes out, so that the sound ones
// still travel. It gives the segment, nil if nothing is left, and the changes
// left out before it.
func (l *Log) CutSound(ctx context.Context, q Querier, c Cut) (s *syncproto.Segment, left []uint64, err error) {
	for c.After < c.To {
		s, err = l.CutSegment(ctx, q, c)
		bad, ok := errors.AsType[*DamagedError](err)
		if !ok {
			return s, left, err
		}
		if bad.Seq > c.After+1 {
			c.To = bad.Seq - 1
			continue
		}
		left = append(left, bad.Seq)
		c.After = bad.Seq
	}
	return nil, left, nil
}

// segmentFrame is about what a segment costs without its changes.
const segmentFrame = 400

// guess gives how many changes should fit into bytes.
func (l *Log) guess(bytes int) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return max(1, min(int(float64(bytes-segmentFrame)/l.perItem), syncproto.MaxSegmentChanges))
}

// learn takes in the size of a segment of n changes, so that the next guess is
// better.
func (l *Log) learn(size, n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	each := max(8, float64(size-segmentFrame)/float64(n))
	l.perItem = (l.perItem + each) / 2
}

func (l *Log) encode(ctx context.Context, q Querier, o origin, before syncproto.Heads, entries []Entry, to syncproto.SealPublic) (*syncproto.Segment, error) {
	in := syncproto.SegmentInput{Origin: o.id, Before: before, Key: o.key, To: to, Changes: make([]syncproto.Change, len(entries))}
	for i := range entries {
		in.Changes[i] = entries[i].Change
	}
	for i := 0; i < len(entries); {
		run, err := l.saltRun(ctx, q, entries[i:])
		if err != nil {
			return nil, err
		}
		in.Salts = append(in.Salts, run)
		i += run.Count
	}
	s, err := syncproto.EncodeSegment(in)
	if err != nil {
		return nil, err
	}
	if !s.After.Equal(entries[len(entries)-1].Heads) {
		return nil, l.firstDamaged(ctx, q, before, entries)
	}
	return s, nil
}

// firstDamaged names the change at which entries leave the chain.
func (l *Log) firstDamaged(ctx context.Context, q Querier, at syncproto.Heads, entries []Entry) error {
	var err error
	for i := range entries {
		if at, err = l.verifyNext(ctx, q, at, &entries[i]); err != nil {
			return err
		}
	}
	return damaged(&entries[len(entries)-1], nil)
}

// saltRun describes the salts of as many entries from the first as share one
// form.
func (l *Log) saltRun(ctx context.Context, q Querier, entries []Entry) (syncproto.SaltRun, error) {
	lead := &entries[0]
	n := 1
	for n < len(entries) && entries[n].saltFirst == lead.saltFirst && entries[n].PersonalGone == lead.PersonalGone {
		n++
	}
	run := syncproto.SaltRun{Count: n}
	switch {
	case lead.PersonalGone:
		for i := range n {
			run.Commitments = append(run.Commitments, entries[i].Commitment)
		}
	case lead.saltFirst != 0:
		secret, err := l.secret(ctx, q, lead.Origin, lead.saltFirst)
		if err != nil {
			return run, damaged(lead, err)
		}
		run.Secret = &secret
	default:
		for i := range n {
			salt, err := l.saltOf(ctx, q, &entries[i])
			if err != nil {
				return run, err
			}
			run.Salts = append(run.Salts, salt)
		}
	}
	return run, nil
}
