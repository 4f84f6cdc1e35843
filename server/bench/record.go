package main

import (
	"context"
	"database/sql"
	"os"
	"path/filepath"
	"slices"
	"time"

	"thonsync/clientlib"
	"thonsync/server"
	"thonsync/syncproto"
	"thonsync/syncproto/credential"
	"thonsync/testdata/fieldwork"
	"thonsync/testdata/province"

	"thonsync/server/store"
)

// bareDSN opens a reference database as ours are opened.
func bareDSN(path string) string {
	return "file:" + filepath.ToSlash(path) + "?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=foreign_keys(1)&_txlock=immediate"
}

// bareRow is the size of the row that the bare insert writes: about what one
// record takes in a device's log.
const bareRow = 400

// recordSuite measures one durable commit of a device against one bare durable
// insert with the same driver on the same disk, taking turns.
func recordSuite(emit func(line)) error {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "thonsync-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	p := province.Small(1, 1, 2)
	n, err := reference(ctx, dir, p)
	if err != nil {
		return err
	}
	defer n.Close()
	dev, err := joinedDevice(ctx, n, filepath.Join(dir, "field.db"))
	if err != nil {
		return err
	}
	defer dev.Close()
	bare, err := sql.Open("sqlite", bareDSN(filepath.Join(dir, "bare.db")))
	if err != nil {
		return err
	}
	defer bare.Close()
	bare.SetMaxOpenConns(1)
	if _, err := bare.ExecContext(ctx, `CREATE TABLE bare (id INTEGER PRIMARY KEY, bytes BLOB NOT NULL) STRICT`); err != nil {
		return err
	}
	gen := province.NewActivityGen(p, 1, time.Now().AddDate(0, 0, -9))
	row := make([]byte, bareRow)
	var ours, theirs []time.Duration
	for i := range 400 {
		in, ok := newInput(gen)
		if !ok {
			continue
		}
		start := time.Now()
		if _, err := bare.ExecContext(ctx, `INSERT INTO bare (bytes) VALUES (?)`, row); err != nil {
			return err
		}
		middle := time.Now()
		if _, err := dev.Record(ctx, in); err != nil {
			return err
		}
		if i >= 50 { // caches and files have settled
			theirs, ours = append(theirs, middle.Sub(start)), append(ours, time.Since(middle))
		}
	}
	emit(compare("record/commit", median(ours), median(theirs), "one bare durable insert of 400 bytes, same driver, taking turns, medians", "µs", atMost, 1.5))
	return nil
}

func median(d []time.Duration) float64 {
	slices.Sort(d)
	return float64(d[len(d)/2].Microseconds())
}

// newInput gives the next new activity of the generator; false for an edit.
func newInput(gen *province.ActivityGen) (clientlib.RecordInput, bool) {
	a := gen.Next(0)
	if a.EditOf >= 0 {
		return clientlib.RecordInput{}, false
	}
	op := fieldwork.Row(a.Op)
	in := clientlib.RecordInput{
		Kind: a.Kind, Unit: fieldwork.UnitKey(a.Unit), Occurred: fieldwork.Date(a.Occurred),
		Result: op.Value(syncproto.ActivityResult).Text(), Personal: fieldwork.Row(a.Personal),
	}
	for _, f := range op {
		if f.Num >= syncproto.FirstKindField {
			in.Operational = append(in.Operational, f)
		}
	}
	return in, true
}

// joinedDevice opens a device that has joined the first team and has a current
// person.
func joinedDevice(ctx context.Context, n *server.Node, path string) (*clientlib.Device, error) {
	dev, err := clientlib.Open(ctx, clientlib.Options{Path: path, Transport: direct{n}})
	if err != nil {
		return nil, err
	}
	q := server.CodeRequest{Role: credential.RolePhone}
	err = n.Store().View(ctx, func(r store.Reader) error {
		return r.EachRecord(store.RecordQuery{Collection: syncproto.CollectionTeam, Limit: 1}, func(rec store.Record) error {
			q.Team = rec.ID
			return nil
		})
	})
	if err != nil {
		return nil, err
	}
	code, err := n.NewCode(ctx, q)
	if err != nil {
		return nil, err
	}
	joined, err := dev.Join(ctx, code.URI, "bench")
	if err != nil {
		return nil, err
	}
	if _, err := dev.Sync(ctx); err != nil {
		return nil, err
	}
	m := joined.Welcome.Members[0]
	if err := dev.AddPerson(ctx, m.ID, "bench"); err != nil {
		return nil, err
	}
	return dev, dev.SelectPerson(ctx, m.ID, "")
}
