// Package server wires the parts of a point or centre together: keys, store,
// ingest, own log, answers, relay, backups, HTTP. It decides nothing itself.
package server

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"thonsync/clientlib"
	"thonsync/server/accounts"
	"thonsync/server/answer"
	"thonsync/server/audit"
	"thonsync/server/backup"
	"thonsync/server/config"
	"thonsync/server/console/events"
	"thonsync/server/httpapi"
	"thonsync/server/ingest"
	"thonsync/server/keys"
	"thonsync/server/outward"
	"thonsync/server/ownlog"
	"thonsync/server/reconcile/conflicts"
	"thonsync/server/reconcile/health"
	"thonsync/server/reconcile/links"
	"thonsync/server/reconcile/registers"
	"thonsync/server/reconcile/reorganise"
	"thonsync/server/relay"
	"thonsync/server/requests"
	"thonsync/server/store"
	"thonsync/server/store/sqlitestore"
	"thonsync/syncproto"
	"thonsync/syncproto/credential"
)

// Options are what Open needs besides the settings. All have defaults, except
// that a point needs a Transport.
type Options struct {
	Version   string
	Commit    string
	Log       *slog.Logger
	Transport clientlib.Transport
	Now       func() time.Time
	After     func(time.Duration) <-chan time.Time
	Random    io.Reader // cryptographic
	// Digits is told the six digits while a new point joins.
	Digits func(string)
	// Ready is told the public address once Serve answers there and commands
	// find the server.
	Ready func(address string)
	// StorePages bounds the store to that many pages of 8 KB, 0 for no bound: what
	// a full disk does can so be tried.
	StorePages int
	// Reports and Mounts make what HTTP serves besides the protocol.
	Reports func(*Node) httpapi.Reporter
	Mounts  func(*Node) []httpapi.Mount
}

// File names in the data folder.
const (
	storeName  = "store.db"
	ownLogName = "own.db"
	keysName   = "keys"
	adminName  = "admin.json"
	ordersName = "orders.jsonl"
	accountsDB = "accounts.db"
	accessName = "access.jsonl"
	headsName  = "access-heads.jsonl"
)

// Node is an open point or centre. It is safe for concurrent use.
type Node struct {
	cfg   config.Config
	opts  Options
	log   *slog.Logger
	began time.Time // with a monotonic reading
	role  credential.Role
	keys  *keys.Folder
	trust *keys.Trust
	grant credential.Grant // points only

	member   keys.Membership // points only
	memberMu sync.Mutex

	audit  *audit.Log
	accts  *accounts.Service
	store  *sqlitestore.Store
	ingest *ingest.Service
	own    *ownlog.Log
	answer *answer.Service
	codes  *answer.Codes
	relay  *relay.Relay // points only
	backup *backup.Service
	orders *backup.Orders
	// requests is the queue of citizens' requests; nil at a point.
	requests  *requests.Log
	registers *registers.Service          // centre only
	besides   sync.WaitGroup              // work that outlives its request
	beside    func(func(context.Context)) // has something done that outlives its request
	endBeside context.CancelFunc
	// reorganise carries reorganisations of the units out; nil at a point.
	reorganise *reorganise.Service
	links      *links.Service // centre only
	health     *health.Service
	hooks      *outward.Hooks
	teams      teamWatch
	conflicts  *conflicts.Service
	epoch      atomic.Pointer[syncproto.Epoch]
	// opened is how far the store's orders went before anything was written here.
	opened store.Place

	ordersSeen atomic.Uint64 // number of the last ruling that was looked at
	ordering   sync.Mutex    // held while orders are carried out

	issuing sync.Mutex // one device is made at a time

	serving atomic.Value // string: the public address, once served

	stale    sync.Mutex // guards restored
	restored string     // why this server may not write its own log; "" for none
	statuses statusCache
	events   events.Hub // tells open pages what has changed
}

func (o *Options) withDefaults() {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.After == nil {
		o.After = time.After
	}
	if o.Random == nil {
		o.Random = rand.Reader
	}
	if o.Version == "" {
		o.Version = "dev"
	}
}

// Open opens the data folder and makes it at first use. It fails with CodeInUse
// if another process holds it. Close it when done.
func Open(ctx context.Context, cfg config.Config, opts Options) (*Node, error) {
	opts.withDefaults()
	if err := cfg.Check(); err != nil {
		return nil, syncproto.Errorf(syncproto.CodeInvalidInput, "setting %s", err)
	}
	n := &Node{cfg: cfg, opts: opts, log: opts.Log, began: time.Now()}
	for _, step := range []func(context.Context) error{
		n.openKeys, n.openAudit, n.openStore, n.openAccounts, n.openIngest, n.openOwnLog, n.openServices,
	} {
		if err := step(ctx); err != nil {
			return nil, errors.Join(err, n.Close())
		}
	}
	return n, nil
}

// openKeys finds out who this server is.
func (n *Node) openKeys(context.Context) (err error) {
	if err := os.MkdirAll(n.cfg.Data, 0o700); err != nil {
		return fmt.Errorf("making the data folder: %w", err)
	}
	if n.keys, err = OpenKeys(n.cfg, n.opts); err != nil {
		return err
	}
	member, joined, err := n.keys.Membership()
	if err != nil {
		return err
	}
	switch {
	case joined:
		return n.openPoint(member)
	case n.cfg.Upstream != "":
		return syncproto.Errorf(syncproto.CodeCredential, "this point has not joined its centre yet: run `thonsync code new --role point` there, then `thonsync serve --join CODE` here")
	}
	n.role = credential.RoleCentre
	centre, err := n.keys.Line(n.opts.Now())
	if err != nil {
		return err
	}
	key, err := n.keys.Identity()
	n.trust = keys.NewTrust(key, centre)
	return err
}

func (n *Node) openPoint(member keys.Membership) error {
	centre, err := syncproto.DecodeCentre(member.Centre)
	if err != nil {
		return err
	}
	key, err := n.keys.Identity()
	if err != nil {
		return err
	}
	n.role, n.member, n.trust = credential.RolePoint, member, keys.NewTrust(key, centre)
	n.grant, err = credential.Verify(member.Credentials, centre, func(string, []string) bool { return false })
	return err
}

// currentEpoch names this history of the receipts log and of all feeds.
func (n *Node) currentEpoch() syncproto.Epoch { return *n.epoch.Load() }

func (n *Node) path(name string) string { return filepath.Join(n.cfg.Data, name) }

func (n *Node) openStore(ctx context.Context) (err error) {
	if n.store, err = sqlitestore.Open(ctx, n.path(storeName), sqlitestore.Options{MaxPages: n.opts.StorePages}); err != nil {
		return err
	}
	return n.store.Update(ctx, func(tx store.Tx) error {
		b, ok, err := tx.Meta(ingest.MetaEpoch)
		if err != nil {
			return err
		}
		if n.opened, err = tx.Latest(); err != nil {
			return err
		}
		if ok {
			epoch, err := uuid.FromBytes(b)
			if err != nil {
				return err
			}
			n.epoch.Store(&epoch)
			return tx.BeginHistory(epoch, n.opened)
		}
		epoch, err := syncproto.NewEpoch(n.opts.Now().UnixMilli(), uuid.Nil, n.opts.Random)
		if err != nil {
			return err
		}
		n.epoch.Store(&epoch)
		if err := tx.BeginHistory(epoch, n.opened); err != nil {
			return err
		}
		return tx.SetMeta(ingest.MetaEpoch, epoch[:])
	})
}

func (n *Node) openIngest(ctx context.Context) (err error) {
	c := ingest.Config{
		Store: n.store, Role: n.role, Trust: n.trust, Credentials: n.member.Credentials,
		Committed: func() { n.events.Publish(eventRecords) },
		Ruled:     n.ruled, Now: n.opts.Now, Random: n.opts.Random, Queue: max(64, n.cfg.Queue),
	}
	if n.role == credential.RoleCentre {
		if _, _, err := n.keys.Seal(n.opts.Now()); err != nil {
			return err
		}
		c.Keys = n.keys.SealRing
		if c.DataKey, err = n.keys.PersonalKey(); err != nil {
			return err
		}
		if c.BeaconSecret, err = n.keys.BeaconSecret(); err != nil {
			return err
		}
	}
	n.ingest, err = ingest.Open(ctx, c)
	return err
}

func (n *Node) openOwnLog(ctx context.Context) error {
	key, err := n.keys.LogKey()
	if err != nil {
		return err
	}
	box, err := keys.NewBox(key, n.opts.Random)
	if err != nil {
		return err
	}
	var identity ed25519.PrivateKey
	if n.role == credential.RolePoint {
		identity = n.trust.Key()
	}
	n.own, err = ownlog.Open(ctx, ownlog.Config{
		Path: n.path(ownLogName), Cipher: box, Key: identity, Chain: n.ownChain, Seal: n.sealTo,
		Submit: n.ingest.Submit, Beacon: n.ingest.Beacon, Now: n.opts.Now, Random: n.opts.Random,
	})
	return err
}

// openServices makes what answers and carries.
func (n *Node) openServices(ctx context.Context) (err error) {
	n.codes = answer.NewCodes(func() time.Duration { return n.opts.Now().Sub(n.began) }, n.opts.Random)
	n.answer = answer.New(answer.Config{
		Store: n.store, Ingest: n.ingest, Role: n.role, Trust: n.trust,
		Credentials: n.member.Credentials, Units: n.grant.Units,
		Exchange: n.exchangeKey, Seal: n.sealKey, Epoch: n.currentEpoch, Codes: n.codes, Welcome: n.welcome,
		Quotas: n.quotas(), Foreign: n.audit, Log: n.log, Now: n.opts.Now, Random: n.opts.Random,
	})
	if n.role == credential.RolePoint {
		n.relay = relay.New(relay.Config{
			Store: n.store, Ingest: n.ingest, Own: n.own, Transport: n.opts.Transport, Upstream: n.upstream(),
			Trust: n.trust, Credentials: n.member.Credentials, Units: n.grant.Units,
			Notice: n.upstreamNotice, SetNotice: n.setUpstreamNotice, Found: n.found,
			Every: n.cfg.SyncEvery, Now: n.opts.Now, After: n.opts.After, Log: n.log,
		})
	}
	if err := errors.Join(n.openRequests(ctx), n.openLinks(ctx)); err != nil {
		return err
	}
	n.openReorganise()
	if err := n.openRegisters(ctx); err != nil {
		return err
	}
	n.openHealth()
	if err := n.openHooks(); err != nil {
		return err
	}
	n.openConflicts()
	if n.orders, err = backup.OpenOrders(n.path(ordersName)); err != nil {
		return err
	}
	if err := n.openBackup(); err != nil {
		return err
	}
	return n.settle(ctx)
}

// pointShare is how many phones' worth a point may bring in: it carries for a
// commune, and repeats what the centre lost.
const pointShare = 16

func (n *Node) quotas() map[credential.Role]answer.Quota {
	burst, rate := n.cfg.PhoneBurst, n.cfg.PhoneRate
	return map[credential.Role]answer.Quota{
		credential.RolePhone: {Burst: burst, PerSecond: rate},
		credential.RolePoint: {Burst: pointShare * burst, PerSecond: pointShare * rate},
	}
}

// KeysFolder gives the folder of keys inside a data folder.
func KeysFolder(data string) string { return filepath.Join(data, keysName) }

// RandomOrDefault gives the source of randomness that Open would use.
func (o Options) RandomOrDefault() io.Reader {
	o.withDefaults()
	return o.Random
}

// Upstream gives the address of the server above; "" at the centre.
func (n *Node) Upstream() string { return n.upstream() }

// upstream prefers the setting over what was written at joining: addresses
// change.
func (n *Node) upstream() string {
	if n.cfg.Upstream != "" {
		return n.cfg.Upstream
	}
	return n.member.Upstream
}

// Close stops everything that Open started. It is safe to call after a failed
// Open and twice.
func (n *Node) Close() error {
	var errs []error
	ctx := context.Background()
	if n.endBeside != nil {
		n.endBeside()
		n.besides.Wait()
	}
	if n.answer != nil && n.ingest != nil {
		errs = append(errs, n.answer.Flush(ctx))
	}
	if n.own != nil {
		errs = append(errs, n.own.Close())
		n.own = nil
	}
	if n.ingest != nil {
		errs = append(errs, n.ingest.Close())
		n.ingest = nil
	}
	if n.requests != nil {
		errs = append(errs, n.requests.Close())
		n.requests = nil
	}
	if n.orders != nil {
		errs = append(errs, n.orders.Close())
		n.orders = nil
	}
	if n.store != nil {
		errs = append(errs, n.store.Checkpoint(ctx), n.store.Close())
		n.store = nil
	}
	if n.accts != nil {
		errs = append(errs, n.accts.Close())
		n.accts = nil
	}
	if n.audit != nil {
		errs = append(errs, n.audit.Close())
		n.audit = nil
	}
	return errors.Join(errs...)
}

// Role tells whether this is a point or the centre.
func (n *Node) Role() credential.Role { return n.role }

// Origin names this server: a point by its key, the centre by its first one.
func (n *Node) Origin() syncproto.OriginID { return n.self() }

// Store gives the store; only commands and reports read it directly.
func (n *Node) Store() store.Store { return n.store }

// Ingest gives the ingest, for commands that rule.
func (n *Node) Ingest() *ingest.Service { return n.ingest }

// Config gives the settings.
func (n *Node) Config() config.Config { return n.cfg }

// Centre gives the line of the centre's keys as known now.
func (n *Node) Centre() *syncproto.Centre { return n.trust.Centre() }

// Answer gives the answering service, which also answers asks by file.
func (n *Node) Answer() *answer.Service { return n.answer }

// Relay gives the relay; nil at the centre.
func (n *Node) Relay() *relay.Relay { return n.relay }
