package server

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/google/uuid"

	"thonsync/server/audit"
	"thonsync/server/config"
	"thonsync/server/httpapi"
	"thonsync/server/keys"
	"thonsync/server/report"
	"thonsync/server/store"
	"thonsync/syncproto"
	"thonsync/syncproto/credential"
)

// What can be exported.
const (
	ExportActivities = "activities"
	ExportTeams      = "teams"
)

// ExportRequest asks for records as a file.
type ExportRequest struct {
	What   string `json:"what"`
	Unit   string `json:"unit,omitempty"`
	From   string `json:"from,omitempty"`
	To     string `json:"to,omitempty"`
	Month  string `json:"month,omitempty"`
	Format string `json:"format"` // csv, json (one object a line) or xlsx
	// TempDir is where what of a spreadsheet does not fit into memory waits, ""
	// for the system's folder.
	TempDir string `json:"-"`
	// Recipient names who gets personal values; "" for an export without them.
	Recipient string `json:"recipient,omitempty"`
}

// exportPart asks for what follows a record. Later parts of an export with
// personal values name the entry of the export log that the first one made.
type exportPart struct {
	ExportRequest
	After uuid.UUID `json:"after"`
	Entry uuid.UUID `json:"entry"`
}

type exportedPart struct {
	File  []byte    `json:"file"`
	Rows  int       `json:"rows"`
	Next  uuid.UUID `json:"next"` // uuid.Nil after the last part
	Entry uuid.UUID `json:"entry"`
}

// partRecords is how many records one part looks at: small enough to end soon,
// and few enough round trips.
const partRecords = 2000

var exportCommand = Register(Command[exportPart, exportedPart]{
	Name: "export.part", Do: func(ctx context.Context, n *Node, in exportPart) (exportedPart, error) { return n.export(ctx, in) },
})

// Export writes a file part by part, by the running server if there is one. It
// gives the number of its rows. With personal values it works at the centre
// only, and who got them is written down first. What arrives meanwhile may or
// may not be in it.
func Export(ctx context.Context, cfg config.Config, opts Options, q ExportRequest, w io.Writer) (n int, err error) {
	if q.Format == report.FormatXLSX {
		return exportBook(ctx, cfg, opts, q, w)
	}
	return exportParts(ctx, cfg, opts, q, func(file []byte) error {
		_, err := w.Write(file)
		return err
	})
}

// exportBook makes a spreadsheet of the parts of a JSON export: a part of a
// spreadsheet is none.
func exportBook(ctx context.Context, cfg config.Config, opts Options, q ExportRequest, w io.Writer) (n int, err error) {
	q.Format = report.FormatJSON
	book, err := report.NewExportBook(q.TempDir, q.What == ExportTeams, q.Recipient != "")
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, book.Close()) }()
	if n, err = exportParts(ctx, cfg, opts, q, book.Add); err != nil {
		return n, err
	}
	return n, book.Finish(w)
}

func exportParts(ctx context.Context, cfg config.Config, opts Options, q ExportRequest, take func(file []byte) error) (n int, err error) {
	ask := func(in exportPart) (exportedPart, error) { return exportCommand.Run(ctx, cfg, opts, in) }
	if _, err := DialAdmin(cfg.Data); errors.Is(err, httpapi.ErrNoServer) && keys.Exists(KeysFolder(cfg.Data)) {
		node, err := Open(ctx, cfg, opts) // once, and not for every part
		if err != nil {
			return 0, err
		}
		defer func() { err = errors.Join(err, node.Close()) }()
		ask = func(in exportPart) (exportedPart, error) { return exportCommand.Do(ctx, node, in) }
	}
	part := exportPart{ExportRequest: q}
	for {
		got, err := ask(part)
		if err != nil {
			return n, err
		}
		if err := take(got.File); err != nil {
			return n, fmt.Errorf("writing the export: %w", err)
		}
		if n += got.Rows; got.Next == uuid.Nil {
			return n, nil
		}
		part.After, part.Entry = got.Next, got.Entry
	}
}

func (n *Node) export(ctx context.Context, in exportPart) (out exportedPart, err error) {
	if in.Recipient != "" {
		if out.Entry, err = n.allowPersonal(ctx, in); err != nil {
			return out, err
		}
	}
	var buf bytes.Buffer
	err = n.store.View(ctx, func(r store.Reader) error {
		var personal report.Personal
		if in.Recipient != "" {
			personal = func(rec *store.Record) (syncproto.Row, error) { return n.ingest.Personal(r, rec) }
		}
		switch in.What {
		case ExportActivities:
			return n.exportActivities(r, in, personal, &buf, &out)
		case ExportTeams:
			return n.exportTeams(r, in, personal, &buf, &out)
		}
		return syncproto.Errorf(syncproto.CodeInvalidInput, "%q is not exported: choose activities or teams", in.What)
	})
	out.File = buf.Bytes()
	return out, err
}

func (n *Node) exportActivities(r store.Reader, in exportPart, personal report.Personal, w io.Writer, out *exportedPart) error {
	f, err := report.NewActivityFile(w, in.Format, personal != nil, in.After == uuid.Nil)
	if err != nil {
		return err
	}
	q := report.Query{Unit: in.Unit, From: in.From, To: in.To, Month: in.Month}
	part := report.Part{After: in.After, Limit: partRecords}
	out.Next, err = n.ReportService().EachActivity(r, q, part, personal, func(a *report.Activity) error {
		out.Rows++
		return f.Write(a)
	})
	return errors.Join(err, f.Flush())
}

func (n *Node) exportTeams(r store.Reader, in exportPart, personal report.Personal, w io.Writer, out *exportedPart) error {
	f, err := report.NewMemberFile(w, in.Format, personal != nil)
	if err != nil {
		return err
	}
	err = n.ReportService().EachMember(r, report.Query{Unit: in.Unit}, personal, func(m *report.Member) error {
		out.Rows++
		return f.Write(m)
	})
	return errors.Join(err, f.Flush())
}

// ExportEntry is a line of the list of exports with personal values.
type ExportEntry struct {
	ID        uuid.UUID `json:"id"`
	AtMS      int64     `json:"at_ms"`
	What      string    `json:"what"`
	Recipient string    `json:"recipient"`
	Unit      string    `json:"unit"`
	From      string    `json:"from"`
	To        string    `json:"to"`
	Month     string    `json:"month"`
}

// metaExports lists the exports with personal values.
const metaExports = "exports"

// ExportLog lists who got personal values, oldest first.
var ExportLog = Register(Command[None, []ExportEntry]{
	Name: "export.log",
	Do: func(ctx context.Context, n *Node, _ None) (list []ExportEntry, err error) {
		err = n.store.View(ctx, func(r store.Reader) error {
			list, err = exportEntries(r)
			return err
		})
		return list, err
	},
})

func exportEntries(r store.Reader) ([]ExportEntry, error) {
	list := []ExportEntry{}
	b, ok, err := r.Meta(metaExports)
	if err != nil || !ok {
		return list, err
	}
	if err := json.Unmarshal(b, &list); err != nil {
		return nil, fmt.Errorf("the list of exports is not readable: restore the last backup: %w", err)
	}
	return list, nil
}

// allowPersonal writes the recipient down before the first part of an export,
// and lets later parts pass only if that was done.
func (n *Node) allowPersonal(ctx context.Context, in exportPart) (uuid.UUID, error) {
	if n.role != credential.RoleCentre {
		return uuid.Nil, syncproto.Errorf(syncproto.CodeInvalidInput, "personal values can be read at the centre only")
	}
	entry := ExportEntry{
		ID: in.Entry, AtMS: n.opts.Now().UnixMilli(), What: in.What, Recipient: in.Recipient,
		Unit: in.Unit, From: in.From, To: in.To, Month: in.Month,
	}
	if in.After != uuid.Nil {
		return entry.ID, n.store.View(ctx, func(r store.Reader) error { return entry.listed(r) })
	}
	var err error
	if entry.ID, err = uuid.NewRandomFromReader(n.opts.Random); err != nil {
		return uuid.Nil, fmt.Errorf("no randomness to name an export: %w", err)
	}
	event := audit.Event{Actor: audit.Console, Action: audit.Export, Object: in.What + " " + entry.ID.String(), Unit: in.Unit}
	if err := n.audit.Write(ctx, event); err != nil {
		return uuid.Nil, err
	}
	return entry.ID, n.store.Update(ctx, func(tx store.Tx) error {
		list, err := exportEntries(tx)
		if err != nil {
			return err
		}
		b, err := json.Marshal(append(list, entry))
		if err != nil {
			return err
		}
		return tx.SetMeta(metaExports, b)
	})
}

// listed fails unless the very same export stands in the list.
func (e ExportEntry) listed(r store.Reader) error {
	list, err := exportEntries(r)
	if err != nil {
		return err
	}
	for _, old := range list {
		if old.AtMS = e.AtMS; old == e {
			return nil
		}
	}
	return syncproto.Errorf(syncproto.CodeInvalidInput, "this part belongs to no listed export: begin the export again")
}
