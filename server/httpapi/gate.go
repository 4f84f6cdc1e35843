package httpapi

import (
	"context"
	"sync"

	"thonsync/syncproto"
)

// gate lets a bounded number of exchanges in and a bounded number wait, so that
// concurrency times message size stays below the memory there is. Whoever comes
// beyond that is told early to come back.
type gate struct {
	slots  chan struct{}
	queue  chan struct{}
	closed chan struct{}
	once   sync.Once
}

func newGate(slots, queue int) *gate {
	return &gate{slots: make(chan struct{}, max(1, slots)), queue: make(chan struct{}, max(1, slots)+queue), closed: make(chan struct{})}
}

var errBusy = syncproto.Errorf(syncproto.CodeOverload, "the server is busy: come back after the time in Retry-After")

// enter waits for a slot; leave must be called once after it succeeded.
func (g *gate) enter(ctx context.Context) (leave func(), err error) {
	select {
	case g.queue <- struct{}{}:
	default:
		return nil, errBusy
	}
	select {
	case <-g.closed:
		<-g.queue
		return nil, errBusy
	default:
	}
	select {
	case g.slots <- struct{}{}:
		return func() { <-g.slots; <-g.queue }, nil
	case <-ctx.Done():
	case <-g.closed:
	}
	<-g.queue
	return nil, errBusy
}

// close turns away all who wait and all who come.
func (g *gate) close() { g.once.Do(func() { close(g.closed) }) }

// working and waiting are for metrics.
func (g *gate) working() int { return len(g.slots) }
func (g *gate) waiting() int { return max(0, len(g.queue)-len(g.slots)) }
