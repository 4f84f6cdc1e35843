package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"thonsync/clientlib"
	"thonsync/clientlib/cmd/thonfield/internal/form"
	"thonsync/clientlib/cmd/thonfield/internal/view"
	"thonsync/clientlib/cmd/thonfield/internal/words"
	"thonsync/syncproto"
)

// app is one run of the program.
type app struct {
	environment
	ctx  context.Context
	lang words.Lang
	json bool
	data string // "" for the usual folder
	exit int    // where nothing failed

	lines *bufio.Reader // over in, made at the first use
}

// input gives the one buffered reader over standard input.
func (a *app) input() *bufio.Reader {
	if a.lines == nil {
		a.lines = bufio.NewReader(a.in)
	}
	return a.lines
}

// say writes a text of the catalogue as a line.
func (a *app) say(key string, args ...any) { fmt.Fprintln(a.out, a.lang.T(key, args...)) }

// object writes v as JSON.
func (a *app) object(v any) {
	enc := json.NewEncoder(a.out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		fmt.Fprintln(a.errOut, a.lang.T("error.output"))
	}
}

// show writes v as JSON if that was asked for, else calls text.
func (a *app) show(v any, text func()) {
	if a.json {
		a.object(v)
		return
	}
	text()
}

// database gives the path of the device's database and makes its folder.
func (a *app) database() (string, error) {
	dir := a.data
	if dir == "" {
		base, err := os.UserConfigDir()
		if err != nil {
			return "", usage("usage.no-data")
		}
		dir = filepath.Join(base, "thonfield")
	}
	return filepath.Join(dir, "device.db"), os.MkdirAll(dir, 0o700)
}

// with opens the device, calls do and closes it again.
func (a *app) with(do func(d device) error) error {
	path, err := a.database()
	if err != nil {
		return err
	}
	d, err := a.open(a.ctx, path)
	if err != nil {
		return err
	}
	return closing(d, do(d))
}

// withSender is with for commands that a store of a newer program allows, too.
func (a *app) withSender(do func(d device) error, sendOnly func(s sender) error) error {
	err := a.with(do)
	if syncproto.CodeOf(err) != syncproto.CodeNewerSchema {
		return err
	}
	path, err := a.database()
	if err != nil {
		return err
	}
	s, err := a.openSending(a.ctx, path)
	if err != nil {
		return err
	}
	return closing(s, sendOnly(s))
}

// closing closes c and gives the first thing that failed.
func closing(c io.Closer, err error) error {
	if e := c.Close(); err == nil {
		err = e
	}
	return err
}

// reader gives what is needed to show values.
func (a *app) reader(d device, full bool) (*view.Reader, error) {
	r := &view.Reader{Lang: a.lang, Full: full, Kinds: map[string]*syncproto.Kind{}, People: map[uuid.UUID]string{}}
	kinds, err := d.Kinds(a.ctx)
	if err != nil {
		return nil, err
	}
	for _, k := range kinds {
		r.Kinds[k.Code] = k
	}
	people, err := d.People(a.ctx)
	if err != nil {
		return nil, err
	}
	for _, p := range people {
		r.People[p.ID] = p.Name
	}
	return r, nil
}

// named gives a reader that knows the names of the places of records.
func (a *app) named(d device, full bool, records ...clientlib.Record) (*view.Reader, error) {
	r, err := a.reader(d, full)
	if err != nil {
		return nil, err
	}
	var units []string
	var teams []uuid.UUID
	for i := range records {
		units, teams = append(units, records[i].Unit), append(teams, records[i].Team)
		for _, f := range records[i].Fields {
			for _, v := range append(f.Others, f.Value) {
				switch f.Name {
				case "unit":
					units = append(units, v.Text())
				case "team":
					teams = append(teams, v.UUID())
				}
			}
		}
	}
	r.Names, err = d.Names(a.ctx, units, teams)
	return r, err
}

const (
	shortID  = 8 // digits of a record's id that lists show; the last ones, which are random
	minShort = 4
	pageSize = 500
)

// shorten gives the end of a record's id that is enough to name it.
func shorten(id uuid.UUID) string {
	s := id.String()
	return s[len(s)-shortID:]
}

// find turns what a person wrote for a record into its id: the whole id, at
// least four of its last digits, or "last" for the newest.
func (a *app) find(d device, ref string) (uuid.UUID, error) {
	ref = strings.ToLower(strings.TrimSpace(ref))
	if id, err := uuid.Parse(ref); err == nil {
		return id, nil
	}
	if ref != "last" && len(ref) < minShort {
		return uuid.Nil, usage("usage.record")
	}
	var found []uuid.UUID
	filter := clientlib.Filter{Limit: pageSize, Void: true}
	for {
		page, err := d.List(a.ctx, filter)
		if err != nil {
			return uuid.Nil, err
		}
		for i := range page {
			if ref == "last" && page[i].Own {
				return page[i].ID, nil
			}
			if strings.HasSuffix(page[i].ID.String(), ref) {
				found = append(found, page[i].ID)
			}
		}
		if len(page) < pageSize {
			break
		}
		filter.Before = page[len(page)-1].ID
	}
	switch len(found) {
	case 0:
		return uuid.Nil, failed(syncproto.CodeNotFound, "code.unknown-record")
	case 1:
		return found[0], nil
	default:
		return uuid.Nil, usage("usage.record-several", "n", len(found))
	}
}

// person turns what a person wrote for somebody into an id: an id, a number of
// the list from 1, or a name that only one bears. "" gives uuid.Nil.
func (a *app) person(d device, ref string) (uuid.UUID, error) {
	if ref == "" {
		return uuid.Nil, nil
	}
	if id, err := uuid.Parse(ref); err == nil {
		return id, nil
	}
	people, err := d.People(a.ctx)
	if err != nil {
		return uuid.Nil, err
	}
	if n, err := strconv.Atoi(ref); err == nil && n >= 1 && n <= len(people) {
		return people[n-1].ID, nil
	}
	var found []uuid.UUID
	for _, p := range people {
		if form.Fold(p.Name) == form.Fold(ref) {
			found = append(found, p.ID)
		}
	}
	if len(found) != 1 {
		return uuid.Nil, failed(syncproto.CodeInvalidInput, "error.person")
	}
	return found[0], nil
}

// oneLine gives text, or the first line of standard input where text is "-".
func (a *app) oneLine(text string) (string, error) {
	if text != "-" {
		return text, nil
	}
	line, err := a.input().ReadString('\n')
	if err != nil && line == "" {
		return "", usage("usage.no-input")
	}
	return strings.TrimRight(line, "\r\n"), nil
}
