package main

import (
	"strconv"

	"thonsync/server"
	"thonsync/server/httpapi"
	"thonsync/server/report"
	"thonsync/syncproto/credential"
)

type statusCmd struct{}

// status is what the command prints: the state of the server and its ledger.
type status struct {
	httpapi.Status
	Ledger *report.Ledger `json:"ledger"`
}

// Run shows the state of the server.
func (statusCmd) Run(a *app) error {
	var st status
	var err error
	if st.Status, err = server.StatusCommand.Run(a.ctx, a.cfg, a.quiet(), server.None{}); err != nil {
		return err
	}
	if st.Ledger, err = server.LedgerCommand.Run(a.ctx, a.cfg, a.quiet(), server.None{}); err != nil {
		return err
	}
	return a.show(st, func() { a.printStatus(&st) })
}

func (a *app) printStatus(st *status) {
	a.say("%s %s", st.Role, st.Origin)
	a.say("%d phones, %d points; %d changes held, %d named as missing.", st.Phones, st.Points, st.Changes, st.Missing)
	for _, o := range st.Outcomes {
		a.say("  %-12s %-20s %d", o.Outcome, o.Reason, o.Changes)
	}
	for _, f := range st.Forks {
		a.say("FORK: device %s %s wrote %d branches, %d changes beside the first. All are kept; enrol every copy of it again.", f.Origin, f.Commune, f.Branches, f.Changes)
	}
	if st.EnrolAgain > 0 {
		a.say("%d devices began a new key and wait to be enrolled again; until then their work is held.", st.EnrolAgain)
	}
	l := st.Ledger
	a.say("Ledger: %d changes known of = %d with an outcome + %d missing; exact for %d of %d origins.", l.Head, l.Outcomes, l.Missing, l.Exact, l.Devices)
	if u := st.Upstream; u != nil {
		a.say("Upstream %s: last success %s, %d changes still to be receipted. %s", u.URL, when(u.LastSuccessMS), u.Backlog, u.LastError)
	}
	if i := st.Issuing; i != nil {
		a.say("Taking phones in: %s", issuingText(i))
	}
	if b := st.Backup; b != nil {
		a.say("Backups: %d kept, last proved %s. %s", b.Kept, when(b.LastVerifiedMS), b.LastError)
	}
	if r := st.Requests; r != nil && r.Open > 0 {
		a.say("Requests of citizens: %d open, %d overdue; the next is due %s.", r.Open, r.Overdue, when(r.NextDueMS))
	}
	var rows [][]string
	for _, p := range l.Origins {
		ledger := "exact"
		if !p.Exact() {
			ledger = "BROKEN"
		}
		heard := when(p.HeardMS)
		if p.Role == string(credential.RoleCentre) {
			heard = ""
		}
		rows = append(rows, []string{
			p.Origin.String(), p.Role, p.Unit, p.Label, strconv.FormatUint(p.Head, 10), strconv.FormatUint(p.Outcomes, 10),
			strconv.Itoa(p.Waiting), heard, ledger,
		})
	}
	a.table([]string{"ORIGIN", "ROLE", "UNIT", "DEVICE", "HEAD", "OUTCOMES", "WAITING", "LAST CONTACT", "LEDGER"}, rows)
}

// issuingText says what is left of a point's right to take phones in.
func issuingText(i *httpapi.IssuingStatus) string {
	text := strconv.Itoa(i.Issued) + " so far"
	if i.Allowed > 0 {
		text += ", " + strconv.Itoa(i.Left) + " more"
	}
	if i.ExpiresMS > 0 {
		text += ", until " + when(i.ExpiresMS) + " (" + strconv.Itoa(i.DaysLeft) + " days)"
	}
	return text + "."
}
