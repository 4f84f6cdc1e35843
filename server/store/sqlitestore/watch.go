package sqlitestore

import (
	"strings"

	"github.com/google/uuid"

	"thonsync/server/store"
)

// Findings lists findings.
func (t *tx) Findings() ([]store.Finding, error) {
	return list(t, "reading findings", "SELECT key, kind, since_ms, dismissed_ms, actor, reason FROM findings ORDER BY key",
		func(scan func(...any) error) (f store.Finding, err error) {
			err = scan(&f.Key, &f.Kind, &f.SinceMS, &f.DismissedMS, &f.Actor, &f.Reason)
			return f, err
		})
}

// PutFinding adds or replaces a finding.
func (t *tx) PutFinding(f store.Finding) error {
	_, err := t.exec("writing a finding", "REPLACE INTO findings (key, kind, since_ms, dismissed_ms, actor, reason) VALUES (?,?,?,?,?,?)",
		f.Key, f.Kind, f.SinceMS, f.DismissedMS, f.Actor, f.Reason)
	return err
}

// DeleteFinding forgets a finding.
func (t *tx) DeleteFinding(key string) error {
	_, err := t.exec("deleting a finding", "DELETE FROM findings WHERE key=?", key)
	return err
}

// Questions lists questions.
func (t *tx) Questions(team uuid.UUID) ([]store.Question, error) {
	where, args := "", []any(nil)
	if team != uuid.Nil {
		where, args = "WHERE team=?", []any{team[:]}
	}
	return list(t, "reading questions", "SELECT key, kind, team, unit, found_ms, state, actor, answered_ms, reason, detail FROM questions "+where+" ORDER BY key",
		func(scan func(...any) error) (q store.Question, err error) {
			var id []byte
			err = scan(&q.Key, &q.Kind, &id, &q.Unit, &q.FoundMS, &q.State, &q.Actor, &q.AnsweredMS, &q.Reason, &q.Detail)
			q.Team = toUUID(id)
			return q, err
		}, args...)
}

// PutQuestion adds or replaces a question.
func (t *tx) PutQuestion(q store.Question) error {
	_, err := t.exec("writing a question", "REPLACE INTO questions (key, kind, team, unit, found_ms, state, actor, answered_ms, reason, detail) VALUES (?,?,?,?,?,?,?,?,?,?)",
		q.Key, q.Kind, q.Team[:], q.Unit, q.FoundMS, q.State, q.Actor, q.AnsweredMS, q.Reason, q.Detail)
	return err
}

// DeleteQuestion forgets a question.
func (t *tx) DeleteQuestion(key string) error {
	_, err := t.exec("deleting a question", "DELETE FROM questions WHERE key=?", key)
	return err
}

// noteRewritten moves a record to the end of the order of those that were
// written again.
func (t *tx) noteRewritten(id uuid.UUID) error {
	_, err := t.exec("noting a rewritten record", "REPLACE INTO rewritten (record) VALUES (?)", id[:])
	return err
}

// Latest gives the end of both orders. Records are never deleted and are
// rewritten where they stand, so their row numbers run from 1 without a gap and
// stay what they are when the file is rewritten.
func (t *tx) Latest() (p store.Place, err error) {
	_, err = t.one("reading the end of what other systems follow",
		"SELECT coalesce((SELECT max(rowid) FROM records), 0), coalesce((SELECT seq FROM sqlite_sequence WHERE name='rewritten'), 0)",
		nil, &p.Came, &p.Rewrote)
	return p, err
}

// Placed lists records after a place.
func (t *tx) Placed(after store.Place, n int) ([]store.Placed, error) {
	out, err := t.placed("SELECT rowid, "+recordAll+" FROM records WHERE rowid>? ORDER BY rowid LIMIT ?", after.Came, n)
	for i := range out {
		out[i].Place = store.Place{Came: out[i].Came, Rewrote: after.Rewrote}
	}
	if err != nil || len(out) >= n {
		return out, err
	}
	if len(out) > 0 {
		after.Came = out[len(out)-1].Came
	}
	again, err := t.placed("SELECT position, "+recordAll+" FROM rewritten JOIN records ON records.id=rewritten.record WHERE position>? ORDER BY position LIMIT ?",
		after.Rewrote, n-len(out))
	for i := range again {
		again[i].Place = store.Place{Came: after.Came, Rewrote: again[i].Came}
	}
	return append(out, again...), err
}

// placed reads records with the number before them, which it leaves in Came.
func (t *tx) placed(q string, after uint64, n int) ([]store.Placed, error) {
	row := scanRecord(true)
	return list(t, "reading what other systems follow", q, func(scan func(...any) error) (p store.Placed, err error) {
		var place int64
		p.Record, err = row(func(dst ...any) error { return scan(append([]any{&place}, dst...)...) })
		p.Came = uint64(place)
		return p, err
	}, int64(after), n)
}

// Histories lists the epochs.
func (t *tx) Histories() ([]store.History, error) {
	return list(t, "reading histories", "SELECT epoch, came, rewrote FROM histories ORDER BY number",
		func(scan func(...any) error) (h store.History, err error) {
			var epoch []byte
			err = scan(&epoch, &h.Came, &h.Rewrote)
			h.Epoch = toUUID(epoch)
			return h, err
		})
}

// BeginHistory notes where an epoch began.
func (t *tx) BeginHistory(epoch uuid.UUID, at store.Place) error {
	_, err := t.exec("noting a history", "INSERT OR IGNORE INTO histories (epoch, came, rewrote) VALUES (?,?,?)", epoch[:], int64(at.Came), int64(at.Rewrote))
	return err
}

// Webhooks lists who is told.
func (t *tx) Webhooks() ([]store.Webhook, error) {
	return list(t, "reading webhooks", "SELECT id, name, url, secret, events, made_ms, paused FROM webhooks ORDER BY name, id",
		func(scan func(...any) error) (w store.Webhook, err error) {
			var id []byte
			var events string
			err = scan(&id, &w.Name, &w.URL, &w.Secret, &events, &w.MadeMS, &w.Paused)
			w.ID, w.Events = toUUID(id), lines(events)
			return w, err
		})
}

// PutWebhook adds or replaces one.
func (t *tx) PutWebhook(w store.Webhook) error {
	_, err := t.exec("writing a webhook", `INSERT INTO webhooks (id, name, url, secret, events, made_ms, paused) VALUES (?,?,?,?,?,?,?)
ON CONFLICT (id) DO UPDATE SET name=excluded.name, url=excluded.url, secret=excluded.secret, events=excluded.events, paused=excluded.paused`,
		w.ID[:], w.Name, w.URL, w.Secret, strings.Join(w.Events, "\n"), w.MadeMS, w.Paused)
	return err
}

// DeleteWebhook forgets one.
func (t *tx) DeleteWebhook(id uuid.UUID) error {
	for _, q := range [...]string{"DELETE FROM deliveries WHERE webhook=?", "DELETE FROM webhooks WHERE id=?"} {
		if _, err := t.exec("deleting a webhook", q, id[:]); err != nil {
			return err
		}
	}
	return nil
}

// Deliveries lists deliveries.
func (t *tx) Deliveries(q store.DeliveryQuery) ([]store.Delivery, error) {
	where, order, args := "1", "made_ms DESC, id", []any(nil)
	if q.Webhook != uuid.Nil {
		where, args = where+" AND webhook=?", append(args, q.Webhook[:])
	}
	switch q.State {
	case "":
	case "waiting": // as the partial index names it
		where, order = where+" AND state='waiting'", "next_ms, id"
	default:
		where, args = where+" AND state=?", append(args, q.State)
	}
	if q.DueMS > 0 {
		where, args = where+" AND next_ms<=?", append(args, q.DueMS)
	}
	return list(t, "reading deliveries", "SELECT id, webhook, event, state, made_ms, next_ms, attempts, answer, body FROM deliveries WHERE "+where+" ORDER BY "+order+" LIMIT ?",
		func(scan func(...any) error) (d store.Delivery, err error) {
			var id, hook []byte
			err = scan(&id, &hook, &d.Event, &d.State, &d.MadeMS, &d.NextMS, &d.Attempts, &d.Answer, &d.Body)
			d.ID, d.Webhook = toUUID(id), toUUID(hook)
			return d, err
		}, append(args, limit(q.Limit))...)
}

// PutDelivery adds or replaces one.
func (t *tx) PutDelivery(d store.Delivery) error {
	_, err := t.exec("writing a delivery", "REPLACE INTO deliveries (id, webhook, event, state, made_ms, next_ms, attempts, answer, body) VALUES (?,?,?,?,?,?,?,?,?)",
		d.ID[:], d.Webhook[:], d.Event, d.State, d.MadeMS, d.NextMS, d.Attempts, d.Answer, d.Body)
	return err
}

// DropDeliveries forgets what was told long ago.
func (t *tx) DropDeliveries(beforeMS int64) error {
	_, err := t.exec("dropping deliveries", "DELETE FROM deliveries WHERE state='done' AND made_ms<?", beforeMS)
	return err
}
