package server

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/google/uuid"

	"thonsync/server/audit"
	"thonsync/server/httpapi"
	"thonsync/server/ingest"
	"thonsync/server/requests"
	"thonsync/server/store"
	"thonsync/syncproto"
	"thonsync/syncproto/credential"
)

// requestsName is the log of citizens' requests, holidaysName the operator's own
// table of holidays.
const (
	requestsName = "requests.jsonl"
	holidaysName = "holidays.csv"
)

// openRequests opens the log of requests; centre only.
func (n *Node) openRequests(context.Context) (err error) {
	if n.role != credential.RoleCentre {
		return nil
	}
	// The key is made now, so that every backup has it.
	if _, err := n.keys.SubjectKey(); err != nil {
		return err
	}
	n.requests, err = requests.Open(n.path(requestsName), n.opts.Now)
	return err
}

// calendar reads the tables of holidays anew, so that an added row counts at
// once.
func (n *Node) calendar() (*requests.Calendar, error) {
	further, err := os.ReadFile(n.path(holidaysName))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("reading the table of holidays: %w", err)
	}
	return requests.NewCalendar(further)
}

// queue gives the log of requests and the calendar.
func (n *Node) queue() (*requests.Log, *requests.Calendar, error) {
	if n.requests == nil {
		return nil, nil, syncproto.Errorf(syncproto.CodeInvalidInput, "requests are kept at the centre: run this there")
	}
	c, err := n.calendar()
	return n.requests, c, err
}

// stepRequest notes a step, also beside the backups.
func (n *Node) stepRequest(number string, s requests.Step) (*requests.Request, error) {
	r, err := n.requests.Step(number, s)
	if err == nil {
		n.copyRequests()
	}
	return r, err
}

// copyRequests renews what lies beside the backups. A failure only means that
// the next backup has to bring it there.
func (n *Node) copyRequests() {
	if n.backup == nil {
		return
	}
	if err := n.backup.RenewBeside(); err != nil {
		n.log.Warn("the files beside the backups could not be renewed", "error", err)
	}
}

// What is shown of requests; documented with the JSON API.
//
//nolint:revive // one comment for all of them
type (
	RequestNew    = httpapi.RequestNew
	RequestView   = httpapi.RequestView
	RequestRecord = httpapi.RequestRecord
	Recipient     = httpapi.Recipient
)

// RequestOpen takes a request up, finds the citizen's records and tells by when
// what is due.
var RequestOpen = Register(Command[RequestNew, RequestView]{
	Name: "request.new",
	Do:   func(ctx context.Context, n *Node, in RequestNew) (RequestView, error) { return n.openRequest(ctx, in) },
})

func (n *Node) openRequest(ctx context.Context, in RequestNew) (RequestView, error) {
	log, _, err := n.queue()
	if err != nil {
		return RequestView{}, err
	}
	step := requests.Step{Kind: in.Kind, Channel: in.Channel, ReceivedMS: in.ReceivedMS, Shared: in.Shared, Device: in.Device, Records: in.Records}
	if in.IDNumber != "" {
		number, err := syncproto.ParseIDNumber(in.IDNumber)
		if err != nil {
			return RequestView{}, err
		}
		if step.Subject, err = n.subject(number); err != nil {
			return RequestView{}, err
		}
		found, err := n.recordsOf(ctx, number)
		if err != nil {
			return RequestView{}, err
		}
		step.Records = append(step.Records, found...)
	}
	if in.Device != uuid.Nil {
		found, err := n.recordsOn(ctx, in.Device)
		if err != nil {
			return RequestView{}, err
		}
		step.Records = append(step.Records, found...)
	}
	if step.Records, err = n.known(ctx, step.Records); err != nil {
		return RequestView{}, err
	}
	r, err := log.New(step)
	if err != nil {
		return RequestView{}, err
	}
	n.copyRequests()
	return n.viewRequest(ctx, r, true)
}

// subject gives the keyed hash under which a citizen's requests are known.
func (n *Node) subject(number syncproto.IDNumber) (string, error) {
	key, err := n.keys.SubjectKey()
	if err != nil {
		return "", err
	}
	m := hmac.New(sha256.New, key)
	m.Write([]byte("thonsync/1/subject\x00" + string(number)))
	return hex.EncodeToString(m.Sum(nil)[:16]), nil
}

// recordsOf finds the records that hold an identity number, or ever did. It reads
// all there are: an index of numbers would be one more thing to erase.
func (n *Node) recordsOf(ctx context.Context, number syncproto.IDNumber) (out []uuid.UUID, err error) {
	err = n.eachRecord(ctx, func(rec *store.Record) error {
		held, err := n.ingest.HoldsNumber(rec, number)
		if held {
			out = append(out, rec.ID)
		}
		return err
	})
	return out, err
}

// known drops repeats and refuses records that are none.
func (n *Node) known(ctx context.Context, ids []uuid.UUID) ([]uuid.UUID, error) {
	slices.SortFunc(ids, func(a, b uuid.UUID) int { return slices.Compare(a[:], b[:]) })
	ids = slices.Compact(ids)
	return ids, n.store.View(ctx, func(r store.Reader) error {
		for _, id := range ids {
			if _, ok, err := r.Record(id); err != nil || !ok {
				return errors.Join(err, syncproto.Errorf(syncproto.CodeNotFound, "record %s is not known here: check its id", id))
			}
		}
		return nil
	})
}

// RequestQuery asks for requests.
type RequestQuery struct {
	All bool `json:"all"` // closed ones, too
}

// RequestList lists requests, the most pressing first.
var RequestList = Register(Command[RequestQuery, []RequestView]{
	Name: "request.list",
	Do: func(ctx context.Context, n *Node, in RequestQuery) ([]RequestView, error) {
		return n.Requests(ctx, in.All)
	},
})

// Requests lists requests, the most pressing first; closed ones, too, with all.
func (n *Node) Requests(ctx context.Context, all bool) ([]RequestView, error) {
	log, c, err := n.queue()
	if err != nil {
		return nil, err
	}
	out := []RequestView{}
	for _, r := range log.List(c) {
		if !all && !r.Open() {
			continue
		}
		v, err := n.viewRequest(ctx, r, false)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}

// RequestNumber names a request.
type RequestNumber struct {
	Number string `json:"number"`
}

// RequestShow shows one request with all its steps.
var RequestShow = Register(Command[RequestNumber, RequestView]{
	Name: "request.show",
	Do: func(ctx context.Context, n *Node, in RequestNumber) (RequestView, error) {
		return n.Request(ctx, in.Number)
	},
})

// Request shows one request with all its steps.
func (n *Node) Request(ctx context.Context, number string) (RequestView, error) {
	log, _, err := n.queue()
	if err != nil {
		return RequestView{}, err
	}
	r, err := log.Get(number)
	if err != nil {
		return RequestView{}, err
	}
	return n.viewRequest(ctx, r, true)
}

// RequestStep is a step that an operator takes.
type RequestStep struct {
	Number string        `json:"number"`
	Step   requests.Step `json:"step"`
}

// stepsByHand are the acts that a person notes; all others follow from work.
var stepsByHand = []requests.Act{requests.Linked, requests.Unlinked, requests.Acknowledged, requests.Extended, requests.Told, requests.Closed}

// RequestNote notes a step.
var RequestNote = Register(Command[RequestStep, RequestView]{
	Name: "request.step",
	Do:   func(ctx context.Context, n *Node, in RequestStep) (RequestView, error) { return n.noteStep(ctx, in) },
})

func (n *Node) noteStep(ctx context.Context, in RequestStep) (RequestView, error) {
	_, _, err := n.queue()
	if err != nil {
		return RequestView{}, err
	}
	if !slices.Contains(stepsByHand, in.Step.Act) {
		return RequestView{}, syncproto.Errorf(syncproto.CodeInvalidInput, "step %q is not noted by hand", string(in.Step.Act))
	}
	if in.Step.Act == requests.Linked {
		if in.Step.Records, err = n.known(ctx, in.Step.Records); err != nil {
			return RequestView{}, err
		}
	}
	if in.Step.Act == requests.Closed && in.Step.Outcome == requests.Done {
		if err := n.mayClose(ctx, in.Number); err != nil {
			return RequestView{}, err
		}
	}
	r, err := n.stepRequest(in.Number, in.Step)
	if err != nil {
		return RequestView{}, err
	}
	return n.viewRequest(ctx, r, true)
}

// mayClose refuses to call an erasure done while somebody who got the data was
// not told, or the last look still found something.
func (n *Node) mayClose(ctx context.Context, number string) error {
	r, err := n.requests.Get(number)
	if err != nil {
		return err
	}
	if r.How != requests.ByErasure && r.How != requests.ByChange {
		return nil
	}
	v, err := n.viewRequest(ctx, r, true)
	if err != nil {
		return err
	}
	for _, p := range v.Recipients {
		if !p.Told {
			return syncproto.Errorf(syncproto.CodeInvalidInput, "who got export %s was not told yet: tell them, then `thonsync request told %s %s`", p.Export, number, p.Export)
		}
	}
	if r.Found > 0 {
		return syncproto.Errorf(syncproto.CodeInvalidInput, "the last look for what was erased found it in %d places: `thonsync request verify %s` names them", r.Found, number)
	}
	return nil
}

// viewRequest shows a request.
func (n *Node) viewRequest(ctx context.Context, r *requests.Request, whole bool) (RequestView, error) {
	c, err := n.calendar()
	if err != nil {
		return RequestView{}, err
	}
	due := r.Due(c)
	v := RequestView{
		Number: r.Number, Kind: r.Kind, Channel: r.Channel, ReceivedMS: r.Received.UnixMilli(), DoneByMS: due.Done.UnixMilli(),
		Open: r.Open(), Overdue: r.Overdue(c, n.opts.Now()), Acknowledged: r.Acknowledged, Extended: r.Extended, Answered: r.Answered,
		How: r.How, Outcome: r.Outcome, Device: r.Device, LookedMS: r.LookedMS, Found: r.Found,
		Records: []RequestRecord{}, Recipients: []Recipient{},
	}
	if !due.Answer.IsZero() {
		v.AnswerByMS = due.Answer.UnixMilli()
	}
	err = n.store.View(ctx, func(rd store.Reader) error {
		list, err := exportEntries(rd)
		if err != nil {
			return err
		}
		for _, id := range r.Records {
			rec, ok, err := rd.Record(id)
			if err != nil {
				return err
			}
			v.Records = append(v.Records, recordView(id, &rec, ok))
			addRecipients(&v, n.ingest.Definitions(), list, &rec, r)
		}
		return nil
	})
	if err != nil || !whole {
		return v, err
	}
	v.Steps = r.Steps
	v.Same = n.sameSubject(c, r)
	if v.Listed, err = n.registers.Count(ctx, n.isSubject(r.Subject)); err != nil {
		return v, err
	}
	return v, n.addBackups(&v, r)
}

// addBackups tells how long a backup may still give away what was erased.
func (n *Node) addBackups(v *RequestView, r *requests.Request) error {
	if r.How != requests.ByErasure || n.backup == nil {
		return nil
	}
	until, err := n.backup.ReadableUntil(time.UnixMilli(r.AnsweredMS))
	if err == nil && !until.IsZero() {
		v.BackupsUntilMS = until.UnixMilli()
	}
	return err
}

func (n *Node) sameSubject(c *requests.Calendar, r *requests.Request) (out []string) {
	if r.Subject == "" {
		return nil
	}
	for _, other := range n.requests.List(c) {
		if other.Subject == r.Subject && other.Number != r.Number {
			out = append(out, other.Number)
		}
	}
	slices.Sort(out)
	return out
}

func recordView(id uuid.UUID, rec *store.Record, known bool) RequestRecord {
	v := RequestRecord{ID: id, Known: known, Kind: rec.Kind, Unit: rec.Unit, Occurred: rec.Occurred, Erased: rec.Erased, Void: rec.Void}
	if coll, ok := syncproto.CollectionOf(rec.Collection); ok {
		v.What = coll.Name
	}
	return v
}

// addRecipients adds the exports that may hold the record: those of its unit and
// time, made after it had come. Rather one too many is told than one too few.
func addRecipients(v *RequestView, defs *ingest.Definitions, list []ExportEntry, rec *store.Record, r *requests.Request) {
	for _, e := range list {
		of := e.What == ExportActivities && rec.Collection == syncproto.CollectionActivity || e.What == ExportTeams && rec.Collection == syncproto.CollectionMember
		if !of || e.Unit != "" && !defs.Within(rec.Unit, []string{e.Unit}) || rec.EarliestMS > e.AtMS {
			continue
		}
		if r.AnsweredMS != 0 && e.AtMS > r.AnsweredMS || slices.ContainsFunc(v.Recipients, func(p Recipient) bool { return p.Export == e.ID }) {
			continue
		}
		v.Recipients = append(v.Recipients, Recipient{Export: e.ID, Name: e.Recipient, AtMS: e.AtMS, Told: slices.Contains(r.Told, e.ID)})
	}
}

// noteShown writes into the access log that a request was answered with a
// record's personal values, before they are shown.
func (n *Node) noteShown(ctx context.Context, number string, id uuid.UUID, unit string) error {
	return n.audit.Write(ctx, audit.Event{Actor: actor(ctx), Action: audit.Answer, Object: "request " + number + " " + id.String(), Unit: unit})
}
