package events_test

import (
	"slices"
	"testing"

	"thonsync/server/console/events"
)

// News wakes once however often it is told, names each part once, and reaches
// neither who came later nor who has left.
func TestNewsBecomesOne(t *testing.T) {
	var hub events.Hub
	hub.Publish("records") // nobody listens
	first, gone := hub.Watch(), hub.Watch()
	gone.Stop()
	gone.Stop()
	hub.Publish("records")
	hub.Publish("conflicts", "records")
	late := hub.Watch()
	select {
	case <-first.Changed():
	default:
		t.Fatal("the watcher was not woken")
	}
	if got := first.Take(); !slices.Equal(got, []string{"conflicts", "records"}) {
		t.Errorf("first heard of %q", got)
	}
	select {
	case <-first.Changed():
		t.Error("woken a second time for the same news")
	default:
	}
	if got := first.Take(); len(got) != 0 {
		t.Errorf("told twice: %q", got)
	}
	if got := append(gone.Take(), late.Take()...); len(got) != 0 {
		t.Errorf("who had left or came later heard of %q", got)
	}
}
