package ingest

import (
	"crypto/ed25519"

	"thonsync/server/store"
	"thonsync/syncproto"
)

// lookup finds states of chains in stored segments, keeping those that it has
// decoded at hand.
type lookup struct {
	r     store.LogReader
	cache map[int64]*unpacked
}

func (ses *session) lookup() lookup { return lookup{ses.tx, ses.cache} }

// unpacked gives a stored segment decoded.
func (ses *session) unpacked(id int64, key ed25519.PublicKey) (*unpacked, error) {
	return ses.lookup().unpacked(id, key)
}

// stateAt gives the state after change seq of a run.
func (ses *session) stateAt(o *store.Origin, t topology, r *store.Run, seq uint64) (hashes, error) {
	return ses.lookup().stateAt(o, t, r, seq)
}

// maxUnpacked bounds how many decoded segments are kept at hand.
const maxUnpacked = 32

// unpacked gives a stored segment decoded, from memory if it was just used.
func (l lookup) unpacked(id int64, key ed25519.PublicKey) (*unpacked, error) {
	if u, ok := l.cache[id]; ok {
		return u, nil
	}
	row, ok, err := l.r.Segment(id)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, syncproto.Errorf(syncproto.CodeInternal, "segment %d is gone", id)
	}
	u, err := unpack(row, key)
	if err != nil {
		return nil, err
	}
	if len(l.cache) >= maxUnpacked {
		clear(l.cache)
	}
	l.cache[id] = u
	return u, nil
}

// stateAt gives the state after change seq of a run from the segments that hold
// it. It prefers one whose seal was opened.
//
// At a point a segment can lie across branches that differ in personal values
// only. Then any that is compatible will do, and its closed hash is not known.
func (l lookup) stateAt(o *store.Origin, t topology, r *store.Run, seq uint64) (hashes, error) {
	var best, spare hashes
	found, spared := false, false
	err := l.covering(o, seq, func(u *unpacked) bool {
		h := u.at[seq-(u.row.First-1)]
		if t.home(u.row.Branch, seq) != r.Branch {
			if mayHold(r, u.row.First, seq, u.at) {
				spare, spared = hashes{open: h.open}, true
			}
			return false
		}
		if !found || h.closedKnown {
			best, found = h, true
		}
		return h.closedKnown
	})
	switch {
	case err != nil || found:
		return best, err
	case spared:
		return spare, nil
	}
	return best, syncproto.Errorf(syncproto.CodeInternal, "change %d of origin %s is in the index but in no segment: verify the database", seq, o.ID)
}

// covering calls f for the stored segments that hold change seq, until f returns
// true.
func (l lookup) covering(o *store.Origin, seq uint64, f func(*unpacked) bool) error {
	rows, err := l.r.Segments(store.SegmentQuery{Origin: o.ID, From: seq, To: seq, HeadersOnly: true})
	if err != nil {
		return err
	}
	for _, row := range rows {
		u, err := l.unpacked(row.ID, o.Key)
		if err != nil {
			return err
		}
		if f(u) {
			return nil
		}
	}
	return nil
}
