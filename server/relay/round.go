package relay

import (
	"context"
	"time"

	"github.com/google/uuid"

	"thonsync/server/ingest"
	"thonsync/syncproto"
	"thonsync/syncproto/credential"
	"thonsync/syncproto/exchange"
)

// round is one exchange; more says that another should follow at once.
func (r *Relay) round(ctx context.Context) (more bool, err error) {
	p, err := r.makePlan(ctx)
	if err != nil {
		return false, err
	}
	start := r.cfg.Now()
	ans, from, err := r.ask(ctx, p.req)
	if err != nil {
		return false, err
	}
	r.noteAnswer(ans)
	if err := r.sendAgain(ans, p); err != nil {
		return false, err
	}
	result, err := r.cfg.Ingest.Submit(ctx, ingest.Batch{
		Via: from, Receipts: ans.Receipts, Pages: ans.Pages, Rulings: ans.Rulings, Segments: ans.Segments, Credentials: ans.Credentials,
		Beacon: ans.Beacon,
	})
	if err != nil {
		return false, err
	}
	for _, pr := range result.Problems {
		r.cfg.Log.WarnContext(ctx, "segment from upstream set aside", "code", pr.Code, "problem", pr.Message)
	}
	for _, err := range result.Refused {
		r.cfg.Log.WarnContext(ctx, "receipt or page from upstream set aside", "code", syncproto.CodeOf(err), "error", err)
	}
	if err := r.followSeal(ctx, ans.SealKey); err != nil {
		return false, err
	}
	if restored := r.advance(p, ans); restored {
		r.cfg.Log.WarnContext(ctx, "upstream was restored from a backup: everything is sent again")
		more = true
	}
	if err := r.saveState(ctx, p.after); err != nil {
		return false, err
	}
	if err := r.compare(ctx, ans, r.cfg.Now().Sub(start)); err != nil {
		return false, err
	}
	return more || ans.More || p.left, nil
}

// ask sends the request, under a newer key if upstream says so, and opens the
// answer. It gives the origin that answered.
func (r *Relay) ask(ctx context.Context, q *syncproto.Request) (*syncproto.Answer, syncproto.OriginID, error) {
	notice, err := r.notice(ctx)
	if err != nil {
		return nil, uuid.Nil, err
	}
	for range 2 {
		q.ID = uuid.New()
		to, err := syncproto.NewSealPublic(notice.Exchange)
		if err != nil {
			return nil, uuid.Nil, err
		}
		body, pending, err := syncproto.EncodeRequest(q, r.cfg.Trust.Key(), to)
		if err != nil {
			return nil, uuid.Nil, err
		}
		reply, err := r.cfg.Transport.Exchange(ctx, r.cfg.Upstream, body)
		if err != nil {
			return nil, uuid.Nil, err
		}
		if reply.Notice == nil {
			ans, err := pending.OpenAnswer(reply.Answer, notice.Sign)
			return ans, syncproto.OriginOf(notice.Sign), err
		}
		if notice, err = r.take(reply.Notice); err != nil {
			return nil, uuid.Nil, err
		}
	}
	return nil, uuid.Nil, syncproto.Errorf(syncproto.CodeOldKey, "upstream refuses the key that it named itself: its clock or its keys are in disorder")
}

// notice gives upstream's key notice, fetched where none is stored.
func (r *Relay) notice(ctx context.Context) (*syncproto.KeyNotice, error) {
	if b := r.cfg.Notice(); b != nil {
		if n, _, err := CheckNotice(b, r.cfg.Trust.Centre()); err == nil {
			return n, nil
		}
	}
	return r.refreshNotice(ctx)
}

func (r *Relay) refreshNotice(ctx context.Context) (*syncproto.KeyNotice, error) {
	b, err := r.cfg.Transport.Keys(ctx, r.cfg.Upstream)
	if err != nil {
		return nil, err
	}
	return r.take(b)
}

// take verifies a notice, follows the centre to its newest key and keeps the
// notice, unless an older one of the same server is played back.
func (r *Relay) take(b []byte) (*syncproto.KeyNotice, error) {
	n, centre, err := CheckNotice(b, r.cfg.Trust.Centre())
	if err != nil {
		return nil, err
	}
	if old := r.cfg.Notice(); old != nil {
		o, _, err := CheckNotice(old, centre)
		if err == nil && o.Sign.Equal(n.Sign) && o.Serial > n.Serial || err == nil && o.Centre.Number() > n.Centre.Number() {
			return nil, syncproto.Errorf(syncproto.CodeOldKey, "upstream sent a key notice older than the one known: somebody may be playing it back")
		}
	}
	return n, r.cfg.SetNotice(b, centre)
}

// TakeNotice keeps a newer key notice of upstream that came by another way.
func (r *Relay) TakeNotice(b []byte) error {
	_, err := r.take(b)
	return err
}

// followSeal fetches the notice anew when the answer hints at another sealing
// key. Phones take that key from this point's own notice.
func (r *Relay) followSeal(ctx context.Context, hint []byte) error {
	n, err := r.notice(ctx)
	if err != nil || len(hint) == 0 || string(n.Seal.Key) == string(hint) {
		return err
	}
	_, err = r.refreshNotice(ctx)
	return err
}

// CheckNotice decodes a key notice and checks that it is of the given centre or
// of a point that this centre vouches for. It gives the longest line of the
// centre's keys that is known then.
func CheckNotice(b []byte, known *syncproto.Centre) (*syncproto.KeyNotice, *syncproto.Centre, error) {
	n, err := syncproto.DecodeKeyNotice(b)
	if err != nil {
		return nil, nil, err
	}
	centre, err := known.Follow(n.Centre)
	if err != nil {
		return nil, nil, err
	}
	if i, ok := centre.KeyNumber(n.Sign); ok {
		if i < centre.Number() {
			return nil, nil, syncproto.Errorf(syncproto.CodeOldKey, "the server at this address signs with a key of the centre that was replaced: it is an old copy of the centre, or somebody has stolen its key")
		}
		return n, centre, nil
	}
	g, err := verifyPoint(n.Credentials, centre)
	if err != nil {
		return nil, nil, err
	}
	if !g.Key.Equal(n.Sign) {
		return nil, nil, syncproto.Errorf(syncproto.CodeCredential, "the server at this address shows the credential of something else")
	}
	return n, centre, nil
}

// verifyPoint checks a point's chain: one credential, signed by the centre. No
// units are compared, so the tree is not needed.
func verifyPoint(chain []string, centre *syncproto.Centre) (credential.Grant, error) {
	if len(chain) != 1 {
		return credential.Grant{}, syncproto.Errorf(syncproto.CodeCredential, "a point's chain has one credential, this one has %d", len(chain))
	}
	g, err := credential.Verify(chain, centre, func(string, []string) bool { return false })
	if err == nil && g.Role != credential.RolePoint {
		err = syncproto.Errorf(syncproto.CodeCredential, "a credential for a %s, not for a point", g.Role)
	}
	return g, err
}

func (r *Relay) noteAnswer(a *syncproto.Answer) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.cfg.Now().UnixMilli()
	r.status.LastAnswerMS, r.status.ClockOffsetMS = now, now-a.NowMS
}

// passing are problems that go away: the segment must be sent again.
var passing = map[syncproto.Code]bool{
	syncproto.CodeOverload: true, syncproto.CodeDiskFull: true, syncproto.CodeInternal: true, syncproto.CodeInUse: true,
}

// sendAgain gives an error if a segment must be sent once more, and logs the
// others, which are set aside: a bad one never blocks those behind it.
func (r *Relay) sendAgain(a *syncproto.Answer, p *plan) error {
	for _, pr := range a.Problems {
		if pr.Index >= len(p.sent) {
			continue
		}
		s := p.sent[pr.Index]
		if passing[pr.Code] {
			return &syncproto.Error{Code: pr.Code, Message: "upstream could not take a segment now"}
		}
		r.cfg.Log.Warn("upstream set a segment aside", "origin", s.Origin, "first", s.First, "last", s.Last, "code", pr.Code)
	}
	return nil
}

// advance moves the state on. A new epoch of upstream's receipts means that it
// was restored: then nothing that it had said before counts.
func (r *Relay) advance(p *plan, a *syncproto.Answer) (restored bool) {
	for _, cp := range a.Checkpoints {
		if cp.Feed != syncproto.ReceiptFeed {
			continue
		}
		restored = p.before.Epoch != uuid.Nil && cp.Epoch != p.before.Epoch
		p.after.Epoch, p.after.Receipts = cp.Epoch, cp.Position
	}
	if restored {
		r.asker = exchange.NewAsker()
		p.after.Sent, p.after.Witnessed, p.after.Contacted = 0, 0, 0
	}
	return restored
}

// compare hands the heads to the state machine and passes findings on.
func (r *Relay) compare(ctx context.Context, a *syncproto.Answer, took time.Duration) error {
	own, err := r.cfg.Own.Heads(ctx)
	if err != nil {
		return err
	}
	var failed error
	at := func(id syncproto.OriginID, seq uint64) (syncproto.Heads, bool) {
		h, ok, err := r.cfg.Own.HeadsAt(ctx, id, seq)
		if err != nil {
			failed = err
		}
		return h, ok
	}
	// Regression of upstream is seen by its epoch; signed heads are not needed.
	signed := func(syncproto.OriginID) uint64 { return 0 }
	for _, f := range r.asker.Answered(a.Heads, own, at, signed, took) {
		r.cfg.Log.WarnContext(ctx, "heads disagree", "origin", f.Origin, "ours", f.Ours.Seq, "theirs", f.Theirs.Seq)
		if r.cfg.Found != nil {
			r.cfg.Found(f)
		}
	}
	return failed
}
