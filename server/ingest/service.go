package ingest

import (
	"bytes"
	"context"
	"crypto/rand"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"thonsync/server/store"
	"thonsync/syncproto"
	"thonsync/syncproto/credential"
)

// Service is the ingest of one server. It is safe for concurrent use.
//
// Everything that writes goes through one goroutine, which gathers what is
// waiting into one transaction: one fsync for all of it.
type Service struct {
	cfg     Config
	id      syncproto.OriginID // our own
	centre  syncproto.OriginID // the centre's
	vault   *vault             // nil at a point
	judge   judgeFunc
	defs    atomic.Pointer[Definitions]
	beacon  atomic.Pointer[syncproto.BeaconMark] // newest of the centre; points only
	revoked atomic.Pointer[revokedNow]
	blocked atomic.Pointer[blockedAt] // points only
	held    chan struct{}             // bounds decoded segments in memory
	prepare chan struct{}             // one slot a processor, so that those begun first are ready first

	rulings  *rulings        // touched by the writer only
	cutEpoch syncproto.Epoch // in which all feeds are cut; touched by the writer only
	left     leftovers
	floorMS  atomic.Int64 // of the tallies
	purging  sync.Mutex
	eraser   atomic.Pointer[Eraser]

	mu     sync.RWMutex // guards closed against sends on queue
	closed bool
	queue  chan *job
	done   chan struct{}
}

// job is something to be done inside the write transaction. run may be called
// again after a failure, on a new transaction.
type job struct {
	run  func(*session) error
	err  error
	done chan struct{}
}

func (c *Config) defaults() {
	if c.Authority == nil {
		c.Authority = ByGrant{}
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Random == nil {
		c.Random = rand.Reader
	}
	c.Queue, c.Group = cmpOr(c.Queue, 64), cmpOr(c.Group, 32)
	c.GroupTime, c.RetryAfter = cmpOr(c.GroupTime, 20*time.Millisecond), cmpOr(c.RetryAfter, 5*time.Second)
}

func cmpOr[T int | time.Duration](v, otherwise T) T {
	if v <= 0 {
		return otherwise
	}
	return v
}

// Open loads the definitions from the store, registers this server's own origin
// and starts the writer.
func Open(ctx context.Context, cfg Config) (*Service, error) {
	return open(ctx, cfg, syncproto.Judge, syncproto.Schema)
}

func open(ctx context.Context, cfg Config, judge judgeFunc, schema uint32) (*Service, error) {
	cfg.defaults()
	s := &Service{
		cfg: cfg, judge: judge,
		id: syncproto.OriginOf(cfg.Trust.Public()), centre: cfg.Trust.Centre().ID(),
		held: make(chan struct{}, 4*runtime.GOMAXPROCS(0)), prepare: make(chan struct{}, runtime.GOMAXPROCS(0)),
		queue: make(chan *job, cfg.Queue), done: make(chan struct{}),
	}
	if s.atCentre() {
		if !cfg.Trust.Centre().Key().Equal(cfg.Trust.Public()) {
			return nil, syncproto.Errorf(syncproto.CodeForeignKey, "the centre's key is not the newest of the centre's line: check the keys folder")
		}
		s.id = s.centre
		var err error
		if s.vault, err = newVault(cfg.DataKey, cfg.Random); err != nil {
			return nil, err
		}
	}
	if err := s.reload(ctx); err != nil {
		return nil, err
	}
	if err := s.register(ctx); err != nil {
		return nil, err
	}
	if err := cfg.Store.View(ctx, s.loadPurge); err != nil {
		return nil, err
	}
	if err := s.openTallies(ctx); err != nil {
		return nil, err
	}
	go s.loop()
	if err := s.upgrade(ctx, schema); err != nil {
		return nil, closeAfter(s, err)
	}
	return s, nil
}

func closeAfter(s *Service, err error) error {
	_ = s.Close() // the first error is the one that matters
	return err
}

func (s *Service) atCentre() bool { return s.cfg.Role == credential.RoleCentre }

// reload takes definitions, rulings and the newest beacon over from the store.
func (s *Service) reload(ctx context.Context) error {
	return s.cfg.Store.View(ctx, func(r store.Reader) error {
		defs, err := loadDefinitions(r)
		if err != nil {
			return err
		}
		if old := s.defs.Load(); old != nil {
			defs.version = old.version + 1
		}
		if s.rulings, err = loadRulings(r); err != nil {
			return err
		}
		s.defs.Store(defs)
		s.publishRevoked()
		if err := s.loadBlocked(r); err != nil {
			return err
		}
		return s.loadBeacon(r)
	})
}

// register makes sure that our own origin is known.
func (s *Service) register(ctx context.Context) error {
	chain := s.cfg.Credentials
	if s.atCentre() && len(chain) == 0 {
		key, centre := s.cfg.Trust.Both()
		token, err := credential.Issue(credential.Grant{Key: centre.FirstKey(), Role: credential.RoleCentre, Issued: s.cfg.Now()}, key)
		if err != nil {
			return err
		}
		chain = []string{token}
	}
	return s.cfg.Store.Update(ctx, func(tx store.Tx) error {
		have, ok, err := tx.Origin(s.id)
		if err != nil || ok && (len(s.cfg.Credentials) == 0 || equalStrings(have.Credentials, chain)) {
			return err
		}
		g, err := credential.Verify(chain, s.cfg.Trust.Centre(), s.Definitions().Within)
		if err != nil {
			return err
		}
		if g.Device != s.id {
			return syncproto.Errorf(syncproto.CodeForeignKey, "this server's credential is for another key: enrol it again")
		}
		o := originOf(g, chain, s.Definitions())
		if ok && o.SinceMS < have.SinceMS {
			return nil // the centre has given a later one meanwhile
		}
		o.Listed = true
		return tx.PutOrigin(o)
	})
}

func equalStrings(a, b []string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// Definitions gives the reference data as of the last commit. It is a snapshot
// and never changes.
func (s *Service) Definitions() *Definitions { return s.defs.Load() }

// Do runs f inside the write transaction together with whatever else is
// waiting, and returns once it is durable. f may be called more than once; only
// its last call counts.
func (s *Service) Do(ctx context.Context, f func(store.Tx) error) error {
	return s.submit(ctx, func(ses *session) error { return f(ses.tx) })
}

// submit queues a job and waits for it. A job that is under way when ctx ends
// is finished all the same: its writes may already be part of a group.
func (s *Service) submit(ctx context.Context, run func(*session) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	j := &job{run: run, done: make(chan struct{})}
	s.mu.RLock()
	if s.closed {
		s.mu.RUnlock()
		return errClosing()
	}
	select {
	case s.queue <- j:
		s.mu.RUnlock()
	default:
		s.mu.RUnlock()
		return &Overload{After: s.cfg.RetryAfter}
	}
	<-j.done
	return j.err
}

func errClosing() error {
	return syncproto.Errorf(syncproto.CodeOverload, "server is stopping: retry later")
}

// Close stops taking batches, finishes those under way and stops the writer. It
// does not close the store.
func (s *Service) Close() error {
	s.mu.Lock()
	if !s.closed {
		s.closed = true
		close(s.queue)
	}
	s.mu.Unlock()
	<-s.done
	return nil
}

// loop is the writer.
func (s *Service) loop() {
	defer close(s.done)
	for first := range s.queue {
		group := []*job{first}
		if err := s.commit(&group); err != nil && len(group) > 1 {
			// One of them may be the cause. Its neighbours must not suffer.
			for _, j := range group {
				one := []*job{j}
				j.err = s.commitOnly(&one)
			}
		} else {
			for _, j := range group {
				j.err = err
			}
		}
		for _, j := range group {
			close(j.done)
		}
	}
}

// commit runs the group in one transaction, taking in what else is waiting
// until the group is full or its time is over.
func (s *Service) commit(group *[]*job) error {
	began := s.cfg.Now()
	return s.transact(func(ses *session) error {
		for i := 0; i < len(*group); i++ { //nolint:intrange // the group grows while it is worked on
			if err := runJob((*group)[i], ses); err != nil {
				return err
			}
			if i == len(*group)-1 && len(*group) < s.cfg.Group && s.cfg.Now().Sub(began) < s.cfg.GroupTime {
				select {
				case j, ok := <-s.queue:
					if ok {
						*group = append(*group, j)
					}
				default:
				}
			}
		}
		return nil
	})
}

func (s *Service) commitOnly(group *[]*job) error {
	return s.transact(func(ses *session) error { return runJob((*group)[0], ses) })
}

// transact runs f in a session and makes its definitions and rulings current
// when it has committed.
func (s *Service) transact(f func(*session) error) error {
	ctx := context.Background()
	var ses *session
	err := s.cfg.Store.Update(ctx, func(tx store.Tx) error {
		ses = newSession(s, tx)
		if err := f(ses); err != nil {
			return err
		}
		return ses.finish()
	})
	if err == nil {
		if s.cfg.Committed != nil {
			defer s.cfg.Committed()
		}
		s.defs.Store(ses.defs)
		if ses.ruled {
			s.publishRevoked()
		}
		s.tellRuled(ses.made)
		if ses.blocked != nil {
			s.blocked.Store(ses.blocked)
		}
		s.cutEpoch = ses.cutIn
		s.floorMS.Store(ses.tally.FloorMS)
		if ses.erased {
			// A point cannot tell what sealed bytes held, nor where they have lain.
			s.left.add(ses.traces, !s.atCentre())
		}
		return nil
	}
	if ses != nil && ses.ruled {
		// Rulings are kept in memory; what was rolled back must go there too.
		if e := s.reload(ctx); e != nil {
			return e
		}
	}
	return err
}

// tellRuled tells whoever has to write rulings down elsewhere.
func (s *Service) tellRuled(made []*syncproto.Ruling) {
	if s.cfg.Ruled == nil {
		return
	}
	for _, r := range made {
		s.cfg.Ruled(r)
	}
}

// runJob turns a panic into an error, so that one batch cannot stop the server.
func runJob(j *job, ses *session) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = syncproto.Errorf(syncproto.CodeInternal, "taking in a batch failed: %v", p)
		}
	}()
	return j.run(ses)
}

const metaSchema = "schema"

// upgrade replays what waited for a newer program, after the program became
// newer.
func (s *Service) upgrade(ctx context.Context, schema uint32) error {
	return s.submit(ctx, func(ses *session) error {
		now := []byte{byte(schema >> 24), byte(schema >> 16), byte(schema >> 8), byte(schema)}
		old, ok, err := ses.tx.Meta(metaSchema)
		if err != nil || ok && bytes.Equal(old, now) {
			return err
		}
		if err := ses.tx.SetMeta(metaSchema, now); err != nil {
			return err
		}
		ses.arrived = append(ses.arrived, "schema")
		return ses.replay()
	})
}
