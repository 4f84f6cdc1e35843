package clienttest

import (
	"crypto/ed25519"

	"thonsync/syncproto"
)

// ingest stores a segment and gives the receipt for it.
func (s *Server) ingest(b []byte) (syncproto.OriginID, []byte, error) {
	seg, err := syncproto.ParseSegment(b)
	if err != nil {
		return syncproto.OriginID{}, nil, err
	}
	chain := s.chains[seg.Origin]
	if chain == nil {
		return seg.Origin, nil, syncproto.Errorf(syncproto.CodeUnknownPeer, "origin without credential")
	}
	g, err := s.sender(chain)
	if err != nil {
		return seg.Origin, nil, err
	}
	changes, err := seg.Verify(g.Key)
	if err != nil {
		return seg.Origin, nil, err
	}
	l := s.logs[seg.Origin]
	if l == nil {
		l = &originLog{heads: syncproto.Genesis(seg.Origin), closed: map[uint64]syncproto.Hash{}}
		s.logs[seg.Origin] = l
	}
	receipt := &syncproto.Receipt{IssuedMS: s.nowMS(), Mark: syncproto.MarkReceived, Origin: seg.Origin,
		First: seg.First(), Last: seg.Last(), Open: seg.After.Open, Closed: seg.After.Closed}
	people := make([]syncproto.Row, len(changes))
	if s.chain != nil {
		receipt.Mark = syncproto.MarkCommune
	} else if p, err := seg.OpenSeal(s.keyring); err != nil {
		receipt.Exceptions = []syncproto.Exception{{First: seg.First(), Last: seg.Last(), Outcome: syncproto.OutcomeQuarantined, Reason: syncproto.ReasonUnreadable}}
	} else {
		people = p.Rows
		for i := range people {
			if people[i] == nil {
				people[i] = syncproto.Row{}
			}
		}
	}
	fits, err := l.fits(seg, changes)
	if err != nil {
		return seg.Origin, nil, err
	}
	if fits {
		s.extend(l, seg, changes, people, b)
	} else {
		l.forks = append(l.forks, b)
		receipt.Exceptions = append(receipt.Exceptions, syncproto.Exception{First: seg.First(), Last: seg.Last(), Outcome: syncproto.OutcomeForked, Reason: syncproto.ReasonFork})
	}
	receipt.Sign(s.key)
	return seg.Origin, receipt.Encode(), nil
}

func (s *Server) keyring(id syncproto.KeyID) (syncproto.SealPrivate, bool) {
	for _, k := range s.seals {
		if k.Public.ID == id {
			return k, true
		}
	}
	return syncproto.SealPrivate{}, false
}

// fits reports whether a segment lies on the branch that is held; a segment
// beyond a gap is refused.
func (l *originLog) fits(seg *syncproto.Segment, changes []syncproto.OpenChange) (bool, error) {
	if seg.First() > l.heads.Seq+1 {
		return false, syncproto.Errorf(syncproto.CodeGap, "changes %d-%d are missing", l.heads.Seq+1, seg.First()-1)
	}
	before := syncproto.Genesis(seg.Origin).Open
	if n := seg.Before.Seq; n > 0 {
		before = l.opens[n-1]
	}
	if before != seg.Before.Open {
		return false, nil
	}
	for i := range changes {
		if n := seg.Before.Seq + uint64(i); n < uint64(len(l.opens)) && l.opens[n] != changes[i].Open {
			return false, nil
		}
	}
	return true, nil
}

func (s *Server) extend(l *originLog, seg *syncproto.Segment, changes []syncproto.OpenChange, people []syncproto.Row, b []byte) {
	l.closed[seg.Last()] = seg.After.Closed
	for i := range changes {
		n := seg.Before.Seq + uint64(i)
		if n < uint64(len(l.opens)) {
			if people[i] != nil {
				l.people[n] = people[i]
			}
			continue
		}
		l.opens, l.people, l.rows = append(l.opens, changes[i].Open), append(l.people, people[i]), append(l.rows, changes[i])
		s.publishChange(&changes[i])
	}
	if seg.Last() > l.heads.Seq {
		l.heads = seg.After
		l.held = append(l.held, b)
	}
}

// publishChange puts an accepted change into the feed of its record's unit, once
// the change that names the unit has arrived.
func (s *Server) publishChange(c *syncproto.OpenChange) {
	if s.chain != nil {
		return
	}
	s.early[c.Record] = append(s.early[c.Record], syncproto.FeedItem{Change: &syncproto.FeedChange{Origin: c.Origin, Seq: c.Seq,
		Open: c.Open.Prefix(), Record: c.Record, Header: c.Header, Operational: c.Operational}})
	if v, ok := c.Operational.Get(syncproto.FieldUnit); ok && c.Header.Op == syncproto.OpCreate {
		s.homes[c.Record] = v.Text()
	}
	unit := s.homes[c.Record]
	if unit == "" {
		return
	}
	for _, it := range s.early[c.Record] {
		s.publish(unit, it)
	}
	delete(s.early, c.Record)
}

// MarkSafe signs safe receipts for everything held, to be handed out with the
// next answers.
func (s *Server) MarkSafe() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, l := range s.logs {
		if l.heads.Seq > 0 {
			s.queue(&syncproto.Receipt{Mark: syncproto.MarkSafe, Origin: id, First: 1, Last: l.heads.Seq, Open: l.heads.Open, Closed: l.heads.Closed})
		}
	}
}

// Quarantine signs a receipt that puts one change under an outcome.
func (s *Server) Quarantine(id syncproto.OriginID, seq uint64, outcome syncproto.Outcome, reason syncproto.Reason) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.logs[id]
	s.queue(&syncproto.Receipt{Mark: syncproto.MarkReceived, Origin: id, First: 1, Last: l.heads.Seq, Open: l.heads.Open, Closed: l.heads.Closed,
		Exceptions: []syncproto.Exception{{First: seq, Last: seq, Outcome: outcome, Reason: reason}}})
}

func (s *Server) queue(r *syncproto.Receipt) {
	r.IssuedMS = s.nowMS()
	r.Sign(s.key)
	s.queued[r.Origin] = append(s.queued[r.Origin], r.Encode())
}

// Forward carries what a point holds to the centre, and the centre's receipts
// and pages back, as an exchange with the upstream does.
func (s *Server) Forward(centre *Server) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	centre.mu.Lock()
	defer centre.mu.Unlock()
	for id, l := range s.logs {
		centre.chains[id] = s.chains[id]
		for _, b := range append(append([][]byte{}, l.held...), l.forks...) {
			_, receipt, err := centre.ingest(b)
			if err != nil {
				return err
			}
			s.queued[id] = append(s.queued[id], receipt)
		}
		through := handed{s.Origin(), id}
		s.queued[id] = append(s.queued[id], centre.queued[id][centre.handed[through]:]...)
		centre.handed[through] = len(centre.queued[id])
	}
	for name, f := range centre.feeds {
		if len(f.next) > 0 {
			centre.cutPage(name, f)
		}
	}
	if centre.centre != s.centre {
		s.exchange, s.serial = s.sealKeyPair(), s.serial+1
	}
	s.feeds, s.seal, s.centre = centre.feeds, centre.seal, centre.centre
	return nil
}

// AnswerBundle takes an up bundle and gives the bundle that answers it.
func (s *Server) AnswerBundle(b []byte) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	entries, _, err := syncproto.DecodeBundle(b)
	if err != nil {
		return nil, err
	}
	out := []syncproto.Entry{{Kind: syncproto.EntryNotice, Data: s.notice()}}
	for _, e := range entries {
		switch e.Kind {
		case syncproto.EntryCredential:
			c, err := syncproto.DecodeCredentialEntry(e.Data)
			if err != nil {
				return nil, err
			}
			if g, err := s.sender(c.Credentials); err == nil && g.Device == c.Origin {
				s.chains[c.Origin] = c.Credentials
			}
		case syncproto.EntryAsk:
			ask, err := syncproto.DecodeAsk(e.Data)
			if err != nil {
				return nil, err
			}
			for name := range s.feeds {
				for _, p := range s.pagesAfter(name, ask.Checkpoints) {
					out = append(out, syncproto.Entry{Kind: syncproto.EntryPage, Data: p})
				}
			}
		}
	}
	for _, e := range entries {
		if e.Kind != syncproto.EntrySegment {
			continue
		}
		id, receipt, err := s.ingest(e.Data)
		if err != nil {
			continue
		}
		chain := syncproto.EncodeCredentialEntry(syncproto.OriginCredential{Origin: id, Credentials: s.chains[id]})
		out = append(out, syncproto.Entry{Kind: syncproto.EntryCredential, Data: chain}, syncproto.Entry{Kind: syncproto.EntryReceipt, Data: receipt})
	}
	return syncproto.EncodeBundle(out)
}

// Key gives the server's signing key, for tests that forge on its behalf.
func (s *Server) Key() ed25519.PrivateKey { return s.key }
