package httpapi

import (
	"context"
	"net/http"
	"slices"
	"testing"

	"github.com/google/uuid"

	"thonsync/server/reconcile/conflicts"
	"thonsync/syncproto"
)

// contested is a queue whose one record lies in unit list:1; it keeps who looked.
type contested struct{ seen *conflicts.Viewer }

func (c contested) sees(v conflicts.Viewer) error {
	if c.seen != nil {
		*c.seen = v
	}
	if v.Units != nil && !slices.Contains(v.Units, "list:1") {
		return syncproto.Errorf(syncproto.CodeScope, "there is no such thing here")
	}
	return nil
}

func (c contested) List(_ context.Context, v conflicts.Viewer, _ conflicts.Query) (conflicts.QueuePage, error) {
	return conflicts.QueuePage{Conflicts: []conflicts.Conflict{}}, c.sees(v)
}

func (c contested) Summary(_ context.Context, v conflicts.Viewer, _ conflicts.Query) (conflicts.QueueSummary, error) {
	return conflicts.QueueSummary{Groups: []conflicts.ShapeCount{}}, c.sees(v)
}

func (c contested) Show(_ context.Context, v conflicts.Viewer, _ uuid.UUID) (conflicts.ContestedRecord, error) {
	return conflicts.ContestedRecord{}, c.sees(v)
}

func (c contested) Settled(_ context.Context, v conflicts.Viewer, _ uuid.UUID, _ int) ([]conflicts.Settling, error) {
	return []conflicts.Settling{}, c.sees(v)
}

func (c contested) Preview(_ context.Context, v conflicts.Viewer, _ string) (conflicts.QueuePage, error) {
	return conflicts.QueuePage{}, c.sees(v)
}

func (c contested) Settle(_ context.Context, v conflicts.Viewer, _ conflicts.SettleChoice) (conflicts.SettleResult, error) {
	return conflicts.SettleResult{}, c.sees(v)
}

func (c contested) SettleAlike(_ context.Context, v conflicts.Viewer, _ conflicts.AlikeChoice) (conflicts.SettleResult, error) {
	return conflicts.SettleResult{}, c.sees(v)
}

func (c contested) Undo(_ context.Context, v conflicts.Viewer, _ uuid.UUID) (conflicts.SettleResult, error) {
	return conflicts.SettleResult{}, c.sees(v)
}

func (c contested) Ask(_ context.Context, v conflicts.Viewer, _ conflicts.TeamQuestion) (conflicts.AskedBack, error) {
	return conflicts.AskedBack{}, c.sees(v)
}

// Only the province's operator sees personal values; an officer sees his units,
// and what is not his answers like what is not there.
func TestConflictsShowWhatIsTheirs(t *testing.T) {
	id := uuid.UUID{1}.String()
	for _, tt := range []struct {
		session  string
		status   int
		personal bool
	}{{"province", http.StatusOK, true}, {"officer.list:1", http.StatusOK, false}, {"officer.b:2", http.StatusNotFound, false}, {"auditor", http.StatusNotFound, false}} {
		var seen conflicts.Viewer
		s := New(Options{Access: &stand{}, Conflicts: contested{&seen}, Limits: Limits{Body: 4096, Concurrency: 1, Queue: 1}})
		for _, path := range []string{"", "/summary", "/records/" + id, "/shapes/aa", "/settled"} {
			seen = conflicts.Viewer{}
			got := ask(t, s, http.MethodGet, conflictsPath+path, "Cookie", SessionCookie+"="+tt.session).StatusCode
			if got != tt.status || seen.Personal != tt.personal {
				t.Errorf("%s %s: status %d, personal %v; want %d, %v", tt.session, path, got, seen.Personal, tt.status, tt.personal)
			}
			if tt.session == "officer.list:1" && !slices.Equal(seen.Units, []string{"list:1"}) {
				t.Errorf("%s %s reaches %q", tt.session, path, seen.Units)
			}
		}
	}
}
