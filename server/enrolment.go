package server

import (
	"context"
	"net/netip"
	"os"

	"github.com/google/uuid"

	"thonsync/server/enrol"
	"thonsync/server/ingest"
	"thonsync/server/store"
	"thonsync/syncproto"
	"thonsync/syncproto/credential"
)

// enrolment is what the pages need by which officers take phones in.
func (n *Node) enrolment() enrol.Config {
	return enrol.Config{Teams: n.teamsOf, NewCode: n.newPhoneCode, Codes: n.codes, Audit: n.audit, Log: n.log}
}

// teamsOf lists the teams in some units, or all where none are named.
func (n *Node) teamsOf(ctx context.Context, units []string) ([]enrol.Team, error) {
	var out []enrol.Team
	defs := n.ingest.Definitions()
	name := func(key string) string {
		u, _ := defs.Unit(key)
		return u.Name
	}
	err := n.store.View(ctx, func(r store.Reader) error {
		q := store.RecordQuery{Collection: syncproto.CollectionTeam, ExistsOnly: true}
		return r.EachRecord(q, func(rec store.Record) error {
			if rec.Void || len(units) > 0 && !defs.Within(rec.Unit, units) {
				return nil
			}
			row, err := ingest.Shown(&rec)
			if err != nil {
				return err
			}
			t := enrol.Team{ID: rec.ID, Unit: rec.Unit, Name: row.Value(syncproto.TeamName).Text(), Village: name(rec.Unit)}
			if c := defs.Commune(rec.Unit); c != rec.Unit {
				t.Commune = name(c)
			}
			out = append(out, t)
			return nil
		})
	})
	return out, err
}

// newPhoneCode makes a code for a page. A browser on this machine calls it
// localhost, which is no address for a phone.
func (n *Node) newPhoneCode(ctx context.Context, team uuid.UUID, host string) (enrol.Made, error) {
	if ip, err := netip.ParseAddr(host); host == "" || host == "localhost" || err == nil && ip.IsLoopback() {
		host, _ = os.Hostname() // the listen address is then used
	}
	code, err := n.NewCode(ctx, CodeRequest{Role: credential.RolePhone, Team: team, Confirm: true, Host: host})
	return enrol.Made{Text: code.Code, URI: code.URI}, err
}
