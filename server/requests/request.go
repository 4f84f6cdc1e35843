package requests

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"thonsync/syncproto"
)

// Act is what a step of a request does.
type Act string

// The acts, in their usual order.
const (
	Opened       Act = "opened"
	Linked       Act = "linked"       // records were added
	Unlinked     Act = "unlinked"     // records turned out to be another's
	Acknowledged Act = "acknowledged" // the citizen was answered that it was taken up
	Extended     Act = "extended"     // the time was extended, once, with a reason
	Answered     Act = "answered"     // it was carried out
	Told         Act = "told"         // somebody who got the data was told
	Looked       Act = "looked"       // a scan looked for what should be gone
	Closed       Act = "closed"
)

// How a request was carried out.
const (
	BySheet     = "sheet"     // a sheet of all values was made
	ByChange    = "change"    // values were corrected
	ByErasure   = "erasure"   // records were erased
	ByNotice    = "notice"    // the authority was told of a breach
	ByRetention = "retention" // kept on another lawful basis, which the citizen was told
)

// Outcomes of a closed request.
const (
	Done    = "done"
	Refused = "refused" // with a reason
	Taken   = "taken-back"
)

// Reasons are the reasons that may be given for an extension, a refusal or
// keeping data; free text could hold something about a person.
var Reasons = []string{"complex", "many-records", "identity-not-proven", "no-records", "legal-duty", "public-task", "repeated", "other-controller"}

// Channels are the ways by which a request comes in.
var Channels = []string{"office", "phone", "letter", "portal", "team", "automatic"}

// Step is one entry of the log. It holds identifiers only.
type Step struct {
	AtMS    int64  `json:"at_ms"`
	Request string `json:"request"`
	Act     Act    `json:"act"`

	Kind       Kind        `json:"kind,omitempty"`        // opened
	Channel    string      `json:"channel,omitempty"`     // opened
	ReceivedMS int64       `json:"received_ms,omitempty"` // opened; of a breach, when it was detected
	Subject    string      `json:"subject,omitempty"`     // opened: keyed hash of the identity number, hex
	Shared     bool        `json:"shared,omitempty"`      // opened: others got the data
	Device     uuid.UUID   `json:"device,omitzero"`       // opened: origin that a breach is about
	Records    []uuid.UUID `json:"records,omitempty"`     // opened, linked, unlinked, answered
	How        string      `json:"how,omitempty"`         // answered
	Rulings    []uint64    `json:"rulings,omitempty"`     // answered by erasure
	Reason     string      `json:"reason,omitempty"`      // extended, answered by retention, closed
	Export     uuid.UUID   `json:"export,omitzero"`       // told: entry of the list of exports
	Found      int         `json:"found,omitempty"`       // looked: places found
	Files      int         `json:"files,omitempty"`       // looked
	Outcome    string      `json:"outcome,omitempty"`     // closed
}

// Request is one request as its steps have left it.
type Request struct {
	Number  string
	Kind    Kind
	Channel string
	// Received is when it came in, or when a breach was detected.
	Received time.Time
	Subject  string
	Shared   bool
	Device   uuid.UUID
	Records  []uuid.UUID // linked now
	Steps    []Step

	Acknowledged bool
	Extended     bool
	Answered     bool
	How          string
	AnsweredMS   int64
	Told         []uuid.UUID // entries of the list of exports
	LookedMS     int64       // of the last scan; 0 for none
	Found        int         // by the last scan
	Outcome      string      // "" while open
	ClosedMS     int64
}

// Open tells whether something is still owed.
func (r *Request) Open() bool { return r.Outcome == "" }

// Due gives the due dates by a calendar.
func (r *Request) Due(c *Calendar) Due {
	due, err := DueOf(c, r.Kind, r.Received, r.Shared, r.Extended)
	if err != nil {
		return Due{} // check lets no other kind in
	}
	return due
}

// Overdue tells what is owed and late at an instant.
func (r *Request) Overdue(c *Calendar, now time.Time) bool {
	if !r.Open() {
		return false
	}
	due := r.Due(c)
	return !due.Answer.IsZero() && !r.Acknowledged && !r.Answered && now.After(due.Answer) || !r.Answered && now.After(due.Done)
}

func (r *Request) clone() *Request {
	out := *r
	out.Records, out.Steps, out.Told = slices.Clone(r.Records), slices.Clone(r.Steps), slices.Clone(r.Told)
	return &out
}

// check refuses a step that makes no sense or that could hold something about a
// person.
func (l *Log) check(s *Step) error {
	bad := func(format string, args ...any) error {
		return syncproto.Errorf(syncproto.CodeInvalidInput, format, args...)
	}
	r := l.byNumber[s.Request]
	switch {
	case s.Reason != "" && !slices.Contains(Reasons, s.Reason):
		return bad("the reason is none of those that may be written down: choose one of %v", Reasons)
	case s.Act == Opened && r != nil:
		return bad("request %s is open already", s.Request)
	case s.Act == Opened:
		if _, ok := rules[s.Kind]; !ok {
			return bad("%q is no kind of request: choose one of %v", string(s.Kind), Kinds())
		}
		if !slices.Contains(Channels, s.Channel) {
			return bad("a request comes by one of %v", Channels)
		}
		if s.ReceivedMS > s.AtMS {
			return bad("a request cannot have come in later than now: check --received")
		}
		return nil
	case r == nil:
		return syncproto.Errorf(syncproto.CodeNotFound, "there is no request %s: `thonsync request list --all` lists them", s.Request)
	case !r.Open() && s.Act != Looked && s.Act != Told:
		return bad("request %s is closed: open a new one", s.Request)
	}
	return r.check(s)
}

func (r *Request) check(s *Step) error {
	bad := func(format string, args ...any) error {
		return syncproto.Errorf(syncproto.CodeInvalidInput, format, args...)
	}
	switch s.Act {
	case Acknowledged:
		if r.Acknowledged {
			return bad("request %s was acknowledged already", r.Number)
		}
	case Extended:
		switch {
		case !Extendable(r.Kind):
			return bad("the time of request %s cannot be extended", r.Number)
		case r.Extended:
			return bad("the time of request %s was extended already: the law allows it once", r.Number)
		case s.Reason == "":
			return bad("an extension needs a reason")
		}
	case Closed:
		switch {
		case s.Outcome != Done && s.Outcome != Refused && s.Outcome != Taken:
			return bad("a request is closed as done, refused or taken-back")
		case s.Outcome == Refused && s.Reason == "":
			return bad("a refusal needs a reason, which the citizen is told")
		case s.Outcome == Done && !r.Answered:
			return bad("request %s was not carried out yet: `thonsync request answer %s`", r.Number, r.Number)
		}
	}
	return nil
}

// apply lets a checked step act on the state in memory.
func (l *Log) apply(s *Step) error {
	if s.Act == Opened {
		r := &Request{
			Number: s.Request, Kind: s.Kind, Channel: s.Channel, Received: time.UnixMilli(s.ReceivedMS),
			Subject: s.Subject, Shared: s.Shared, Device: s.Device, Records: slices.Clone(s.Records), Steps: []Step{*s},
		}
		l.requests = append(l.requests, r)
		l.byNumber[r.Number] = r
		return nil
	}
	r := l.byNumber[s.Request]
	if r == nil {
		return syncproto.Errorf(syncproto.CodeChain, "a step of request %s, which was never opened", s.Request)
	}
	r.Steps = append(r.Steps, *s)
	switch s.Act {
	case Linked:
		for _, id := range s.Records {
			if !slices.Contains(r.Records, id) {
				r.Records = append(r.Records, id)
			}
		}
	case Unlinked:
		r.Records = slices.DeleteFunc(r.Records, func(id uuid.UUID) bool { return slices.Contains(s.Records, id) })
	case Acknowledged:
		r.Acknowledged = true
	case Extended:
		r.Extended = true
	case Answered:
		r.Answered, r.How, r.AnsweredMS = true, s.How, s.AtMS
	case Told:
		r.Told = append(r.Told, s.Export)
	case Looked:
		r.LookedMS, r.Found = s.AtMS, s.Found
	case Closed:
		r.Outcome, r.ClosedMS = s.Outcome, s.AtMS
	}
	return nil
}

// New opens a request and gives it its number.
func (l *Log) New(s Step) (*Request, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	year := l.now().In(Zone).Year()
	n := 1
	for _, r := range l.requests {
		if r.Number[:4] == fmt.Sprintf("%04d", year) {
			n++
		}
	}
	s.Act, s.Request = Opened, fmt.Sprintf("%04d-%04d", year, n)
	if s.ReceivedMS == 0 {
		s.ReceivedMS = l.now().UnixMilli()
	}
	if err := l.write(&s); err != nil {
		return nil, err
	}
	return l.byNumber[s.Request].clone(), nil
}

// Step appends a step to an open request.
func (l *Log) Step(number string, s Step) (*Request, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s.Request = number
	if err := l.write(&s); err != nil {
		return nil, err
	}
	return l.byNumber[number].clone(), nil
}

// Get finds a request. It fails with CodeNotFound.
func (l *Log) Get(number string) (*Request, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := l.byNumber[number]
	if r == nil {
		return nil, syncproto.Errorf(syncproto.CodeNotFound, "there is no request %s: `thonsync request list --all` lists them", number)
	}
	return r.clone(), nil
}

// List gives the requests, those that are due first before others, closed ones
// last.
func (l *Log) List(c *Calendar) []*Request {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := make([]*Request, len(l.requests))
	for i, r := range l.requests {
		out[i] = r.clone()
	}
	slices.SortStableFunc(out, func(a, b *Request) int {
		if a.Open() != b.Open() {
			if a.Open() {
				return -1
			}
			return 1
		}
		return cmp.Or(a.Due(c).Done.Compare(b.Due(c).Done), cmp.Compare(a.Number, b.Number))
	})
	return out
}

// About tells whether there is a request of a kind about a record, open or not.
func (l *Log) About(kind Kind, record uuid.UUID) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.ContainsFunc(l.requests, func(r *Request) bool { return r.Kind == kind && slices.Contains(r.Records, record) })
}
