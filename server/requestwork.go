package server

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"thonsync/clientlib"
	"thonsync/server/ownlog"
	"thonsync/server/requests"
	"thonsync/server/scan"
	"thonsync/server/store"
	"thonsync/syncproto"
)

// RequestErase tells which request to carry out by erasing.
type RequestErase struct {
	Number string `json:"number"`
	// Records must be as many as are linked, as a check against a slip.
	Records int `json:"records"`
	// Look has the live files looked through afterwards.
	Look bool `json:"look"`
}

// Erased is what an erasure did.
type Erased struct {
	Request RequestView    `json:"request"`
	Rulings []uint64       `json:"rulings"`
	Looked  *scan.Report   `json:"looked,omitempty"`
	Left    []scan.Finding `json:"left"` // where something was still found
}

// RequestEraseCommand erases the records of a request: by rulings that reach
// points and phones, at once in all files here, in backups by the due date.
var RequestEraseCommand = Register(Command[RequestErase, Erased]{
	Name: "request.erase",
	Do:   func(ctx context.Context, n *Node, in RequestErase) (Erased, error) { return n.eraseRequest(ctx, in) },
})

func (n *Node) eraseRequest(ctx context.Context, in RequestErase) (out Erased, err error) {
	out.Left = []scan.Finding{}
	log, c, err := n.queue()
	if err != nil {
		return out, err
	}
	r, err := log.Get(in.Number)
	if err != nil {
		return out, err
	}
	listed, err := n.registers.Count(ctx, n.isSubject(r.Subject))
	if err != nil {
		return out, err
	}
	switch {
	case !slices.Contains([]requests.Kind{requests.Erase, requests.Withdraw, requests.Object}, r.Kind):
		return out, syncproto.Errorf(syncproto.CodeInvalidInput, "request %s asks for %s, not for an erasure", r.Number, r.Kind)
	case !r.Open():
		return out, syncproto.Errorf(syncproto.CodeInvalidInput, "request %s is closed: open a new one", r.Number)
	case len(r.Records)+listed == 0:
		return out, syncproto.Errorf(syncproto.CodeInvalidInput, "request %s names no record yet: `thonsync request link %s RECORD`", r.Number, r.Number)
	case len(r.Records) != in.Records:
		return out, syncproto.Errorf(syncproto.CodeInvalidInput, "request %s is about %d records, not %d: look at `thonsync request show %s` again", r.Number, len(r.Records), in.Records, r.Number)
	}
	var marks []scan.Mark
	if in.Look {
		if marks, err = n.marksOf(ctx, r.Records, r.Subject); err != nil {
			return out, err
		}
	}
	if out.Rulings, err = n.eraseRecords(ctx, r.Records); err != nil {
		return out, err
	}
	if err := n.eraseListed(ctx, r.Subject); err != nil {
		return out, err
	}
	if n.backup != nil {
		if err := n.backup.End(n.opts.Now(), r.Due(c).Done); err != nil {
			return out, err
		}
	}
	step := requests.Step{Act: requests.Answered, How: requests.ByErasure, Records: r.Records, Rulings: out.Rulings}
	if r, err = n.stepRequest(r.Number, step); err != nil {
		return out, err
	}
	if in.Look {
		report, err := n.look(ctx, r.Number, marks, false)
		if err != nil {
			return out, err
		}
		out.Looked, out.Left = &report, report.Findings
		if r, err = log.Get(r.Number); err != nil {
			return out, err
		}
	}
	out.Request, err = n.viewRequest(ctx, r, true)
	return out, err
}

// eraseRecords makes the rulings. Those that are erased already need none.
func (n *Node) eraseRecords(ctx context.Context, ids []uuid.UUID) (rulings []uint64, err error) {
	rulings = []uint64{}
	for _, id := range ids {
		var rec store.Record
		err := n.store.View(ctx, func(rd store.Reader) (err error) {
			rec, _, err = rd.Record(id)
			return err
		})
		if err != nil {
			return rulings, err
		}
		if rec.Erased {
			continue
		}
		made, err := n.Rule(ctx, syncproto.Ruling{Kind: syncproto.RulingErase, Record: id, Unit: rec.Unit, Reason: syncproto.ReasonErased})
		if made.Number != 0 {
			rulings = append(rulings, made.Number)
		}
		// A file that could not be cleared at once is cleared soon: the look tells.
		if err != nil && syncproto.CodeOf(err) != syncproto.CodeOverload {
			return rulings, err
		}
	}
	return rulings, nil
}

// marksOf gives everything personal of records as marks to look for, but for what
// another citizen's record holds as well, such as a telephone that a family
// shares: that may be found and is no trace of these. The marks are in memory
// only, and only until the look is over.
func (n *Node) marksOf(ctx context.Context, ids []uuid.UUID, subject string) (marks []scan.Mark, err error) {
	secrets, err := n.listedSecrets(ctx, subject)
	if err != nil {
		return nil, err
	}
	err = n.store.View(ctx, func(rd store.Reader) error {
		for _, id := range ids {
			rec, ok, err := rd.Record(id)
			if err != nil {
				return err
			}
			if !ok || rec.Erased {
				continue
			}
			some, err := n.ingest.Secrets(rd, &rec)
			if err != nil {
				return err
			}
			secrets = append(secrets, some...)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	err = n.eachRecord(ctx, func(rec *store.Record) (err error) {
		if !slices.Contains(ids, rec.ID) {
			secrets, err = n.ingest.Unmentioned(rec, secrets)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	if secrets, err = n.unlisted(ctx, subject, secrets); err != nil {
		return nil, err
	}
	for _, s := range secrets {
		marks = append(marks, scan.Mark{Name: s.Name, Value: s.Value})
	}
	return marks, nil
}

// RequestLook has the live files looked through for values that the operator
// gives: after the erasure nobody else knows them.
type RequestLook struct {
	Number string   `json:"number"`
	Values []string `json:"values"`
	// Backups has the backups looked through, too, as far as they can be opened.
	Backups bool `json:"backups"`
}

// RequestVerify looks for what should be gone in every live file and backup.
var RequestVerify = Register(Command[RequestLook, scan.Report]{
	Name: "request.verify",
	Do: func(ctx context.Context, n *Node, in RequestLook) (scan.Report, error) {
		if _, _, err := n.queue(); err != nil {
			return scan.Report{}, err
		}
		if _, err := n.requests.Get(in.Number); err != nil {
			return scan.Report{}, err
		}
		var marks []scan.Mark
		for i, v := range in.Values {
			v = syncproto.TextValue(strings.TrimSpace(v)).Text()
			if len(v) < 8 {
				return scan.Report{}, syncproto.Errorf(syncproto.CodeInvalidInput, "value %d is too short to be told from chance: give the identity number, the full name or the telephone", i+1)
			}
			marks = append(marks, scan.Mark{Name: fmt.Sprintf("value %d", i+1), Value: []byte(v)})
		}
		return n.look(ctx, in.Number, marks, in.Backups)
	},
})

// look scans and notes what it found. The values looked for are not kept.
func (n *Node) look(ctx context.Context, number string, marks []scan.Mark, backups bool) (scan.Report, error) {
	report, err := n.scan(ctx, marks, backups)
	if err != nil {
		return report, err
	}
	_, err = n.stepRequest(number, requests.Step{Act: requests.Looked, Found: len(report.Findings), Files: report.Files})
	return report, err
}

// RequestCorrect corrects a citizen's record by a change of the centre.
type RequestCorrect struct {
	Number string            `json:"number"`
	Record uuid.UUID         `json:"record"`
	Fields map[string]string `json:"fields"` // by name, as in a form
}

// RequestCorrectCommand corrects a record.
var RequestCorrectCommand = Register(Command[RequestCorrect, RequestView]{
	Name: "request.correct",
	Do: func(ctx context.Context, n *Node, in RequestCorrect) (RequestView, error) {
		return n.correctRequest(ctx, in)
	},
})

func (n *Node) correctRequest(ctx context.Context, in RequestCorrect) (RequestView, error) {
	log, _, err := n.queue()
	if err != nil {
		return RequestView{}, err
	}
	r, err := log.Get(in.Number)
	if err != nil {
		return RequestView{}, err
	}
	switch {
	case r.Kind != requests.Correct:
		return RequestView{}, syncproto.Errorf(syncproto.CodeInvalidInput, "request %s asks for %s, not for a correction", r.Number, r.Kind)
	case !r.Open():
		return RequestView{}, syncproto.Errorf(syncproto.CodeInvalidInput, "request %s is closed: open a new one", r.Number)
	case !slices.Contains(r.Records, in.Record):
		return RequestView{}, syncproto.Errorf(syncproto.CodeInvalidInput, "record %s is none of request %s", in.Record, r.Number)
	}
	draft, err := n.correction(ctx, in)
	if err != nil {
		return RequestView{}, err
	}
	if _, err := n.WriteOwn(ctx, []ownlog.Draft{draft}); err != nil {
		return RequestView{}, err
	}
	if r, err = n.stepRequest(r.Number, requests.Step{Act: requests.Answered, How: requests.ByChange, Records: []uuid.UUID{in.Record}}); err != nil {
		return RequestView{}, err
	}
	return n.viewRequest(ctx, r, true)
}

// correction drafts a change that replaces every standing value of the fields.
func (n *Node) correction(ctx context.Context, in RequestCorrect) (d ownlog.Draft, err error) {
	err = n.store.View(ctx, func(rd store.Reader) error {
		rec, ok, err := rd.Record(in.Record)
		if err != nil {
			return err
		}
		if !ok || rec.Erased || rec.Collection != syncproto.CollectionActivity {
			return syncproto.Errorf(syncproto.CodeInvalidInput, "record %s is no activity that can be corrected: members are corrected by `thonsync import members`", in.Record)
		}
		kind, ok := n.ingest.Definitions().Kind(rec.Kind)
		if !ok {
			return syncproto.Errorf(syncproto.CodeInvalidInput, "kind %s of the record is not known here: import the kinds", rec.Kind)
		}
		p, err := clientlib.ParseFields(kind, in.Fields)
		if err != nil {
			return fieldProblem(err)
		}
		if len(p.Operational)+len(p.Personal) == 0 {
			return syncproto.Errorf(syncproto.CodeInvalidInput, "no field to correct was given")
		}
		d.Header = syncproto.Header{Collection: rec.Collection, Op: syncproto.OpSet, Record: rec.ID}
		d.Operational, d.Personal = p.Operational, p.Personal
		d.Header.Refs, err = n.ingest.Standing(rd, &rec, d.Operational, d.Personal, n.own.Origin())
		return err
	})
	return d, err
}

// fieldProblem names the fields that do not fit, never their values.
func fieldProblem(err error) error {
	fields, ok := errors.AsType[clientlib.FieldErrors](err)
	if !ok {
		return err
	}
	var parts []string
	for _, f := range fields {
		parts = append(parts, f.Field+": "+f.EN)
	}
	return syncproto.Errorf(syncproto.CodeInvalidInput, "%s", strings.Join(parts, "; "))
}

// RequestAnswered notes that a request was carried out otherwise: a breach by a
// notice to the authority, an objection by keeping the data on another basis.
type RequestAnswered struct {
	Number string `json:"number"`
	How    string `json:"how"`
	Reason string `json:"reason,omitempty"`
}

// RequestAnswer notes it.
var RequestAnswer = Register(Command[RequestAnswered, RequestView]{
	Name: "request.answer",
	Do: func(ctx context.Context, n *Node, in RequestAnswered) (RequestView, error) {
		return n.answerRequest(ctx, in)
	},
})

func (n *Node) answerRequest(ctx context.Context, in RequestAnswered) (RequestView, error) {
	log, _, err := n.queue()
	if err != nil {
		return RequestView{}, err
	}
	r, err := log.Get(in.Number)
	if err != nil {
		return RequestView{}, err
	}
	fits := r.Kind == requests.Breach && in.How == requests.ByNotice ||
		slices.Contains([]requests.Kind{requests.Withdraw, requests.Object, requests.Erase}, r.Kind) && in.How == requests.ByRetention && in.Reason != ""
	if !fits {
		return RequestView{}, syncproto.Errorf(syncproto.CodeInvalidInput, "request %s, which asks for %s, is not carried out by %q; keeping data needs a reason", r.Number, r.Kind, in.How)
	}
	if r, err = n.stepRequest(r.Number, requests.Step{Act: requests.Answered, How: in.How, Reason: in.Reason}); err != nil {
		return RequestView{}, err
	}
	return n.viewRequest(ctx, r, true)
}

// requestCounts gives how many requests are open and how many of them overdue,
// and when the next is due.
func (n *Node) requestCounts() (open, overdue int, next time.Time, err error) {
	if n.requests == nil {
		return 0, 0, next, nil
	}
	c, err := n.calendar()
	if err != nil {
		return 0, 0, next, err
	}
	for _, r := range n.requests.List(c) {
		if !r.Open() {
			continue
		}
		open++
		if r.Overdue(c, n.opts.Now()) {
			overdue++
		}
		if due := r.Due(c).Done; !r.Answered && (next.IsZero() || due.Before(next)) {
			next = due
		}
	}
	return open, overdue, next, nil
}

// scan looks for marks in every live file, and in backups if asked to, with every
// key that is held.
func (n *Node) scan(ctx context.Context, marks []scan.Mark, backups bool) (report scan.Report, err error) {
	keys, err := n.heldKeys()
	if err != nil {
		return report, err
	}
	if err := os.MkdirAll(n.path(scratchName), 0o700); err != nil {
		return report, fmt.Errorf("making a folder to look in: %w", err)
	}
	dir, err := os.MkdirTemp(n.path(scratchName), "look-")
	if err != nil {
		return report, fmt.Errorf("making a folder to look in: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	s, err := scan.New(keys, marks, dir)
	if err != nil {
		return report, err
	}
	if err := n.scanFiles(ctx, s, dir); err != nil {
		return report, err
	}
	if backups && n.cfg.BackupFolder != "" {
		if err := s.Folder(ctx, n.cfg.BackupFolder); err != nil {
			return report, err
		}
	}
	return s.Report(), nil
}

// openWithdrawals opens a request for every record whose citizen took consent
// back, with the due dates of the day on which that reached the centre.
func (n *Node) openWithdrawals(ctx context.Context) error {
	if n.requests == nil {
		return nil
	}
	ids, err := n.ingest.Withdrawn(ctx)
	if err != nil {
		return err
	}
	for _, id := range ids {
		if n.requests.About(requests.Withdraw, id) {
			continue
		}
		if _, err := n.requests.New(requests.Step{Kind: requests.Withdraw, Channel: "automatic", Records: []uuid.UUID{id}}); err != nil {
			return err
		}
		n.copyRequests()
	}
	return n.ingest.Handled(ctx, ids)
}
