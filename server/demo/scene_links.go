package demo

import (
	"context"
	"errors"

	"thonsync/clientlib"
	"thonsync/server"
	"thonsync/testdata/fieldwork"
)

// twins are what two phones say of one invented citizen: linked by the number,
// without marks, and one number with two names.
var twins = [][2]map[string]string{
	{{"id_number": "002161004321", "full_name": "Vàng Thị Mỷ", "birth_date": "07/04/1961", "sex": "female"},
		{"id_number": "002161004321", "full_name": "Vàng Thị Mỷ", "birth_date": "1961", "sex": "female"}},
	{{"id_number": "002058001122", "full_name": "Giàng Mí Sính", "birth_date": "12/09/1958", "sex": "male", "phone": "0912345001"},
		{"full_name": "Giang Mi Sinh", "birth_date": "12/09/1958", "sex": "male", "phone": "0912345001"}},
	{{"id_number": "002185003344", "full_name": "Lò Thị Bông", "birth_date": "03/02/1985", "sex": "female"},
		{"id_number": "002185003344", "full_name": "Lò Văn Tú", "birth_date": "21/11/1979", "sex": "male"}},
}

// sceneTwins has two teams of one commune help the same citizens, so that the
// page of pairs has something to decide. It comes after the day's checks.
func (s *stage) sceneTwins(ctx context.Context) error {
	list, err := s.recording(ctx)
	if err != nil {
		return err
	}
	var pair []*phone
	for _, p := range list {
		if len(pair) == 1 && (p.at != pair[0].at || p.village == pair[0].village) {
			continue
		}
		if _, err := p.dev.Sync(ctx); err != nil {
			continue // unplugged
		}
		if pair = append(pair, p); len(pair) == 2 {
			break
		}
	}
	if len(pair) < 2 {
		return nil
	}
	for i, p := range pair {
		for _, who := range twins {
			if err := p.help(ctx, who[i]); err != nil {
				return err
			}
		}
		if _, err := p.dev.Sync(ctx); err != nil {
			return err
		}
	}
	if err := pair[0].at.node.Relay().Sync(ctx); err != nil {
		return err
	}
	_, err = server.LinkScanCommand.Do(ctx, s.centre.node, server.LinkScan{})
	return err
}

// help records an activity about a citizen, of whatever kind comes next.
func (p *phone) help(ctx context.Context, citizen map[string]string) error {
	const tries = 200
	for range tries {
		a := p.stream.NextOn(p.index)
		kind, err := p.dev.Kind(ctx, a.Kind)
		if err != nil {
			return err
		}
		if a.EditOf >= 0 || !kind.Person {
			continue
		}
		row, err := clientlib.ParseFields(kind, citizen)
		if err != nil {
			return err
		}
		in := input(a, p.people[a.AuthorIndex%len(p.people)], fieldwork.Row(a.Op), row.Personal)
		_, err = p.dev.Record(ctx, in)
		return err
	}
	return errors.New("no activity about a citizen came up")
}
