package clienttest

import (
	"slices"
	"time"

	"thonsync/clientlib"
	"thonsync/syncproto"
	"thonsync/syncproto/credential"
	"thonsync/syncproto/exchange"
)

func anywhere(string, []string) bool { return true }

// Handle answers one request: an answer, or a key notice where the request was
// for an old key.
func (s *Server) Handle(body []byte) (answer, notice []byte, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.busy > 0 {
		return nil, nil, &clientlib.ServerError{Err: syncproto.Errorf(syncproto.CodeOverload, "busy"), RetryAfter: s.busy}
	}
	o, err := syncproto.OpenRequest(body, func(id syncproto.KeyID) (syncproto.SealPrivate, bool) {
		return s.exchange, id == s.exchange.Public.ID
	})
	if syncproto.CodeOf(err) == syncproto.CodeOldKey {
		return nil, s.notice(), nil
	}
	if err != nil {
		return nil, nil, refuse(err)
	}
	a, err := s.answer(o)
	if err != nil {
		return nil, nil, refuse(err)
	}
	answer, err = o.EncodeAnswer(a, s.key, s.random)
	s.received++
	return answer, nil, err
}

func refuse(err error) error {
	return &clientlib.ServerError{Err: syncproto.Errorf(syncproto.CodeOf(err), "%s", err.Error())}
}

func (s *Server) answer(o *syncproto.Opened) (*syncproto.Answer, error) {
	a := &syncproto.Answer{NowMS: s.clock.NowMS(), Beacon: s.beacon(), SealKey: s.seal.Key}
	if o.Join != nil {
		if err := o.VerifySender(o.Join.Key); err != nil {
			return nil, err
		}
		return a, s.join(o, a)
	}
	g, err := s.sender(o.Credentials)
	if err != nil {
		return nil, err
	}
	if err := o.VerifySender(g.Key); err != nil {
		return nil, err
	}
	s.chains[o.Origin] = o.Credentials
	for _, x := range o.Extra {
		if g, err := s.sender(x.Credentials); err == nil && g.Device == x.Origin {
			s.chains[x.Origin] = x.Credentials
		}
	}
	asked := map[syncproto.OriginID]bool{o.Origin: true}
	for i, b := range o.Segments {
		id, receipt, err := s.ingest(b)
		if err != nil {
			a.Problems = append(a.Problems, syncproto.Problem{Index: i, Code: syncproto.CodeOf(err), Message: "refused"})
			continue
		}
		asked[id] = true
		a.Receipts = append(a.Receipts, receipt)
	}
	for _, h := range o.Heads {
		asked[h.Origin] = true
	}
	s.fill(a, o.Request, g, asked)
	return a, nil
}

// fill adds what goes down: heads, queued receipts, pages and colleagues'
// segments, as far as the budget goes.
func (s *Server) fill(a *syncproto.Answer, q *syncproto.Request, g credential.Grant, asked map[syncproto.OriginID]bool) {
	budget := exchange.NewBudget(q.Budget)
	for id := range asked {
		if l := s.logs[id]; l != nil {
			for _, h := range l.named(id, q.Heads) {
				a.Heads = append(a.Heads, syncproto.OriginHeads{Origin: id, Heads: h})
			}
		}
		// Whoever asks for an origin gets its receipts, to show or to bring home.
		seen := handed{q.Origin, id}
		for s.handed[seen] < len(s.queued[id]) && budget.Take(len(s.queued[id][s.handed[seen]])) {
			a.Receipts = append(a.Receipts, s.queued[id][s.handed[seen]])
			s.handed[seen]++
		}
		a.More = a.More || s.handed[seen] < len(s.queued[id])
	}
	if told := s.revoked[q.Origin]; told != nil {
		a.Rulings = append(a.Rulings, told)
		return
	}
	for _, name := range append([]string{syncproto.CommonFeed}, g.Units...) {
		for _, b := range s.pagesAfter(name, q.Checkpoints) {
			if !budget.Take(len(b)) {
				a.More = true
				break
			}
			a.Pages = append(a.Pages, b)
		}
	}
	if l := s.logs[q.Origin]; l != nil {
		s.addSegments(a, l.forks, q, budget)
	}
	if s.chain != nil {
		s.addColleagues(a, q, budget)
	}
}

// named gives the ends of an origin's branches, and those of the positions asked
// for that are held.
func (l *originLog) named(id syncproto.OriginID, asked []syncproto.OriginHeads) []syncproto.Heads {
	out := []syncproto.Heads{l.heads}
	for _, b := range l.forks {
		if seg, err := syncproto.ParseSegment(b); err == nil {
			out = append(out, seg.After)
		}
	}
	for _, h := range asked {
		if n := h.Seq; h.Origin == id && n > 0 && n < l.heads.Seq && l.opens[n-1] == h.Open && l.closed[n] == h.Closed {
			out = append(out, h.Heads)
		}
	}
	return out
}

// addSegments hands out segments of the asker's own origin whose ends it has not
// named.
func (s *Server) addSegments(a *syncproto.Answer, list [][]byte, q *syncproto.Request, budget *exchange.Budget) {
	for _, b := range list {
		seg, err := syncproto.ParseSegment(b)
		if err != nil || slices.Contains(q.Heads, syncproto.OriginHeads{Origin: seg.Origin, Heads: seg.After}) {
			continue
		}
		if open := seg.EncodeOpen(); budget.Take(len(open)) {
			a.Segments = append(a.Segments, open)
		}
	}
}

// addColleagues hands out others' segments without their sealed part.
func (s *Server) addColleagues(a *syncproto.Answer, q *syncproto.Request, budget *exchange.Budget) {
	have := map[syncproto.OriginID]uint64{}
	for _, h := range q.Heads {
		have[h.Origin] = h.Seq
	}
	for id, l := range s.logs {
		if id == q.Origin {
			continue
		}
		sent := false
		for _, b := range l.held {
			seg, err := syncproto.ParseSegment(b)
			if err != nil || seg.Last() <= have[id] {
				continue
			}
			open := seg.EncodeOpen()
			if !budget.Take(len(open)) {
				a.More = true
				break
			}
			a.Segments = append(a.Segments, open)
			sent = true
		}
		if sent {
			a.Credentials = append(a.Credentials, syncproto.OriginCredential{Origin: id, Credentials: s.chains[id]})
		}
	}
}

func (s *Server) beacon() syncproto.BeaconMark {
	b := syncproto.BeaconMark{MS: s.clock.NowMS()}
	copy(b.Tag[:], s.bytes(8))
	return b
}

// sender verifies a chain, or a handover.
func (s *Server) sender(chain []string) (credential.Grant, error) {
	return credential.VerifyDevice(chain, s.centre, anywhere)
}

// join takes a device in; the same key may repeat its code, because an answer
// can be lost. With Confirm it waits until Confirmed was called.
func (s *Server) join(o *syncproto.Opened, a *syncproto.Answer) error {
	in := s.codes[o.Join.Code]
	if in == nil || in.usedBy != "" && in.usedBy != string(o.Join.Key) {
		return syncproto.Errorf(syncproto.CodeCodeSpent, "the code is unknown or used")
	}
	in.usedBy = string(o.Join.Key)
	if in.nonce == nil || in.commit != o.Join.Commit {
		in.commit, in.nonce = o.Join.Commit, s.bytes(syncproto.JoinNonceBytes)
	}
	if !s.hides {
		a.JoinNonce = in.nonce
	}
	if o.Join.Nonce != nil {
		digits, err := o.Join.Digits(s.Public(), in.nonce)
		if err != nil {
			return err
		}
		in.digits = digits
	}
	if a.More = in.Confirm && !in.confirmed; a.More {
		return nil
	}
	token, err := credential.Issue(credential.Grant{Key: o.Join.Key, Role: credential.RolePhone, Units: []string{in.Unit},
		Team: in.Team, Issued: time.UnixMilli(s.clock.NowMS())}, s.key)
	if err != nil {
		return err
	}
	a.Welcome = &syncproto.Welcome{Credentials: append([]string{token}, s.chain...), Role: string(credential.RolePhone), Unit: in.Unit, Team: in.Team, Members: in.Members}
	s.chains[o.Origin] = a.Welcome.Credentials
	return nil
}
