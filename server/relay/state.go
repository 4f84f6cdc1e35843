package relay

import (
	"context"
	"encoding/json"
	"fmt"

	"thonsync/server/store"
	"thonsync/syncproto"
)

// state is how far the relay has got, kept in the store in the transaction that
// follows what it covers. Losing it costs repeats, nothing else.
type state struct {
	// Sent is the number of the last stored segment that upstream has taken.
	Sent int64 `json:"sent"`
	// Witnessed is the position of the last own receipt that upstream has.
	Witnessed uint64 `json:"witnessed"`
	// Epoch and Receipts are the checkpoint of upstream's receipts log.
	Epoch    syncproto.Epoch `json:"epoch"`
	Receipts uint64          `json:"receipts"`
	// Contacted is the time of the last contact that upstream was told of, by the
	// own clock.
	Contacted int64 `json:"contacted"`
}

const metaState = "relay"

func loadState(r store.Reader) (state, error) {
	var s state
	b, ok, err := r.Meta(metaState)
	if err != nil || !ok {
		return s, err
	}
	if err := json.Unmarshal(b, &s); err != nil {
		return s, fmt.Errorf("reading the relay's state: %w", err)
	}
	return s, nil
}

func (r *Relay) saveState(ctx context.Context, s state) error {
	b, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("encoding the relay's state: %w", err)
	}
	return r.cfg.Store.Update(ctx, func(tx store.Tx) error { return tx.SetMeta(metaState, b) })
}

// branchKey names one branch of one origin.
type branchKey struct {
	origin syncproto.OriginID
	branch uint32
}

// custody is what the centre has said of one branch. Beyond a gap it gives
// receipts of their own.
type custody struct {
	runs       []span          // under received or safe receipts
	heads      syncproto.Heads // end of those that begin with the origin's first change
	unreadable []syncproto.Exception
	enrol      bool // held until the centre sees a credential of the origin's own
}

// span is a run of changes.
type span struct{ first, last uint64 }

// has reports whether the centre has a stored segment and could read it.
func (c custody) has(s *store.Segment) bool {
	return c.upTo(s.First) >= s.Last && c.opened(s.First, s.Last)
}

// upTo gives the last of the changes from first on that the centre has without
// a break; first-1 for none.
func (c custody) upTo(first uint64) uint64 {
	last := first - 1
	for again := true; again; {
		again = false
		for _, r := range c.runs {
			if r.first <= last+1 && r.last > last {
				last, again = r.last, true
			}
		}
	}
	return last
}

// opened reports whether the centre could read first..last, as far as it said.
func (c custody) opened(first, last uint64) bool {
	for _, e := range c.unreadable {
		if e.First <= last && e.Last >= first {
			return false
		}
	}
	return true
}

// upstreamEpoch gives the latest history of upstream that was heard of, in an
// exchange or by a page in a file.
func upstreamEpoch(r store.Reader) (syncproto.Epoch, error) {
	st, err := loadState(r)
	if err != nil {
		return st.Epoch, err
	}
	head, err := r.FeedHead(syncproto.CommonFeed)
	if syncproto.EpochStart(head.Epoch) > syncproto.EpochStart(st.Epoch) {
		st.Epoch = head.Epoch
	}
	return st.Epoch, err
}

// receipted gives what the centre's received and safe receipts say of each
// branch.
func receipted(r store.Reader, centre syncproto.OriginID) (map[branchKey]custody, error) {
	list, err := r.Receipts(store.ReceiptQuery{})
	if err != nil {
		return nil, err
	}
	epoch, err := upstreamEpoch(r)
	if err != nil {
		return nil, err
	}
	out := make(map[branchKey]custody)
	for _, row := range list {
		if row.Issuer != centre || row.Mark < syncproto.MarkReceived {
			continue
		}
		rc, err := syncproto.DecodeReceipt(row.Data)
		if err != nil {
			return nil, err
		}
		if rc.OfLostHistory(epoch) {
			continue
		}
		k := branchKey{row.Origin, row.Branch}
		c := out[k]
		c.runs = append(c.runs, span{rc.First, rc.Last})
		if rc.First == 1 && rc.Last > c.heads.Seq {
			c.heads = syncproto.Heads{Seq: rc.Last, Open: rc.Open, Closed: rc.Closed}
		}
		// A safe receipt is as old as its backup; what did not open then may
		// have been cured since.
		for _, e := range rc.Exceptions {
			switch {
			case row.Mark != syncproto.MarkReceived:
			case e.Reason == syncproto.ReasonUnreadable:
				c.unreadable = append(c.unreadable, e)
			case e.Reason == syncproto.ReasonHandover:
				c.enrol = true
			}
		}
		out[k] = c
	}
	return out, nil
}

// backlog counts the changes held here that the centre has not receipted.
func (r *Relay) backlog(ctx context.Context) (n uint64, err error) {
	err = r.cfg.Store.View(ctx, func(rd store.Reader) error {
		centre := r.cfg.Trust.Centre().ID()
		have, err := receipted(rd, centre)
		if err == nil {
			n, err = backlogIn(rd, centre, have, func(syncproto.OriginID) (syncproto.Heads, bool) { return syncproto.Heads{}, false })
		}
		return err
	})
	return n, err
}

// backlogIn counts what the centre has neither receipted nor, as far as known
// says, shown to hold.
func backlogIn(r store.Reader, centre syncproto.OriginID, have map[branchKey]custody, known func(syncproto.OriginID) (syncproto.Heads, bool)) (uint64, error) {
	var n uint64
	err := r.EachRun(func(run store.Run) error {
		if run.Origin == centre {
			return nil
		}
		done := have[branchKey{run.Origin, run.Branch}].upTo(run.First)
		if h, ok := known(run.Origin); ok && run.Branch == 0 {
			done = max(done, h.Seq)
		}
		if run.Last.Seq > done {
			n += run.Last.Seq - done
		}
		return nil
	})
	return n, err
}
