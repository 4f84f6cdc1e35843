package syncproto

import (
	"github.com/google/uuid"
)

// Request is what a replica sends to the next one up. See PROTOCOL.md,
// "Exchange".
type Request struct {
	ID          uuid.UUID          // random; the answer must carry it
	Origin      OriginID           // who asks
	Credentials []string           // JWTs: the asker's own first, then its issuers' up to the centre
	Heads       []OriginHeads      // the asker's own heads and those of others it holds
	Checkpoints []Checkpoint       // how far each feed was read
	Segments    [][]byte           // encoded segments
	Receipts    [][]byte           // a point's own receipts, as witnesses of arrival
	Budget      int                // bytes that the asker wants at most in the answer
	ClockMS     int64              // the asker's wall clock now, to show its offset
	Waiting     int                // changes still to be sent after this request
	Extra       []OriginCredential // credentials of other origins whose segments are carried
	Contacts    [][]byte           // encoded Contacts: a point's word about who was there
	Join        *Join              // set in the one request that asks to be taken in
}

// Welcome is the answer to a Join.
type Welcome struct {
	Credentials []string // the new device's chain
	Role        string
	Unit        string    // home unit, as list:code
	Team        uuid.UUID // uuid.Nil for points and officers
	Members     []WelcomeMember
}

// WelcomeMember is somebody who may use the device. The name is there only
// where the issuer knows it.
type WelcomeMember struct {
	ID   uuid.UUID
	Name string
}

// OriginHeads is the position of one origin as some replica knows it.
type OriginHeads struct {
	Origin OriginID
	Heads
}

// OriginCredential carries the credential chain of an origin, so that whoever
// takes its segments can check them without having met it.
type OriginCredential struct {
	Origin      OriginID
	Credentials []string
}

// Problem tells the sender what is wrong with one segment of a request. The
// others were taken.
type Problem struct {
	Index   int // position in Request.Segments
	Code    Code
	Message string
}

// Answer is what comes back.
type Answer struct {
	ID          uuid.UUID
	Origin      OriginID      // who answers
	NowMS       int64         // the answerer's clock
	Beacon      BeaconMark    // newest beacon of the centre known to the answerer
	Heads       []OriginHeads // what the answerer holds of the asker's origins and of those it carries
	Checkpoints []Checkpoint  // positions that Receipts lead to, to be sent back next time
	Receipts    [][]byte
	Pages       [][]byte
	Rulings     [][]byte // on the asker itself, for one that gets no feed because it was revoked
	Segments    [][]byte // other origins' segments in the asker's scope
	Credentials []OriginCredential
	Problems    []Problem
	Notice      []byte   // the answerer's next key, once it rotates
	SealKey     []byte   // the centre's current sealing key, raw; vouched for by Notice chain or page
	More        bool     // ask again: pages, segments or receipts are left
	Welcome     *Welcome // the answer to a Join
	JoinNonce   []byte   // the server's part of the digits, while a Join is under way
}

// Message part tags. Shared by requests and answers.
const (
	tagID = 1 + iota
	tagOrigin
	tagCredential
	tagHeads
	tagCheckpoint
	tagSegment
	tagReceipt
	tagBudget
	tagClock
	tagWaiting
	tagExtra
	tagBeacon
	tagPage
	tagProblem
	tagNotice
	tagSealKey
	tagMore
	tagJoin
	tagWelcome
	tagRuling
	tagJoinNonce
	tagContacts
)

// Limits of lists in messages.
const (
	maxHeads       = 4096
	maxCheckpoints = 512
	maxSegments    = 512
	maxReceipts    = 4096
	maxCredentials = 8
	maxJWTBytes    = 4096
	maxExtras      = 512
	maxRulings     = 16
	maxContacts    = 16 // lists of them
	maxFeedName    = 128
	maxMessageText = 512
	maxMembers     = 1024
	maxWaiting     = 1<<31 - 1
)

func (q *Request) body() []byte {
	w := &frameWriter{}
	w.put(tagID, q.ID[:])
	w.put(tagOrigin, q.Origin[:])
	for _, c := range q.Credentials {
		w.put(tagCredential, []byte(c))
	}
	putHeads(w, q.Heads)
	for _, c := range q.Checkpoints {
		w.put(tagCheckpoint, appendCheckpoint(nil, c))
	}
	for _, s := range q.Segments {
		w.put(tagSegment, s)
	}
	for _, r := range q.Receipts {
		w.put(tagReceipt, r)
	}
	w.uint(tagBudget, uint64(q.Budget))
	w.uint(tagClock, zigzag(q.ClockMS))
	w.uint(tagWaiting, uint64(q.Waiting))
	putExtras(w, q.Extra)
	for _, c := range q.Contacts {
		w.put(tagContacts, c)
	}
	if q.Join != nil {
		w.put(tagJoin, q.Join.body())
	}
	return w.buf
}

func (wl *Welcome) body() []byte {
	b := appendBytes(nil, []byte(wl.Role))
	b = appendBytes(b, []byte(wl.Unit))
	b = append(b, wl.Team[:]...)
	b = appendUvarint(b, uint64(len(wl.Members)))
	for _, m := range wl.Members {
		b = appendBytes(append(b, m.ID[:]...), []byte(m.Name))
	}
	b = appendUvarint(b, uint64(len(wl.Credentials)))
	for _, c := range wl.Credentials {
		b = appendBytes(b, []byte(c))
	}
	return b
}

func (r *reader) welcome() *Welcome {
	wl := &Welcome{Role: string(r.bytes(64)), Unit: string(r.bytes(maxFeedName))}
	copy(wl.Team[:], r.take(16))
	for range r.count(maxMembers, "members") {
		var m WelcomeMember
		copy(m.ID[:], r.take(16))
		m.Name = string(r.bytes(maxMessageText))
		if r.err != nil {
			return wl
		}
		wl.Members = append(wl.Members, m)
	}
	for range r.count(maxCredentials, "credential chain") {
		wl.Credentials = append(wl.Credentials, string(r.bytes(maxJWTBytes)))
	}
	return wl
}

func putHeads(w *frameWriter, heads []OriginHeads) {
	for _, h := range heads {
		w.put(tagHeads, appendHeads(nil, h.Origin, h.Heads))
	}
}

func putExtras(w *frameWriter, extras []OriginCredential) {
	for _, e := range extras {
		b := append([]byte(nil), e.Origin[:]...)
		for _, c := range e.Credentials {
			b = appendBytes(b, []byte(c))
		}
		w.put(tagExtra, b)
	}
}

func appendCheckpoint(b []byte, c Checkpoint) []byte {
	b = appendBytes(b, []byte(c.Feed))
	b = append(b, c.Epoch[:]...)
	b = appendUvarint(b, c.Position)
	return append(b, c.Page[:]...)
}

func (r *reader) checkpoint() Checkpoint {
	c := Checkpoint{Feed: string(r.bytes(maxFeedName))}
	copy(c.Epoch[:], r.take(16))
	c.Position = r.uvarint()
	copy(c.Page[:], r.take(len(c.Page)))
	return c
}

func (r *reader) extra() OriginCredential {
	var e OriginCredential
	copy(e.Origin[:], r.take(16))
	for r.err == nil && r.left() > 0 {
		if len(e.Credentials) == maxCredentials {
			r.fail(CodeTooLarge, "credential chain of over %d", maxCredentials)
			break
		}
		e.Credentials = append(e.Credentials, string(r.bytes(maxJWTBytes)))
	}
	return e
}

// grow appends v to list unless that passes limit.
func grow[T any](r *reader, list []T, v T, limit int) []T {
	if len(list) >= limit {
		r.fail(CodeTooLarge, "over %d entries of one kind in a message", limit)
		return list
	}
	return append(list, v)
}

func decodeRequest(b []byte) (*Request, error) {
	q := &Request{}
	err := eachPart(b, func(tag uint64, r *reader) error {
		switch tag {
		case tagID:
			r.fixed(q.ID[:])
		case tagOrigin:
			r.fixed(q.Origin[:])
		case tagCredential:
			q.Credentials = grow(r, q.Credentials, string(r.rest()), maxCredentials)
		case tagHeads:
			o, h := r.heads()
			q.Heads = grow(r, q.Heads, OriginHeads{o, h}, maxHeads)
		case tagCheckpoint:
			q.Checkpoints = grow(r, q.Checkpoints, r.checkpoint(), maxCheckpoints)
		case tagSegment:
			q.Segments = grow(r, q.Segments, r.rest(), maxSegments)
		case tagReceipt:
			q.Receipts = grow(r, q.Receipts, r.rest(), maxReceipts)
		case tagBudget:
			q.Budget = r.count(MaxMessageBytes, "answer budget")
		case tagClock:
			q.ClockMS = unzigzag(r.uvarint())
		case tagWaiting:
			q.Waiting = r.count(maxWaiting, "waiting changes")
		case tagExtra:
			q.Extra = grow(r, q.Extra, r.extra(), maxExtras)
		case tagContacts:
			q.Contacts = grow(r, q.Contacts, r.rest(), maxContacts)
		case tagJoin:
			q.Join = r.join()
		default:
			return nil
		}
		return r.end()
	})
	return q, err
}

func (a *Answer) body() []byte {
	w := &frameWriter{}
	w.put(tagID, a.ID[:])
	w.put(tagOrigin, a.Origin[:])
	w.uint(tagClock, zigzag(a.NowMS))
	if a.Beacon != (BeaconMark{}) {
		w.put(tagBeacon, append(appendUvarint(nil, zigzag(a.Beacon.MS)), a.Beacon.Tag[:]...))
	}
	putHeads(w, a.Heads)
	for _, c := range a.Checkpoints {
		w.put(tagCheckpoint, appendCheckpoint(nil, c))
	}
	for _, r := range a.Receipts {
		w.put(tagReceipt, r)
	}
	for _, p := range a.Pages {
		w.put(tagPage, p)
	}
	for _, r := range a.Rulings {
		w.put(tagRuling, r)
	}
	for _, s := range a.Segments {
		w.put(tagSegment, s)
	}
	putExtras(w, a.Credentials)
	for _, p := range a.Problems {
		b := appendUvarint(nil, uint64(p.Index))
		b = appendBytes(b, []byte(p.Code))
		w.put(tagProblem, appendBytes(b, []byte(p.Message)))
	}
	if a.Notice != nil {
		w.put(tagNotice, a.Notice)
	}
	if a.SealKey != nil {
		w.put(tagSealKey, a.SealKey)
	}
	if a.More {
		w.put(tagMore, nil)
	}
	if a.Welcome != nil {
		w.put(tagWelcome, a.Welcome.body())
	}
	if a.JoinNonce != nil {
		w.put(tagJoinNonce, a.JoinNonce)
	}
	return w.buf
}

func decodeAnswer(b []byte) (*Answer, error) {
	a := &Answer{}
	err := eachPart(b, func(tag uint64, r *reader) error {
		switch tag {
		case tagID:
			r.fixed(a.ID[:])
		case tagOrigin:
			r.fixed(a.Origin[:])
		case tagClock:
			a.NowMS = unzigzag(r.uvarint())
		case tagBeacon:
			a.Beacon.MS = unzigzag(r.uvarint())
			copy(a.Beacon.Tag[:], r.take(len(a.Beacon.Tag)))
		case tagHeads:
			o, h := r.heads()
			a.Heads = grow(r, a.Heads, OriginHeads{o, h}, maxHeads)
		case tagCheckpoint:
			a.Checkpoints = grow(r, a.Checkpoints, r.checkpoint(), maxCheckpoints)
		case tagReceipt:
			a.Receipts = grow(r, a.Receipts, r.rest(), maxReceipts)
		case tagPage:
			a.Pages = grow(r, a.Pages, r.rest(), maxSegments)
		case tagRuling:
			a.Rulings = grow(r, a.Rulings, r.rest(), maxRulings)
		case tagSegment:
			a.Segments = grow(r, a.Segments, r.rest(), maxSegments)
		case tagExtra:
			a.Credentials = grow(r, a.Credentials, r.extra(), maxExtras)
		case tagProblem:
			p := Problem{Index: r.count(maxSegments, "segment index"), Code: Code(r.bytes(64))}
			p.Message = string(r.bytes(maxMessageText))
			a.Problems = grow(r, a.Problems, p, maxSegments)
		case tagNotice:
			a.Notice = r.rest()
		case tagSealKey:
			a.SealKey = r.rest()
		case tagMore:
			a.More = true
		case tagWelcome:
			a.Welcome = r.welcome()
		case tagJoinNonce:
			a.JoinNonce = r.take(JoinNonceBytes)
		default:
			return nil
		}
		return r.end()
	})
	return a, err
}
