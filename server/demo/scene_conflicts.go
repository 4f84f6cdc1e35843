package demo

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"thonsync/clientlib"
	"thonsync/server/audit"
	"thonsync/server/reconcile/conflicts"
	"thonsync/syncproto"
)

// contestedAfter is how many records two phones write differently for the page of
// conflicts.
const contestedAfter = 4

// conflicts has two phones of a team write the same fields of some records without
// knowing of each other, and asks the team back about one of them.
func (s *stage) conflicts(ctx context.Context) error {
	a, b, err := s.colleagues(ctx)
	if err != nil || a == nil {
		return err
	}
	kind, err := a.dev.Kind(ctx, "TT")
	if err != nil {
		return err
	}
	var made []uuid.UUID
	for range contestedAfter {
		got, err := a.dev.Record(ctx, clientlib.RecordInput{
			Person: a.people[0], Kind: kind.Code, Occurred: today(), Result: kind.Results[0].Value,
			Fields: map[string]string{"topic": "id_card", "audience_count": "17", "method": kindOption(kind, "method")},
		})
		if err != nil {
			return err
		}
		made = append(made, got.ID)
	}
	if err := s.meet(ctx, a, b); err != nil {
		return err
	}
	for i, id := range made {
		if _, err := a.dev.Edit(ctx, id, clientlib.EditInput{Person: a.people[0], Result: kind.Results[1].Value}); err != nil {
			return err
		}
		in := clientlib.EditInput{Person: b.people[len(b.people)-1], Result: kind.Results[2].Value}
		if i == contestedAfter-1 {
			in = clientlib.EditInput{Person: in.Person, Fields: map[string]string{"audience_count": "71"}}
			_, err = a.dev.Edit(ctx, id, clientlib.EditInput{Person: a.people[0], Fields: map[string]string{"audience_count": "18"}})
		}
		if err != nil {
			return err
		}
		if _, err := b.dev.Edit(ctx, id, in); err != nil {
			return err
		}
	}
	if err := s.meet(ctx, a, b); err != nil {
		return err
	}
	viewer := conflicts.Viewer{Actor: audit.Console, Personal: true}
	_, err = s.centre.node.Conflicts().Ask(ctx, viewer, conflicts.TeamQuestion{Record: made[0], Field: "result", Asks: syncproto.AskWhich})
	return err
}

// colleagues finds two phones of one team that still record after the day; nil if
// there are none.
func (s *stage) colleagues(ctx context.Context) (a, b *phone, err error) {
	list, err := s.recording(ctx)
	if err != nil {
		return nil, nil, err
	}
	first := map[uuid.UUID]*phone{}
	for _, p := range list {
		if other := first[p.team]; other != nil && other.at == p.at {
			return other, p, nil
		}
		first[p.team] = p
	}
	return nil, nil, nil
}

// recording lists the phones that still record after the day: those that were
// lost, killed or revoked do not.
func (s *stage) recording(ctx context.Context) (out []*phone, err error) {
	for _, p := range s.phones {
		if p == s.cast.carried || p == s.cast.year || p == s.cast.killed {
			continue
		}
		st, err := p.dev.Status(ctx)
		if err != nil {
			return nil, err
		}
		if st.Revoked == nil && !st.EnrolAgain {
			out = append(out, p)
		}
	}
	return out, nil
}

// meet brings phones to their points and the points to the centre.
func (s *stage) meet(ctx context.Context, phones ...*phone) error {
	for _, p := range phones {
		p.cable.cut.Store(false)
		if _, err := p.dev.Sync(ctx); err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
	}
	return s.upstream(ctx, phones[0].at)
}
