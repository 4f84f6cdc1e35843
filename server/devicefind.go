package server

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"

	"thonsync/server/store"
	"thonsync/syncproto"
	"thonsync/syncproto/fold"
)

func hexOf(b []byte) string { return hex.EncodeToString(b) }

// minIDPrefix is how much of an id names a device.
const minIDPrefix = 6

// find resolves what an officer calls a device. The nearest kind of name that
// anything fits counts: id, label, part of a label, team, member.
func (d *directory) find(r store.Reader, name string) (*Device, error) {
	name = strings.TrimSpace(name)
	folded := fold.Key(name)
	if folded == "" {
		return nil, syncproto.Errorf(syncproto.CodeInvalidInput, "name the device: its label, its team or the beginning of its id")
	}
	teams, err := d.teamsOfMember(r, folded)
	if err != nil {
		return nil, err
	}
	for _, fits := range []func(*Device) bool{
		func(v *Device) bool {
			return len(folded) >= minIDPrefix && strings.HasPrefix(v.Origin.String(), folded)
		},
		func(v *Device) bool { return fold.Key(v.Label) == folded },
		func(v *Device) bool { return strings.Contains(fold.Key(v.Label), folded) },
		func(v *Device) bool { return v.TeamName != "" && fold.Key(v.TeamName) == folded },
		func(v *Device) bool { return slices.Contains(teams, v.Team) },
	} {
		switch list := d.sorted(fits); {
		case len(list) == 1:
			return list[0], nil
		case len(list) > 1:
			return nil, ambiguous(list)
		}
	}
	// The name may be a person's: it does not go into the error.
	return nil, syncproto.Errorf(syncproto.CodeScope, "no device of this name is known here: see `thonsync device list`")
}

// maxNamed is how many devices an error names.
const maxNamed = 8

func ambiguous(list []*Device) error {
	var b strings.Builder
	for i, v := range list {
		if i == maxNamed {
			fmt.Fprintf(&b, " and %d more", len(list)-i)
			break
		}
		fmt.Fprintf(&b, " %s (%s, %s)", v.Origin.String()[:13], v.UnitName, v.State)
	}
	return syncproto.Errorf(syncproto.CodeInvalidInput, "several devices fit, say which by the beginning of its id:%s", b.String())
}

// teamsOfMember finds the teams that somebody of this name is a member of. Only
// the centre can read names.
func (d *directory) teamsOfMember(r store.Reader, folded string) ([]uuid.UUID, error) {
	var out []uuid.UUID
	err := r.EachRecord(store.RecordQuery{Collection: syncproto.CollectionMember, ExistsOnly: true}, func(m store.Record) error {
		if m.Void || m.Team == uuid.Nil {
			return nil
		}
		personal, err := d.n.ingest.Personal(r, &m)
		if err == nil && fold.Key(personal.Value(syncproto.PersonFullName).Text()) == folded {
			out = append(out, m.Team)
		}
		return err
	})
	return out, err
}
