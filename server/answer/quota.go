package answer

import (
	"sync"
	"time"

	"thonsync/syncproto"
	"thonsync/syncproto/credential"
)

// Quota bounds what one device may bring in: Burst octets at once, refilled
// with PerSecond. The zero value bounds nothing. It goes by device and never by
// address, since all phones of a hotspot share one.
type Quota struct {
	Burst, PerSecond int
}

// What is charged beside the octets of a request.
const (
	costExchange = 4 << 10  // opening, identifying, answering
	costChange   = 64       // merging, beside the octets of its rows: equal ones compress to nothing
	costProblem  = 16 << 10 // a segment that was unpacked in vain
)

// atOnce is how many exchanges of one device may be under way: the second is
// the repeat of one whose connection broke.
var atOnce = map[credential.Role]int{credential.RolePhone: 2, credential.RolePoint: 4, issuerShare: 1 << 10}

// issuerShare stands for all devices of one issuer that do not count: revoked,
// beyond its number, or not heard of yet. They may upload, but whoever can make
// any number of keys must not have a quota for each. They share that of a point.
const issuerShare credential.Role = "issuer"

// manyBuckets is when buckets that are full again are thrown away.
const manyBuckets = 4096

// quotas holds what each device has left. It is safe for concurrent use.
type quotas struct {
	of map[credential.Role]Quota

	mu   sync.Mutex
	left map[account]*bucket
}

// account is whose bucket it is: a point has one of its own and one for the
// devices that it issued and that do not count.
type account struct {
	id     syncproto.OriginID
	shared bool
}

type bucket struct {
	quota Quota
	level float64
	at    time.Time
	busy  int
}

// flood tells a device to come back later; nothing of its request was taken.
type flood struct{ pause time.Duration }

// Error says what to do.
func (f *flood) Error() string { return f.Unwrap().Error() }

// Unwrap gives the protocol error.
func (f *flood) Unwrap() error {
	return syncproto.Errorf(syncproto.CodeOverload, "this device has sent more than its share: nothing is lost, it will be taken later")
}

// RetryAfter is when there will be room again.
func (f *flood) RetryAfter() time.Duration { return f.pause }

// admit books a request of an asker, and with its issuer if it does not count.
func (q *quotas) admit(a *asker, size int, now time.Time) (leave func(extra int), err error) {
	own, err := q.enter(a.Device, a.Role, size, now)
	if err != nil || a.counted {
		return own, err
	}
	shared, err := q.enter(a.Issuer, issuerShare, size, now)
	if err != nil {
		own(0)
		return nil, err
	}
	return func(extra int) { own(extra); shared(extra) }, nil
}

// enter books a request of size octets; leave must be called once after it
// succeeded, with what the request turned out to cost beside them.
func (q *quotas) enter(id syncproto.OriginID, role credential.Role, size int, now time.Time) (leave func(extra int), err error) {
	quota := q.of[role]
	if role == issuerShare {
		quota = q.of[credential.RolePoint]
	}
	if quota == (Quota{}) {
		return func(int) {}, nil
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	b := q.bucket(account{id, role == issuerShare}, quota, now)
	if b.busy >= max(1, atOnce[role]) {
		return nil, &flood{pause: time.Second}
	}
	// A request is let in as long as anything is left, so that one that is
	// larger than the rest of the burst is not stranded.
	if b.level <= 0 {
		return nil, &flood{pause: time.Duration((1 - b.level) / float64(quota.PerSecond) * float64(time.Second))}
	}
	b.level -= float64(size + costExchange)
	b.busy++
	return func(extra int) {
		q.mu.Lock()
		defer q.mu.Unlock()
		b.busy--
		b.level -= float64(extra)
	}, nil
}

// bucket finds a device's bucket and fills it up to now; q.mu is held.
func (q *quotas) bucket(id account, quota Quota, now time.Time) *bucket {
	if q.left == nil {
		q.left = make(map[account]*bucket)
	}
	b, ok := q.left[id]
	if !ok {
		if len(q.left) >= manyBuckets {
			q.tidy(now)
		}
		b = &bucket{quota: quota, level: float64(quota.Burst), at: now}
		q.left[id] = b
	}
	b.fill(now)
	return b
}

func (b *bucket) fill(now time.Time) {
	passed := max(0, now.Sub(b.at)).Seconds()
	b.level = min(float64(b.quota.Burst), b.level+passed*float64(b.quota.PerSecond))
	b.at = now
}

// tidy forgets devices that have their whole burst again; q.mu is held.
func (q *quotas) tidy(now time.Time) {
	for id, b := range q.left {
		if b.fill(now); b.busy == 0 && b.level >= float64(b.quota.Burst) {
			delete(q.left, id)
		}
	}
}
