// Package events tells pages that are open which part of what they show has
// changed. It carries names of parts only, never data: whoever is told asks the
// API again, which decides what he may see.
package events

import (
	"slices"
	"sync"
)

// Hub passes news on. The zero value is ready. It is safe for concurrent use.
type Hub struct {
	mu       sync.Mutex
	watchers map[*Watcher]struct{}
}

// Publish tells every watcher that parts have changed. It never waits: news that
// nobody has taken yet become one.
func (h *Hub) Publish(parts ...string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for w := range h.watchers {
		for _, p := range parts {
			if !slices.Contains(w.parts, p) {
				w.parts = append(w.parts, p)
			}
		}
		select {
		case w.wake <- struct{}{}:
		default:
		}
	}
}

// Watch gives a watcher, which hears of everything from now on.
func (h *Hub) Watch() *Watcher {
	w := &Watcher{hub: h, wake: make(chan struct{}, 1)}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.watchers == nil {
		h.watchers = map[*Watcher]struct{}{}
	}
	h.watchers[w] = struct{}{}
	return w
}

// Watcher is somebody who is told. Stop it when done.
type Watcher struct {
	hub   *Hub
	wake  chan struct{}
	parts []string // guarded by hub.mu
}

// Changed gives a channel that holds a value when there is news.
func (w *Watcher) Changed() <-chan struct{} { return w.wake }

// Take gives the parts that have changed since it was last called, sorted.
func (w *Watcher) Take() []string {
	w.hub.mu.Lock()
	defer w.hub.mu.Unlock()
	out := w.parts
	w.parts = nil
	slices.Sort(out)
	return out
}

// Stop ends watching. It may be called twice.
func (w *Watcher) Stop() {
	w.hub.mu.Lock()
	defer w.hub.mu.Unlock()
	delete(w.hub.watchers, w)
}
