package clientlib

import (
	"context"
	"fmt"
	"slices"

	"thonsync/clientlib/changelog"
	"thonsync/syncproto"
	"thonsync/syncproto/exchange"
)

// requestFrame is about what a request costs beside its segments.
const requestFrame = 2 << 10

// minSegment is the smallest room that is worth cutting a segment for.
const minSegment = 1 << 10

// outgoing is a request with what its segments are.
type outgoing struct {
	request *syncproto.Request
	parts   []part // as request.Segments
}

// part tells what one segment of a request is.
type part struct {
	origin      syncproto.OriginID
	first, last uint64
	after       syncproto.Heads // own segments
	cargo       int64           // id of the cargo, 0 for own segments
	again       bool            // sent again because no receipt came
}

func (o *outgoing) empty() bool { return len(o.parts) == 0 }

func (o *outgoing) changes() (n int) {
	for _, p := range o.parts {
		if p.cargo == 0 {
			n += int(p.last - p.first + 1)
		}
	}
	return n
}

func (o *outgoing) cargo() (n int) {
	for _, p := range o.parts {
		if p.cargo != 0 {
			n++
		}
	}
	return n
}

// compose builds the next request.
func (se *session) compose(ctx context.Context) (*outgoing, error) {
	d := se.d
	id, err := d.newUUID()
	if err != nil {
		return nil, syncproto.Wrap(syncproto.CodeInternal, err, "no randomness")
	}
	out := &outgoing{request: &syncproto.Request{ID: id, Origin: se.link.identity, Credentials: se.link.chain,
		Budget: se.asker.Chunk(), ClockMS: d.opts.Clock.NowMS()}}
	err = d.view(ctx, func(ctx context.Context, q changelog.Querier) error {
		own, err := d.log.AllHeads(ctx, q)
		if err != nil {
			return err
		}
		out.request.Heads = se.named(own)
		room := se.asker.Chunk() - requestFrame
		if room, err = se.addOwn(ctx, q, out, own, room); err != nil {
			return err
		}
		waiting, err := d.log.Waiting(ctx, q, syncproto.MarkReceived)
		if err != nil {
			return err
		}
		out.request.Waiting = max(0, waiting-out.changes())
		if d.sendOnly {
			return se.addExtras(ctx, q, out)
		}
		if err := se.addCargo(ctx, q, out, room); err != nil {
			return err
		}
		if err := se.addExtras(ctx, q, out); err != nil {
			return err
		}
		return se.addReading(ctx, q, out)
	})
	return out, err
}

// named gives the own positions that the server is asked about: the heads, and
// what it last said that it holds. If it repeats neither, it has lost them.
func (se *session) named(own []syncproto.OriginHeads) []syncproto.OriginHeads {
	out := slices.Clone(own)
	for _, o := range own {
		if h, ok := se.asker.Known(o.Origin); ok && h.Seq > 0 && h.Seq != o.Seq {
			out = append(out, syncproto.OriginHeads{Origin: o.Origin, Heads: h})
		}
	}
	return out
}

// addOwn adds segments of own changes: first what the server has not told it
// holds, then, once a session, what it holds without having given a receipt.
func (se *session) addOwn(ctx context.Context, q changelog.Querier, out *outgoing, own []syncproto.OriginHeads, room int) (int, error) {
	plan := se.asker.Plan(own)
	fresh := len(plan)
	for _, o := range own {
		again, err := se.unreceipted(ctx, q, o.Origin)
		if err != nil {
			return room, err
		}
		plan = append(plan, again...)
	}
	if len(plan) == 0 {
		return room, nil
	}
	to, err := syncproto.NewSealPublic(se.link.seal)
	if err != nil {
		return room, err
	}
	for i, r := range plan {
		after := r.After
		if i < fresh {
			after = max(after, se.acks[r.Origin])
		}
		for after < r.To {
			if len(out.parts) > 0 && room < minSegment {
				return room, nil
			}
			s, damaged, err := se.d.log.CutSound(ctx, q, changelog.Cut{Origin: r.Origin, After: after, To: r.To, MaxBytes: room, SealTo: to})
			if err != nil {
				return room, err
			}
			se.noteDamaged(r.Origin, damaged)
			if s == nil {
				break
			}
			b := s.Encode()
			if len(out.parts) > 0 && len(b) > room {
				return room, nil
			}
			room -= len(b)
			out.request.Segments = append(out.request.Segments, b)
			out.parts = append(out.parts, part{origin: r.Origin, first: s.First(), last: s.Last(), after: s.After, again: i >= fresh})
			after = s.Last()
		}
	}
	return room, nil
}

// noteDamaged names changes that are too damaged to be sent, once a session.
func (se *session) noteDamaged(id syncproto.OriginID, seqs []uint64) {
	for _, seq := range seqs {
		text := fmt.Sprintf("change %d of origin %s is damaged on this device and cannot be sent: keep the file and ask for help", seq, id)
		if !slices.Contains(se.report.Notes, text) {
			se.report.Notes = append(se.report.Notes, text)
		}
	}
}

// unreceipted lists what the server says it holds and has given no receipt for,
// because the receipt was lost or the personal part did not open. Each is sent
// again, sealed to the current key, once a session.
func (se *session) unreceipted(ctx context.Context, q changelog.Querier, id syncproto.OriginID) ([]exchange.Range, error) {
	known, ok := se.asker.Known(id)
	if !ok || known.Seq == 0 {
		return nil, nil
	}
	mark := syncproto.MarkReceived
	if se.server.origin() != se.link.centreOrigin() {
		mark = syncproto.MarkCommune
	}
	runs, err := se.d.log.Below(ctx, q, id, mark)
	if err != nil {
		return nil, err
	}
	if mark == syncproto.MarkCommune && !se.d.sendOnly {
		unreadable, err := unreadableRuns(ctx, q, id)
		if err != nil {
			return nil, err
		}
		runs = append(runs, unreadable...)
	}
	var out []exchange.Range
	for _, r := range runs {
		after := max(r.First-1, se.resent[id])
		if to := min(r.Last, known.Seq); after < to {
			out = append(out, exchange.Range{Origin: id, After: after, To: to})
		}
	}
	return out, nil
}

// unreadableRuns lists the changes that the centre could not open.
func unreadableRuns(ctx context.Context, q changelog.Querier, id syncproto.OriginID) ([]changelog.Run, error) {
	rows, err := q.QueryContext(ctx, `SELECT seq FROM outcome WHERE origin = $1 AND reason = $2 ORDER BY seq`, id[:], string(syncproto.ReasonUnreadable))
	if err != nil {
		return nil, fmt.Errorf("listing unreadable changes: %w", err)
	}
	defer rows.Close()
	var runs []changelog.Run
	for rows.Next() {
		var seq uint64
		if err := rows.Scan(&seq); err != nil {
			return nil, fmt.Errorf("listing unreadable changes: %w", err)
		}
		if n := len(runs); n > 0 && runs[n-1].Last+1 == seq {
			runs[n-1].Last++
			continue
		}
		runs = append(runs, changelog.Run{First: seq, Last: seq})
	}
	return runs, rows.Err()
}

// addCargo adds segments carried for colleagues that this session has not
// delivered yet.
func (se *session) addCargo(ctx context.Context, q changelog.Querier, out *outgoing, room int) error {
	rows, err := q.QueryContext(ctx, `SELECT id, origin, first, last, bytes FROM cargo ORDER BY origin, first, id`)
	if err != nil {
		return fmt.Errorf("reading cargo: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var p part
		var origin, b []byte
		if err := rows.Scan(&p.cargo, &origin, &p.first, &p.last, &b); err != nil {
			return fmt.Errorf("reading cargo: %w", err)
		}
		if se.carried[p.cargo] {
			continue
		}
		if len(out.parts) > 0 && len(b) > room {
			break
		}
		copy(p.origin[:], origin)
		room -= len(b)
		out.request.Segments = append(out.request.Segments, b)
		out.parts = append(out.parts, p)
	}
	return rows.Err()
}

// addExtras adds the credential chains of the origins, other than the asker's,
// whose segments go along.
func (se *session) addExtras(ctx context.Context, q changelog.Querier, out *outgoing) error {
	done := map[syncproto.OriginID]bool{se.link.identity: true}
	for _, p := range out.parts {
		if done[p.origin] {
			continue
		}
		done[p.origin] = true
		chain, err := readChain(ctx, q, p.origin)
		if err != nil {
			return err
		}
		if chain != nil {
			out.request.Extra = append(out.request.Extra, syncproto.OriginCredential{Origin: p.origin, Credentials: chain})
		}
	}
	return nil
}

// maxColleagueHeads bounds what a request says about others.
const maxColleagueHeads = 512

// addReading adds how far feeds and colleagues' origins were read.
func (se *session) addReading(ctx context.Context, q changelog.Querier, out *outgoing) (err error) {
	if out.request.Checkpoints, err = readCheckpoints(ctx, q, se.link.unit); err != nil {
		return err
	}
	heads, err := readColleagues(ctx, q, maxColleagueHeads)
	out.request.Heads = append(out.request.Heads, heads...)
	return err
}

// readCheckpoints gives the checkpoints of all feeds read so far, and a start
// for the common feed and the home unit's.
func readCheckpoints(ctx context.Context, q changelog.Querier, unit string) ([]syncproto.Checkpoint, error) {
	rows, err := q.QueryContext(ctx, `SELECT feed, epoch, position, page FROM checkpoint ORDER BY feed`)
	if err != nil {
		return nil, fmt.Errorf("reading checkpoints: %w", err)
	}
	defer rows.Close()
	var out []syncproto.Checkpoint
	missing := map[string]bool{syncproto.CommonFeed: true}
	if unit != "" {
		missing[unit] = true
	}
	for rows.Next() {
		var c syncproto.Checkpoint
		var epoch, page []byte
		if err := rows.Scan(&c.Feed, &epoch, &c.Position, &page); err != nil {
			return nil, fmt.Errorf("reading checkpoints: %w", err)
		}
		copy(c.Epoch[:], epoch)
		copy(c.Page[:], page)
		out = append(out, c)
		delete(missing, c.Feed)
	}
	for _, feed := range []string{syncproto.CommonFeed, unit} {
		if missing[feed] {
			out = append(out, syncproto.Checkpoint{Feed: feed})
		}
	}
	return out, rows.Err()
}

func readColleagues(ctx context.Context, q changelog.Querier, limit int) ([]syncproto.OriginHeads, error) {
	rows, err := q.QueryContext(ctx, `SELECT origin, seq, open, closed FROM colleague ORDER BY origin, seq LIMIT $1`, limit)
	if err != nil {
		return nil, fmt.Errorf("reading colleagues: %w", err)
	}
	defer rows.Close()
	var out []syncproto.OriginHeads
	for rows.Next() {
		var h syncproto.OriginHeads
		var origin, open, closed []byte
		if err := rows.Scan(&origin, &h.Seq, &open, &closed); err != nil {
			return nil, fmt.Errorf("reading colleagues: %w", err)
		}
		copy(h.Origin[:], origin)
		copy(h.Open[:], open)
		copy(h.Closed[:], closed)
		out = append(out, h)
	}
	return out, rows.Err()
}
