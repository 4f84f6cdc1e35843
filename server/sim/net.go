package sim

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"thonsync/clientlib"
	"thonsync/syncproto"
)

var errLine = errors.New("the line broke")

// network carries exchanges between everybody. It implements
// clientlib.Transport.
type network struct {
	w     *world
	sites map[string]*site // by URL
	late  []letter
	fault error // what no network explains
}

// letter is a request that is still under way.
type letter struct {
	url  string
	body []byte
}

// maxLate bounds what is under way.
const maxLate = 40

// Exchange carries a request and its answer, as well as the network pleases.
func (n *network) Exchange(ctx context.Context, url string, body []byte) (clientlib.Reply, error) {
	w := n.w
	s := n.sites[url]
	if s == nil || !s.up {
		return clientlib.Reply{}, errLine
	}
	fault := w.rng.IntN(100) // drawn always, so that a play does not depend on what is carried
	if !w.faults {
		fault = 100
	}
	switch {
	case fault < 8:
		return n.spoil("request to %s lost", s)
	case fault < 14:
		if len(n.late) < maxLate {
			n.late = append(n.late, letter{url, bytes.Clone(body)})
		}
		return n.spoil("request to %s is late", s)
	case fault < 17:
		w.rep.Faults++
		w.note("a byte of a request to %s flipped", s)
		body = n.flip(body)
	case fault < 24:
		w.rep.Faults++
		w.note("request to %s doubled", s)
		if _, err := n.deliver(ctx, s, body); err != nil {
			w.note("the first of the two: %v", err)
		}
	}
	reply, err := n.deliver(ctx, s, body)
	if err != nil {
		return reply, err
	}
	switch {
	case fault >= 24 && fault < 34:
		return n.spoil("answer of %s lost", s)
	case fault >= 34 && fault < 37:
		w.rep.Faults++
		w.note("a byte of an answer of %s flipped", s)
		reply.Answer, reply.Notice = n.flip(reply.Answer), n.flip(reply.Notice)
	case fault >= 37 && fault < 39:
		w.rep.Faults++
		w.note("a captive portal answers for %s", s)
		reply = clientlib.Reply{Answer: []byte("<html>Please log in</html>")}
	case fault >= 39 && fault < 42:
		w.note("%s crashes before its answer leaves", s)
		if err := w.crash(s); err != nil {
			return clientlib.Reply{}, err
		}
		return clientlib.Reply{}, errLine
	}
	return reply, nil
}

func (n *network) spoil(format string, s *site) (clientlib.Reply, error) {
	n.w.rep.Faults++
	n.w.note(format, s)
	return clientlib.Reply{}, errLine
}

// deliver hands a request to a site.
func (n *network) deliver(ctx context.Context, s *site, body []byte) (clientlib.Reply, error) {
	n.w.rep.Exchanges++
	b, err := s.node.Exchange(ctx, body)
	if syncproto.CodeOf(err) == syncproto.CodeOldKey && b != nil {
		return clientlib.Reply{Notice: b}, nil
	}
	if syncproto.CodeOf(err) == syncproto.CodeInternal && err != nil {
		n.fault = fmt.Errorf("%s has a fault of its own: %w", s, err)
	}
	if problem, ok := errors.AsType[*syncproto.Error](err); ok {
		return clientlib.Reply{}, &clientlib.ServerError{Err: problem}
	}
	return clientlib.Reply{Answer: b}, err
}

// Keys fetches a key notice.
func (n *network) Keys(ctx context.Context, url string) ([]byte, error) {
	s := n.sites[url]
	if s == nil || !s.up || n.w.chance(10) {
		return nil, errLine
	}
	return s.node.Keys(ctx)
}

// flip changes one bit.
func (n *network) flip(b []byte) []byte {
	if len(b) == 0 {
		return b
	}
	out := bytes.Clone(b)
	out[n.w.rng.IntN(len(out))] ^= 1 << n.w.rng.IntN(8)
	return out
}

// arrive delivers one of the late requests, in any order. Nobody waits for the
// answer.
func (n *network) arrive(ctx context.Context) {
	if len(n.late) == 0 {
		return
	}
	i := n.w.rng.IntN(len(n.late))
	l := n.late[i]
	n.late = append(n.late[:i], n.late[i+1:]...)
	if s := n.sites[l.url]; s.up {
		_, err := n.deliver(ctx, s, l.body)
		n.w.note("a late request reaches %s: %v", s, err)
	}
}
