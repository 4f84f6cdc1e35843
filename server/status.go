package server

import (
	"context"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"thonsync/server/httpapi"
	"thonsync/server/keys"
	"thonsync/server/store"
	"thonsync/syncproto"
	"thonsync/syncproto/credential"
)

// Ready reports what keeps this server from taking exchanges.
func (n *Node) Ready(ctx context.Context) error {
	if _, _, err := n.sealKey(); err != nil {
		return err
	}
	return n.store.View(ctx, func(r store.Reader) error {
		_, err := r.LastRuling()
		return err
	})
}

// statusCache keeps the counts for a moment: they read whole tables, and
// console and metrics ask often.
type statusCache struct {
	mu sync.Mutex
	at time.Time
	st httpapi.Status
}

const statusFor = 5 * time.Second

// Status gives the present state of the server; counts may be some seconds old.
func (n *Node) Status(ctx context.Context) (httpapi.Status, error) {
	n.statuses.mu.Lock()
	defer n.statuses.mu.Unlock()
	now := n.opts.Now()
	if age := now.Sub(n.statuses.at); n.statuses.at.IsZero() || age < 0 || age >= statusFor {
		st := httpapi.Status{
			Role: string(n.role), Origin: n.self().String(), Centre: keys.Fingerprint(n.trust.Centre().Key()), StartedMS: n.began.UnixMilli(),
		}
		if err := n.store.View(ctx, func(r store.Reader) error { return countInto(r, &st) }); err != nil {
			return st, err
		}
		n.statuses.st, n.statuses.at = st, now
	}
	st := n.statuses.st
	st.NowMS = now.UnixMilli()
	return st, n.addServices(ctx, &st)
}

func (n *Node) addServices(ctx context.Context, st *httpapi.Status) error {
	seal, centre, err := n.sealKey()
	if err == nil {
		x, err := n.exchangeKey(centre, seal.Key)
		if err != nil {
			return err
		}
		st.ExchangeKey = x.Serial
	}
	if n.role == credential.RolePoint {
		d, err := n.delegation(ctx)
		if err != nil {
			return err
		}
		st.Issuing = d.status(n.earliestNow())
	}
	if n.relay != nil {
		u, err := n.relay.Status(ctx)
		if err != nil {
			return err
		}
		st.Upstream = &httpapi.UpstreamStatus{
			URL: n.upstream(), LastSuccessMS: u.LastSuccessMS, LastAnswerMS: u.LastAnswerMS, Backlog: u.Backlog, Failures: u.Failures,
			LastError: u.LastError, LastErrorCode: u.LastErrorCode, NextMS: u.NextMS, ClockOffsetMS: u.ClockOffsetMS,
		}
	}
	if err := n.addRequests(st); err != nil {
		return err
	}
	if n.backup != nil {
		b, err := n.backup.Status()
		if err != nil {
			return err
		}
		st.Backup = &httpapi.BackupStatus{Kept: b.Kept}
		if !b.Verified.IsZero() {
			st.Backup.LastVerifiedMS = b.Verified.UnixMilli()
		}
		if b.Err != nil {
			st.Backup.LastError = "the last backup failed: run `thonsync backup` and read what it says"
		}
	}
	return nil
}

// status tells what is left of a point's right to take phones in.
func (d *delegation) status(now time.Time) *httpapi.IssuingStatus {
	st := &httpapi.IssuingStatus{Issued: d.issued, Allowed: d.Number}
	if left, bounded := d.left(); bounded {
		st.Left = left
	}
	if !d.Expiry.IsZero() {
		st.ExpiresMS = d.Expiry.UnixMilli()
		st.DaysLeft = max(0, int(d.Expiry.Sub(now)/(24*time.Hour)))
	}
	return st
}

func (n *Node) addRequests(st *httpapi.Status) error {
	if n.requests == nil {
		return nil
	}
	open, overdue, next, err := n.requestCounts()
	if err != nil {
		return err
	}
	st.Requests = &httpapi.RequestStatus{Open: open, Overdue: overdue}
	if !next.IsZero() {
		st.Requests.NextDueMS = next.UnixMilli()
	}
	return nil
}

func countInto(r store.Reader, st *httpapi.Status) error {
	origins, err := r.Origins(store.OriginQuery{})
	if err != nil {
		return err
	}
	st.Origins = len(origins)
	for i := range origins {
		if credential.IsHandover(origins[i].Credentials) {
			st.EnrolAgain++
		}
		switch origins[i].Role {
		case credential.RolePhone:
			st.Phones++
		case credential.RolePoint:
			st.Points++
		}
	}
	forks, err := countRuns(r, st)
	if err != nil {
		return err
	}
	st.Forks = forks.named(origins)
	counts, err := r.OutcomeCounts(nil)
	if err != nil {
		return err
	}
	type key struct {
		o syncproto.Outcome
		r syncproto.Reason
	}
	index := make(map[key]int)
	for _, c := range counts {
		k := key{c.Outcome, c.Reason}
		i, ok := index[k]
		if !ok {
			i = len(st.Outcomes)
			index[k] = i
			st.Outcomes = append(st.Outcomes, httpapi.OutcomeStatus{Outcome: c.Outcome.String(), Reason: string(c.Reason)})
		}
		st.Outcomes[i].Changes += c.Changes
	}
	counters, err := r.Counters()
	for name, v := range counters {
		st.Counters = append(st.Counters, httpapi.CounterStatus{Name: name, Value: v})
	}
	return err
}

// countRuns counts the changes held, and those below a held one that are not.
func countRuns(r store.Reader, st *httpapi.Status) (*forkCount, error) {
	forks := &forkCount{}
	var origin syncproto.OriginID
	var branch uint32
	var end uint64
	first := true
	err := r.EachRun(func(run store.Run) error {
		forks.add(&run)
		if first || run.Origin != origin || run.Branch != branch {
			first, origin, branch, end = false, run.Origin, run.Branch, run.After
		}
		st.Changes += run.Last.Seq - run.First + 1
		if run.First > end+1 {
			st.Missing += run.First - 1 - end
		}
		end = run.Last.Seq
		return nil
	})
	return forks, err
}

// gauges gives the numbers that alarms are made of.
func (n *Node) gauges() prometheus.Collector { return &nodeGauges{n} }

type nodeGauges struct{ n *Node }

var (
	descChanges = prometheus.NewDesc("thonsync_changes", "Changes held.", nil, nil)
	descMissing = prometheus.NewDesc("thonsync_changes_missing", "Changes known to exist that have not arrived.", nil, nil)
	descOutcome = prometheus.NewDesc("thonsync_outcomes", "Changes by outcome and reason.", []string{"outcome", "reason"}, nil)
	descOrigins = prometheus.NewDesc("thonsync_origins", "Origins by role.", []string{"role"}, nil)
	descBacklog = prometheus.NewDesc("thonsync_upstream_backlog_changes", "Changes that upstream has not receipted.", nil, nil)
	descUpOK    = prometheus.NewDesc("thonsync_upstream_success_timestamp_seconds", "Last exchange that left nothing behind.", nil, nil)
	descOverdue = prometheus.NewDesc("thonsync_requests_overdue", "Requests of citizens past a date that the law sets.", nil, nil)
	descBackup  = prometheus.NewDesc("thonsync_backup_verified_timestamp_seconds", "Newest backup that was restored in a drill.", nil, nil)
)

// Describe lists the numbers.
func (g *nodeGauges) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{descChanges, descMissing, descOutcome, descOrigins, descBacklog, descUpOK, descOverdue, descBackup} {
		ch <- d
	}
}

// Collect reads them from the status.
func (g *nodeGauges) Collect(ch chan<- prometheus.Metric) {
	st, err := g.n.Status(context.Background())
	if err != nil {
		g.n.log.Error("status for metrics failed", "error", err)
		return
	}
	put := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	put(descChanges, float64(st.Changes))
	put(descMissing, float64(st.Missing))
	put(descOrigins, float64(st.Phones), "phone")
	put(descOrigins, float64(st.Points), "point")
	for _, o := range st.Outcomes {
		put(descOutcome, float64(o.Changes), o.Outcome, o.Reason)
	}
	if st.Upstream != nil {
		put(descBacklog, float64(st.Upstream.Backlog))
		put(descUpOK, float64(st.Upstream.LastSuccessMS)/1000)
	}
	if st.Requests != nil {
		put(descOverdue, float64(st.Requests.Overdue))
	}
	if st.Backup != nil {
		put(descBackup, float64(st.Backup.LastVerifiedMS)/1000)
	}
}
