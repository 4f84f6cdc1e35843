package demo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"thonsync/clientlib"
	"thonsync/server/relay"
	"thonsync/server/store"
	"thonsync/syncproto"
	"thonsync/testdata/fieldwork"
	"thonsync/testdata/province"
)

// day is what happened, as the checks need it.
type day struct {
	recorded  int
	acked     []uuid.UUID // what the killed phone had been told is stored
	contested uuid.UUID   // the record that two people edited
	shown     string      // the result that must be shown: the plausible clock's
	handed    []byte      // the file that was carried by hand
	tampered  relay.Imported
	lostRun   [2]uint64 // changes of the late phone that the carrier lost
	gapSeen   bool      // and the centre named them
	repeats   int

	backup  string // made before the first phone joined
	breaks  string // the promise that is sabotaged
	restore func(context.Context) error

	spyEverywhere, putBack, damageBackup bool
}

// record makes one activity on a phone, as its people would type it.
func (p *phone) record(ctx context.Context) error {
	a := p.stream.NextOn(p.index)
	person := p.people[a.AuthorIndex%len(p.people)]
	op, personal := fieldwork.Row(a.Op), fieldwork.Row(a.Personal)
	if a.EditOf >= 0 {
		id, ok := p.records[a.EditOf]
		if !ok {
			return nil
		}
		in := clientlib.EditInput{Person: person, Operational: kindFields(op), Personal: personal, Result: op.Value(syncproto.ActivityResult).Text()}
		_, err := p.dev.Edit(ctx, id, in)
		return err
	}
	got, err := p.dev.Record(ctx, input(a, person, op, personal))
	if err != nil {
		return err
	}
	p.records[a.Index] = got.ID
	p.made = append(p.made, got.ID)
	return nil
}

func input(a province.Activity, person uuid.UUID, op, personal syncproto.Row) clientlib.RecordInput {
	return clientlib.RecordInput{
		Person: person, Kind: a.Kind, Unit: fieldwork.UnitKey(a.Unit), Occurred: fieldwork.Date(a.Occurred),
		Result: op.Value(syncproto.ActivityResult).Text(), Operational: kindFields(op), Personal: personal,
	}
}

// kindFields keeps what belongs to the kind alone.
func kindFields(r syncproto.Row) syncproto.Row {
	var out syncproto.Row
	for _, f := range r {
		if f.Num >= syncproto.FirstKindField {
			out = append(out, f)
		}
	}
	return out
}

// morning is spent without any network.
func (s *stage) morning(ctx context.Context, d *day) error {
	for _, p := range s.phones {
		p.cable.cut.Store(true)
		if p == s.cast.year {
			continue // its day begins later
		}
		for range 4 + s.rng.IntN(6) {
			if err := p.record(ctx); err != nil {
				return fmt.Errorf("%s: %w", p.name, err)
			}
			d.recorded++
		}
	}
	return nil
}

// market brings the phones of the given points to them. It syncs each twice:
// the second time brings nothing new and must change nothing.
func (s *stage) market(ctx context.Context, points ...*site) error {
	for _, p := range s.phones {
		for _, at := range points {
			if p.at != at || p == s.cast.carried {
				continue
			}
			p.cable.cut.Store(false)
			for range 2 {
				if _, err := p.dev.Sync(ctx); err != nil {
					return fmt.Errorf("%s at %s: %w", p.name, at.name, err)
				}
			}
		}
	}
	return nil
}

// upstream lets points exchange with the centre until nothing is left.
func (s *stage) upstream(ctx context.Context, points ...*site) error {
	for _, p := range points {
		if err := p.node.Relay().Sync(ctx); err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
	}
	return nil
}

// contest has two people edit one record without knowing of each other, one of
// them on a phone whose clock says 2099.
func (s *stage) contest(ctx context.Context, d *day) error {
	a, b := s.cast.editors[0], s.cast.editors[1]
	kind, err := a.dev.Kind(ctx, "TT")
	if err != nil {
		return err
	}
	made, err := a.dev.Record(ctx, clientlib.RecordInput{
		Person: a.people[0], Kind: kind.Code, Occurred: today(), Result: kind.Results[0].Value,
		Fields: map[string]string{"topic": "id_card", "audience_count": "23", "method": kindOption(kind, "method")},
	})
	if err != nil {
		return err
	}
	d.contested, d.recorded = made.ID, d.recorded+1
	a.made = append(a.made, made.ID)
	for _, p := range []*phone{a, b} {
		p.cable.cut.Store(false)
		if _, err := p.dev.Sync(ctx); err != nil {
			return err
		}
	}
	if err := b.setClock(ctx, time.Until(time.Date(2099, 1, 1, 0, 0, 0, 0, time.UTC))); err != nil {
		return err
	}
	d.shown = kind.Results[1].Value
	if _, err := a.dev.Edit(ctx, made.ID, clientlib.EditInput{Person: a.people[0], Result: d.shown}); err != nil {
		return err
	}
	if _, err := b.dev.Edit(ctx, made.ID, clientlib.EditInput{Person: b.people[0], Result: kind.Results[2].Value}); err != nil {
		return fmt.Errorf("a colleague's phone: %w", err)
	}
	return nil
}

func kindOption(k *syncproto.Kind, field string) string {
	if f, ok := k.FieldByName(field); ok && len(f.Options) > 0 {
		return f.Options[0].Value
	}
	return ""
}

func today() syncproto.Date {
	y, m, dd := time.Now().Date()
	return syncproto.Date{Year: y, Month: int(m), Day: dd}
}

// byHand carries the work of a phone that never meets a network: as a file, on
// a colleague's phone and straight to the centre, and the receipts back.
func (s *stage) byHand(ctx context.Context, d *day) error {
	var file bytes.Buffer
	if err := s.cast.carried.dev.ExportBundle(ctx, &file, clientlib.BundleOptions{}); err != nil {
		return err
	}
	d.handed = bytes.Clone(file.Bytes())
	if _, err := s.cast.carrier.dev.ImportBundle(ctx, bytes.NewReader(d.handed)); err != nil {
		return err
	}
	s.cast.carrier.cable.cut.Store(false)
	if _, err := s.cast.carrier.dev.Sync(ctx); err != nil {
		return err
	}
	if err := s.upstream(ctx, s.cast.carrier.at); err != nil {
		return err
	}
	got, err := s.importAt(ctx, s.centre, d.handed) // the same file by a second path
	if err != nil {
		return err
	}
	d.repeats += got.Repeats
	if len(got.Asks) == 0 {
		return errors.New("the file does not say who wants an answer")
	}
	entries, err := s.centre.node.Answer().Bundle(ctx, got.Asks[0])
	if err != nil {
		return err
	}
	back, err := syncproto.EncodeBundle(entries)
	if err != nil {
		return err
	}
	_, err = s.cast.carried.dev.ImportBundle(ctx, bytes.NewReader(back))
	return err
}

func (s *stage) importAt(ctx context.Context, at *site, file []byte) (relay.Imported, error) {
	return relay.Import(ctx, at.node.Ingest(), at.origin(), file, nil, nil)
}

func (st *site) origin() syncproto.OriginID { return st.node.Origin() }

// tamper has a carrier change one byte of one segment of two, with a correct
// checksum, and hand the file to a point.
func (s *stage) tamper(ctx context.Context, d *day, really bool) error {
	entries, _, err := syncproto.DecodeBundle(d.handed)
	if err != nil {
		return err
	}
	var file bytes.Buffer
	if err := s.cast.carrier.dev.ExportBundle(ctx, &file, clientlib.BundleOptions{All: true}); err != nil {
		return err
	}
	more, _, err := syncproto.DecodeBundle(file.Bytes())
	if err != nil {
		return err
	}
	for i := range entries {
		if entries[i].Kind == syncproto.EntrySegment && really {
			entries[i].Data[len(entries[i].Data)/2] ^= 0x40
			break
		}
	}
	b, err := syncproto.EncodeBundle(append(entries, more...))
	if err != nil {
		return err
	}
	d.tampered, err = s.importAt(ctx, s.cast.carrier.at, b)
	return err
}

// lose has a carrier bring the late phone's second half to the centre and lose
// the first: the centre must name what is missing.
func (s *stage) lose(ctx context.Context, d *day) error {
	p := s.cast.late
	from := p.dev.Origin()
	for range 3 {
		if err := p.record(ctx); err != nil {
			return err
		}
		d.recorded++
	}
	if _, err := p.dev.Sync(ctx); err != nil {
		return err
	}
	var last store.Segment
	var chain []string
	err := p.at.node.Store().View(ctx, func(r store.Reader) error {
		o, _, err := r.Origin(from)
		if err != nil {
			return err
		}
		chain = o.Credentials
		segs, err := r.Segments(store.SegmentQuery{Origin: from, From: 1})
		if err != nil || len(segs) == 0 {
			return errors.Join(err, errors.New("the point holds nothing of the late phone"))
		}
		last = segs[len(segs)-1]
		return nil
	})
	if err != nil {
		return err
	}
	d.lostRun = [2]uint64{1, last.First - 1}
	b, err := syncproto.EncodeBundle([]syncproto.Entry{
		{Kind: syncproto.EntryCredential, Data: syncproto.EncodeCredentialEntry(syncproto.OriginCredential{Origin: from, Credentials: chain})},
		{Kind: syncproto.EntrySegment, Data: last.Data},
	})
	if err != nil {
		return err
	}
	_, err = s.importAt(ctx, s.centre, b)
	return err
}
