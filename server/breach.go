package server

import (
	"bytes"
	"context"
	"encoding/csv"
	"slices"
	"strings"

	"github.com/google/uuid"

	"thonsync/server/report"
	"thonsync/server/requests"
	"thonsync/server/store"
	"thonsync/syncproto"
)

// HolidayList lists the holidays that due dates are counted by, sorted.
var HolidayList = Register(Command[None, []requests.Holiday]{
	Name: "request.holidays",
	Do: func(_ context.Context, n *Node, _ None) ([]requests.Holiday, error) {
		c, err := n.calendar()
		if err != nil {
			return nil, err
		}
		list := c.Holidays()
		slices.SortFunc(list, func(a, b requests.Holiday) int { return strings.Compare(a.Day, b.Day) })
		return list, nil
	},
})

// recordsOn finds the records of which a device wrote personal values: what
// whoever holds it may read, as far as the phone has not dropped them yet. Rather
// one too many is found than one too few.
func (n *Node) recordsOn(ctx context.Context, device syncproto.OriginID) (out []uuid.UUID, err error) {
	err = n.eachRecord(ctx, func(rec *store.Record) error {
		wrote, err := n.ingest.WrotePersonal(rec, device)
		if wrote {
			out = append(out, rec.ID)
		}
		return err
	})
	return out, err
}

// searchStep is how many records one view looks at while somebody is searched
// for: a long view keeps the store from tidying up.
const searchStep = 5000

// eachRecord calls f for all records that can hold something about a person and
// were not erased, in views of some thousand.
func (n *Node) eachRecord(ctx context.Context, f func(*store.Record) error) error {
	var after uuid.UUID
	for more := true; more; {
		more = false
		err := n.store.View(ctx, func(r store.Reader) error {
			seen := 0
			return r.EachRecord(store.RecordQuery{After: after, Limit: searchStep}, func(rec store.Record) error {
				seen, after = seen+1, rec.ID
				more = seen == searchStep
				if rec.Collection != syncproto.CollectionActivity && rec.Collection != syncproto.CollectionMember || rec.Erased {
					return nil
				}
				return f(&rec)
			})
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// People is the list of whom to tell, as a CSV file.
type People struct {
	CSV     []byte      `json:"csv"`
	Rows    int         `json:"rows"`
	Request RequestView `json:"request"`
}

// RequestPeople lists the people that a request's records are about, with their
// telephones, so that they can be told of a breach. That they were shown stands in
// the access log before.
var RequestPeople = Register(Command[RequestNumber, People]{
	Name: "request.people",
	Do: func(ctx context.Context, n *Node, in RequestNumber) (People, error) {
		log, _, err := n.queue()
		if err != nil {
			return People{}, err
		}
		r, err := log.Get(in.Number)
		if err != nil {
			return People{}, err
		}
		if r.Kind != requests.Breach {
			return People{}, syncproto.Errorf(syncproto.CodeInvalidInput, "the list of people is for a breach: %s asks for %s", r.Number, r.Kind)
		}
		return n.people(ctx, r)
	},
})

func (n *Node) people(ctx context.Context, r *requests.Request) (out People, err error) {
	if out.Request, err = n.viewRequest(ctx, r, true); err != nil {
		return out, err
	}
	var buf bytes.Buffer
	buf.WriteString("\uFEFF") // for spreadsheets
	w := csv.NewWriter(&buf)
	if err := w.Write([]string{"record", "kind", "unit", "day", "full_name", "phone"}); err != nil {
		return out, err
	}
	for _, v := range out.Request.Records {
		if v.Erased || !v.Known {
			continue
		}
		if err := n.noteShown(ctx, r.Number, v.ID, v.Unit); err != nil {
			return out, err
		}
		row := []string{v.ID.String(), v.Kind, v.Unit, v.Occurred}
		err := n.store.View(ctx, func(rd store.Reader) error {
			rec, _, err := rd.Record(v.ID)
			if err != nil {
				return err
			}
			personal, err := n.ingest.Personal(rd, &rec)
			row = append(row, report.Inert(personal.Value(syncproto.PersonFullName).Text()), report.Inert(personal.Value(syncproto.PersonPhone).Text()))
			return err
		})
		if err != nil {
			return out, err
		}
		if err := w.Write(row); err != nil {
			return out, err
		}
		out.Rows++
	}
	w.Flush()
	out.CSV = buf.Bytes()
	return out, w.Error()
}
