package clientlib

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"thonsync/clientlib/changelog"
	"thonsync/syncproto"
	"thonsync/syncproto/exchange"
)

// maxRounds bounds one Sync against a server that always has more.
const maxRounds = 10_000

// maxIdleRounds is how many rounds in a row may bring nothing at all, before
// Sync gives up on a server that keeps refusing what it is sent.
const maxIdleRounds = 2

// Report is what one Sync did.
type Report struct {
	Server     string // that was used last
	Rounds     int
	Sent       int // changes put into answered requests
	CargoSent  int // segments carried for colleagues put into answered requests
	Receipts   int // verified and new
	Pages      int
	Segments   int // of colleagues
	Problems   []SegmentProblem
	Notes      []string // English: what was received and could not be used
	Waiting    int      // changes not yet received at the centre
	Finished   bool     // nothing was left to send or to fetch
	NewOrigin  bool     // the device found itself restored or cloned, and began a new origin
	PeerBehind bool     // the server holds less than it had signed for; all was sent again
	DiskFull   bool     // answers could not be stored, sending went on
	Dropped    int      // changes whose personal fields were kept long enough and went
	// RetryAfter is how long to wait before the next Sync where this one failed.
	RetryAfter time.Duration
}

// SegmentProblem is what a server found wrong with one segment.
type SegmentProblem struct {
	Origin      syncproto.OriginID
	First, Last uint64
	Code        syncproto.Code
	Message     string
}

// session is one Sync with one server.
type session struct {
	d      *Device
	link   link
	server server
	asker  *exchange.Asker
	report *Report

	more     bool // the server said so
	idle     int
	full     bool                          // the disk is full: nothing is stored
	acks     map[syncproto.OriginID]uint64 // send-only and full disk: what was answered
	resent   map[syncproto.OriginID]uint64 // how far this session has sent again what has no receipt
	carried  map[int64]bool                // cargo that this session has delivered
	resealed bool                          // the sealing key was fetched anew in this session
}

// Sync exchanges with the first server that can be reached until nothing is left
// to send or to fetch. Every answer is applied in one transaction together with
// the checkpoints it advances; a cut at any byte loses at most the chunk in
// flight. The report is valid also where an error is returned. Recording goes
// on while a Sync runs; a second Sync waits for the first.
func (d *Device) Sync(ctx context.Context) (Report, error) {
	d.syncMu.Lock()
	defer d.syncMu.Unlock()
	var report Report
	err := d.sync(ctx, &report)
	if err == nil && !d.sendOnly {
		err = d.dropRevoked(ctx)
	}
	noted := d.noteSync(ctx, &report, err)
	if err == nil {
		err = noted
	}
	if err == nil && !d.sendOnly {
		// What fails here is dropped after the next Sync.
		report.Dropped, _ = d.DropDue(context.WithoutCancel(ctx))
	}
	return report, err
}

func (d *Device) sync(ctx context.Context, report *Report) error {
	if d.opts.Transport == nil {
		return syncproto.Errorf(syncproto.CodeUpstream, "this device has no transport to sync over")
	}
	var l link
	var servers []server
	err := d.view(ctx, func(ctx context.Context, q changelog.Querier) (err error) {
		if l, err = readLink(ctx, q); err != nil {
			return err
		}
		servers, err = readServers(ctx, q)
		return err
	})
	switch {
	case err != nil:
		return err
	case l.centre == nil || len(l.chain) == 0:
		return errNotJoined
	case len(servers) == 0:
		return syncproto.Errorf(syncproto.CodeUpstream, "no server is known: scan a joining code or set a server's address")
	}
	var last error
	for _, s := range servers {
		report.Server = s.url
		if last = d.syncWith(ctx, s, l, report); last == nil || ctx.Err() != nil {
			break
		}
	}
	return last
}

func (d *Device) syncWith(ctx context.Context, s server, l link, report *Report) error {
	asker := d.askers[s.url]
	if asker == nil {
		asker = exchange.NewAsker()
		d.askers[s.url] = asker
	}
	se := &session{d: d, link: l, server: s, asker: asker, report: report,
		acks: make(map[syncproto.OriginID]uint64), resent: make(map[syncproto.OriginID]uint64), carried: make(map[int64]bool)}
	err := se.run(ctx)
	if err != nil {
		var busy *ServerError
		var wait time.Duration
		if errors.As(err, &busy) {
			wait = busy.RetryAfter
		}
		report.RetryAfter = asker.Failed(d.opts.Jitter, wait)
		return unreached(err)
	}
	report.RetryAfter = 0
	return nil
}

func (se *session) run(ctx context.Context) error {
	if se.server.notice == nil {
		if err := se.takeNotice(ctx, nil); err != nil {
			return err
		}
	}
	if err := se.d.view(ctx, se.remember); err != nil {
		return err
	}
	var last []part
	for round := range maxRounds {
		out, err := se.compose(ctx)
		if err != nil {
			return err
		}
		if round > 0 && out.empty() && !se.more {
			se.report.Finished = !se.full
			return nil
		}
		gained, err := se.round(ctx, out)
		if err != nil {
			return err
		}
		again := len(out.parts) > 0 && slices.Equal(out.parts, last) // a server that does not take it in
		last = out.parts
		if gained && !again {
			se.idle = 0
		} else if se.idle++; se.idle >= maxIdleRounds {
			return nil
		}
	}
	return nil
}

// remember tells the asker what this server is known to hold.
func (se *session) remember(ctx context.Context, q changelog.Querier) error {
	peer := se.server.origin()
	rows, err := q.QueryContext(ctx, `SELECT origin, seq, open, closed FROM peer_head WHERE peer = $1`, peer[:])
	if err != nil {
		return fmt.Errorf("reading what the server holds: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var id, open, closed []byte
		var seq int64
		if err := rows.Scan(&id, &seq, &open, &closed); err != nil {
			return fmt.Errorf("reading what the server holds: %w", err)
		}
		h := syncproto.Heads{Seq: uint64(seq)}
		copy(h.Open[:], open)
		copy(h.Closed[:], closed)
		var origin syncproto.OriginID
		copy(origin[:], id)
		se.asker.Remember(origin, h)
	}
	return rows.Err()
}

// round sends one request and applies its answer. It reports whether anything
// was gained by it.
func (se *session) round(ctx context.Context, out *outgoing) (bool, error) {
	key, _ := se.d.log.Key(se.link.identity)
	start := se.d.opts.Clock.NowMS()
	var answer *syncproto.Answer
	for attempt := 0; answer == nil; attempt++ {
		to, err := syncproto.NewSealPublic(se.server.notice.Exchange)
		if err != nil {
			return false, err
		}
		body, pending, err := syncproto.EncodeRequest(out.request, key, to)
		if err != nil {
			return false, err
		}
		reply, err := se.d.opts.Transport.Exchange(ctx, se.server.url, body)
		if err != nil {
			return false, err
		}
		if reply.Notice != nil {
			if attempt > 0 {
				return false, syncproto.Errorf(syncproto.CodeOldKey, "the server refuses the key that it has just announced: try again later")
			}
			if err := se.takeNotice(ctx, reply.Notice); err != nil {
				return false, err
			}
			continue
		}
		if answer, err = pending.OpenAnswer(reply.Answer, se.server.notice.Sign); err != nil {
			return false, err
		}
	}
	now := se.d.opts.Clock.NowMS()
	se.report.Rounds++
	gained, err := se.take(ctx, out, answer, time.Duration(max(0, now-start))*time.Millisecond, now)
	if err != nil {
		// The asker may have taken in what was then rolled back.
		delete(se.d.askers, se.server.url)
		return false, err
	}
	se.report.Sent += out.changes()
	se.report.CargoSent += out.cargo()
	return gained, nil
}

// takeNotice adopts a server's new keys, given or to be fetched.
func (se *session) takeNotice(ctx context.Context, b []byte) error {
	var n *syncproto.KeyNotice
	var err error
	if b == nil {
		n, err = se.d.fetchNotice(ctx, se.server.url, se.link.centre)
	} else {
		n, err = se.d.readNotice(ctx, b, se.link.centre)
	}
	if err != nil {
		return err
	}
	if se.d.sendOnly {
		return se.d.view(ctx, func(ctx context.Context, q changelog.Querier) error {
			return se.d.adopt(ctx, q, &se.link, &se.server, n)
		})
	}
	return se.d.update(ctx, func(ctx context.Context, q changelog.Querier) error {
		return se.d.adopt(ctx, q, &se.link, &se.server, n)
	})
}

// noteSync stores how a Sync went, for Status. A full disk must not hide what
// happened, so a failure to store is only returned where nothing else failed.
func (d *Device) noteSync(ctx context.Context, r *Report, failed error) error {
	text, code := "", syncproto.CodeOf(failed)
	if failed != nil {
		text = failed.Error()
		if e, ok := errors.AsType[*syncproto.Error](failed); ok {
			text = e.Message
		}
	}
	ctx = context.WithoutCancel(ctx)
	note := func(ctx context.Context, q changelog.Querier) (err error) {
		if r.Waiting, err = d.log.Waiting(ctx, q, syncproto.MarkReceived); err != nil || d.sendOnly {
			return err
		}
		_, err = q.ExecContext(ctx, `UPDATE device SET last_error = $1, last_error_code = $2,
last_server = CASE WHEN $3 > 0 THEN $4 ELSE last_server END, last_success_ms = CASE WHEN $5 THEN $6 ELSE last_success_ms END`,
			text, string(code), r.Rounds, r.Server, r.Finished, d.opts.Clock.NowMS())
		return err
	}
	err := d.update(ctx, note)
	if syncproto.CodeOf(err) == syncproto.CodeDiskFull {
		r.DiskFull = true
		return nil
	}
	return err
}
