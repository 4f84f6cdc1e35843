package clientlib

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"

	"thonsync/clientlib/changelog"
	"thonsync/syncproto"
)

// Guide is a short text for village teams, as the centre gave it out.
type Guide struct {
	Code                    string
	TitleVI, TitleEN        string // TitleEN may be empty
	BodyVI, BodyEN          string // paragraphs with an empty line between; BodyEN may be empty
	Opened                  int    // how often it was opened on this device
	FirstOpened, LastOpened int64  // Unix ms, 0 for never
	id                      uuid.UUID
}

// Guides lists the guides received from the centre, by code.
func (d *Device) Guides(ctx context.Context) ([]Guide, error) {
	var out []Guide
	err := d.view(ctx, func(ctx context.Context, q changelog.Querier) (err error) {
		out, err = guides(ctx, q)
		return err
	})
	return out, err
}

// OpenGuide gives one guide and counts on this device that it was opened. The
// count stays here until a way to report training exists. Without regard to
// case; CodeNotFound if the guide is not known here.
func (d *Device) OpenGuide(ctx context.Context, code string) (Guide, error) {
	var found Guide
	err := d.update(ctx, func(ctx context.Context, q changelog.Querier) error {
		list, err := guides(ctx, q)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(list, func(g Guide) bool { return strings.EqualFold(g.Code, code) })
		if i < 0 {
			return syncproto.Errorf(syncproto.CodeNotFound, "the guide is not known on this device: sync first")
		}
		found = list[i]
		found.Opened, found.LastOpened = found.Opened+1, d.opts.Clock.NowMS()
		if found.FirstOpened == 0 {
			found.FirstOpened = found.LastOpened
		}
		_, err = q.ExecContext(ctx, `INSERT INTO guide_opened (guide, times, first_ms, last_ms) VALUES ($1, 1, $2, $2)
ON CONFLICT (guide) DO UPDATE SET times = times + 1, last_ms = excluded.last_ms`, found.id[:], found.LastOpened)
		if err != nil {
			return fmt.Errorf("counting an opened guide: %w", err)
		}
		return nil
	})
	return found, err
}

// guides reads the guides that stand. Two records under one code, as after a
// correction by another office, are both shown.
func guides(ctx context.Context, q changelog.Querier) ([]Guide, error) {
	rows, err := q.QueryContext(ctx, `SELECT r.id, r.operational, COALESCE(o.times, 0), COALESCE(o.first_ms, 0), COALESCE(o.last_ms, 0)
FROM record r LEFT JOIN guide_opened o ON o.guide = r.id WHERE r.collection = $1 AND r.flags & $2 = $3`,
		syncproto.CollectionGuide, flagExists|flagVoid, flagExists)
	if err != nil {
		return nil, fmt.Errorf("reading guides: %w", err)
	}
	defer rows.Close()
	var out []Guide
	for rows.Next() {
		var g Guide
		var id, b []byte
		if err := rows.Scan(&id, &b, &g.Opened, &g.FirstOpened, &g.LastOpened); err != nil {
			return nil, fmt.Errorf("reading guides: %w", err)
		}
		row, err := syncproto.DecodeRow(b)
		if err != nil {
			return nil, err
		}
		copy(g.id[:], id)
		g.Code = row.Value(syncproto.GuideCode).Text()
		g.TitleVI, g.TitleEN = row.Value(syncproto.GuideTitleVI).Text(), row.Value(syncproto.GuideTitleEN).Text()
		g.BodyVI, g.BodyEN = row.Value(syncproto.GuideBodyVI).Text(), row.Value(syncproto.GuideBodyEN).Text()
		out = append(out, g)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("reading guides: %w", err)
	}
	slices.SortStableFunc(out, func(a, b Guide) int { return strings.Compare(a.Code, b.Code) })
	return out, nil
}

// Names are the words for what is known by a code or an id only.
type Names struct {
	Units map[string]string    // by list:code, the official word first: "Thôn Nà Xá"
	Teams map[uuid.UUID]string // by the team's record
}

// Names looks up units and teams. What is not known here is left out.
func (d *Device) Names(ctx context.Context, units []string, teams []uuid.UUID) (Names, error) {
	out := Names{Units: map[string]string{}, Teams: map[uuid.UUID]string{}}
	err := d.view(ctx, func(ctx context.Context, q changelog.Querier) error {
		for _, key := range units {
			if _, done := out.Units[key]; done || key == "" {
				continue
			}
			row, ok, err := standing(ctx, q, `SELECT operational FROM record WHERE collection = 1 AND lookup = $1 AND flags & $2 = $3 LIMIT 1`, key)
			if err != nil {
				return err
			}
			if name := strings.TrimSpace(row.Value(syncproto.UnitType).Text() + " " + row.Value(syncproto.UnitName).Text()); ok && name != "" {
				out.Units[key] = name
			}
		}
		for _, id := range teams {
			if _, done := out.Teams[id]; done || id == uuid.Nil {
				continue
			}
			row, ok, err := standing(ctx, q, `SELECT operational FROM record WHERE collection = 2 AND id = $1 AND flags & $2 = $3 LIMIT 1`, id[:])
			if err != nil {
				return err
			}
			if name := row.Value(syncproto.TeamName).Text(); ok && name != "" {
				out.Teams[id] = name
			}
		}
		return nil
	})
	return out, err
}

// standing reads the row of a record that was made and not retracted; ok is
// false if there is none.
func standing(ctx context.Context, q changelog.Querier, query string, key any) (row syncproto.Row, ok bool, err error) {
	var b []byte
	err = q.QueryRowContext(ctx, query, key, flagExists|flagVoid, flagExists).Scan(&b)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, fmt.Errorf("looking up a name: %w", err)
	}
	row, err = syncproto.DecodeRow(b)
	return row, err == nil, err
}
