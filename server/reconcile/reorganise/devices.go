package reorganise

import (
	"cmp"
	"context"
	"slices"

	"github.com/google/uuid"

	"thonsync/server/ingest"
	"thonsync/server/reconcile/lineage"
	"thonsync/server/store"
	"thonsync/syncproto"
	"thonsync/syncproto/credential"
)

// labels reads what devices are called, by origin.
func labels(r store.Reader) (map[syncproto.OriginID]string, error) {
	out := map[syncproto.OriginID]string{}
	err := r.EachRecord(store.RecordQuery{Collection: syncproto.CollectionDevice, ExistsOnly: true}, func(rec store.Record) error {
		row, err := ingest.Shown(&rec)
		if err == nil && !rec.Void {
			out[row.Value(syncproto.DeviceOrigin).UUID()] = row.Value(syncproto.DeviceLabel).Text()
		}
		return err
	})
	return out, err
}

// devices adds the points of split communes and counts the villages' phones.
func (q *queue) devices(r store.Reader) error {
	names, err := labels(r)
	if err != nil {
		return err
	}
	origins, err := r.Origins(store.OriginQuery{})
	for i := range origins {
		o := &origins[i]
		switch o.Role {
		case credential.RolePhone:
			for _, u := range o.Units {
				if at, ok := q.byUnit[u]; ok {
					q.list[at].Phones++
					break
				}
			}
		case credential.RolePoint:
			subject := pointPrefix + o.ID.String()
			var m *lineage.Move
			for _, u := range o.Units {
				m = cmp.Or(m, q.home(subject, u))
			}
			if m != nil {
				q.add(ToBePlaced{Subject: subject, Kind: KindPoint, Name: cmp.Or(names[o.ID], o.ID.String()), units: o.Units}, m)
			}
		}
	}
	return err
}

// Queue asks for what has to be placed.
type Queue struct {
	Unit  string // only of split communes in this unit
	From  string // only of this split commune
	Open  bool   // only what has no place yet
	After string // subjects after this one, in the order of the list
	Limit int    // 0 for all
}

// Queue lists what has to be placed and what was, and says where the next page
// begins, "" at the end.
func (s *Service) Queue(ctx context.Context, id uuid.UUID, q Queue) (out []ToBePlaced, next string, err error) {
	out = []ToBePlaced{}
	err = s.cfg.View(ctx, func(r store.Reader) error {
		o, err := s.load(r, id)
		if err != nil {
			return err
		}
		items, err := s.items(r, o)
		if i := slices.IndexFunc(items, func(it ToBePlaced) bool { return it.Subject == q.After }); q.After != "" && i >= 0 {
			items = items[i+1:]
		}
		for _, it := range items {
			if q.From != "" && it.From != q.From || q.Open && it.To != "" || q.Unit != "" && !o.defs.Within(it.From, []string{q.Unit}) {
				continue
			}
			if q.Limit > 0 && len(out) == q.Limit {
				next = out[len(out)-1].Subject
				break
			}
			out = append(out, it)
		}
		return err
	})
	return out, next, err
}
