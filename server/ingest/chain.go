package ingest

import (
	"crypto/ed25519"

	"thonsync/server/store"
	"thonsync/syncproto"
)

// unpacked is a stored segment with the state after each of its changes.
type unpacked struct {
	row     store.Segment
	changes []syncproto.OpenChange
	at      []hashes // at[i]: after change First-1+i
}

// unpack decodes a stored segment, verifying signature and chains on the way.
func unpack(row store.Segment, key ed25519.PublicKey) (*unpacked, error) {
	seg, err := syncproto.ParseSegment(row.Data)
	if err != nil {
		return nil, err
	}
	changes, err := seg.Verify(key)
	if err != nil {
		return nil, err
	}
	if seg.Origin != row.Origin || seg.First() != row.First || seg.Last() != row.Last || !seg.Before.Equal(row.Before) || !seg.After.Equal(row.After) {
		return nil, syncproto.Errorf(syncproto.CodeChain, "segment %d-%d of origin %s: the index says otherwise than the segment", row.First, row.Last, row.Origin)
	}
	u := &unpacked{row: row, changes: changes}
	commits, err := splitCommits(&row)
	if err != nil {
		return nil, err
	}
	u.at, err = states(seg, changes, commits)
	return u, err
}

// states gives the state before the first and after each change. Without
// commitments the closed hash is known at both ends only.
func states(seg *syncproto.Segment, changes []syncproto.OpenChange, commits []syncproto.Hash) ([]hashes, error) {
	at := make([]hashes, len(changes)+1)
	at[0] = headsHashes(seg.Before)
	closed := seg.Before.Closed
	for i := range changes {
		at[i+1].open = changes[i].Open
		if commits != nil {
			closed = syncproto.ClosedHash(closed, commits[i])
			at[i+1].closed, at[i+1].closedKnown = closed, true
		}
	}
	last := &at[len(changes)]
	if commits != nil && closed != seg.After.Closed {
		return nil, syncproto.Errorf(syncproto.CodeChain, "segment %d-%d of origin %s: commitments and signed head disagree", seg.First(), seg.Last(), seg.Origin)
	}
	last.closed, last.closedKnown = seg.After.Closed, true
	return at, nil
}

func splitCommits(row *store.Segment) ([]syncproto.Hash, error) {
	if row.Commits == nil {
		return nil, nil
	}
	n := int(row.Last - row.First + 1)
	if len(row.Commits) != n*len(syncproto.Hash{}) {
		return nil, syncproto.Errorf(syncproto.CodeChain, "segment %d-%d of origin %s: commitments are damaged", row.First, row.Last, row.Origin)
	}
	out := make([]syncproto.Hash, n)
	for i := range out {
		copy(out[i][:], row.Commits[i*len(out[i]):])
	}
	return out, nil
}

// topology tells where the branches of one origin part.
type topology struct{ runs []store.Run }

// forked tells whether the origin has more than one branch.
func (t topology) forked() bool {
	for _, r := range t.runs {
		if r.Branch != 0 {
			return true
		}
	}
	return false
}

// home gives the branch that owns change seq on the way down to branch.
func (t topology) home(branch uint32, seq uint64) uint32 {
	for range len(t.runs) + 1 {
		parent, after, ok := t.link(branch)
		if !ok || seq > after || parent == branch {
			return branch
		}
		branch = parent
	}
	return branch
}

// link tells where a branch left its parent; false for a branch that did not,
// as far as is known.
func (t topology) link(branch uint32) (parent uint32, after uint64, ok bool) {
	for _, r := range t.runs {
		if r.Branch == branch && r.Branch != 0 && r.First == r.After+1 && r.Linked {
			return r.Parent, r.After, true
		}
	}
	return 0, 0, false
}

// mayHold tells whether states from first-1 on can be a run's up to change seq:
// whether they do not differ where the run begins.
func mayHold(r *store.Run, first, seq uint64, at []hashes) bool {
	i := int(r.Before.Seq) - int(first-1)
	return r.Before.Seq > seq || i < 0 || i >= len(at) || !at[i].differ(headsHashes(r.Before))
}

// branchOf finds the branch of a change by its hashes.
func (ses *session) branchOf(o *store.Origin, t topology, e *Entry) (uint32, error) {
	if !t.forked() {
		return 0, nil
	}
	var branch uint32
	best := -1
	for _, r := range t.runs {
		if e.Change.Seq < r.First || e.Change.Seq > r.Last.Seq {
			continue
		}
		h, err := ses.stateAt(o, t, &r, e.Change.Seq)
		if err != nil {
			return 0, err
		}
		// The open hash decides; among branches that share it, the closed one.
		score := -1
		if h.open.Prefix() == e.Open {
			score = 0
			if h.closedKnown && h.closed.Prefix() == e.Closed {
				score = 1
			}
		}
		if score > best {
			branch, best = r.Branch, score
		}
	}
	return branch, nil
}
