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

// receipted gives, for each branch, the last change for which the centre gave a
// received or safe receipt that begins with the branch.
func receipted(r store.Reader, centre syncproto.OriginID) (map[branchKey]store.Receipt, error) {
	list, err := r.Receipts(store.ReceiptQuery{})
	if err != nil {
		return nil, err
	}
	out := make(map[branchKey]store.Receipt)
	for _, rc := range list {
		if rc.Issuer != centre || rc.Mark < syncproto.MarkReceived {
			continue
		}
		k := branchKey{rc.Origin, rc.Branch}
		if rc.Last > out[k].Last {
			out[k] = rc
		}
	}
	return out, nil
}

// backlog counts the changes held here that the centre has not receipted.
func (r *Relay) backlog(ctx context.Context) (n uint64, err error) {
	err = r.cfg.Store.View(ctx, func(rd store.Reader) error {
		n, err = backlogOf(rd, syncproto.OriginOf(r.cfg.Centre), func(syncproto.OriginID) (syncproto.Heads, bool) { return syncproto.Heads{}, false })
		return err
	})
	return n, err
}

// backlogOf counts what the centre has neither receipted nor, as far as known
// says, shown to hold.
func backlogOf(r store.Reader, centre syncproto.OriginID, known func(syncproto.OriginID) (syncproto.Heads, bool)) (uint64, error) {
	have, err := receipted(r, centre)
	if err != nil {
		return 0, err
	}
	var n uint64
	err = r.EachRun(func(run store.Run) error {
		if run.Origin == centre {
			return nil
		}
		done := max(run.First-1, have[branchKey{run.Origin, run.Branch}].Last)
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
