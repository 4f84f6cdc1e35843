package server

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"thonsync/server/backup"
	"thonsync/server/ingest"
	"thonsync/server/store"
	"thonsync/syncproto"
	"thonsync/syncproto/credential"
)

// restoredName marks a data folder that came out of a backup and has not been
// settled yet.
const restoredName = "restored"

const backupRetry = 10 * time.Minute

// settle makes the parts agree before anything is served: after a restore it
// begins a new history and carries out all orders again; always it submits what
// the own log has and the store lacks.
func (n *Node) settle(ctx context.Context) error {
	_, err := os.Stat(n.path(restoredName))
	switch {
	case err == nil:
		if err := n.settleRestored(ctx); err != nil {
			return err
		}
	case !errors.Is(err, os.ErrNotExist):
		return fmt.Errorf("looking at the data folder: %w", err)
	}
	if err := n.checkOwnLog(ctx); err != nil {
		return err
	}
	if err := n.ingest.Purge(ctx); err != nil {
		return err
	}
	if n.role == credential.RolePoint && len(n.upstreamNotice()) == 0 {
		return nil // nothing to seal to before the first contact
	}
	if n.role == credential.RoleCentre {
		if err := n.keepSeals(ctx); err != nil {
			return err
		}
		if err := n.tellKeys(ctx); err != nil {
			return err
		}
	}
	if err := n.own.Catchup(ctx); err != nil {
		return err
	}
	return n.syncOrders(ctx)
}

// tellKeys tells all feeds of new keys of the centre. Where the recovery key has
// overruled whoever may hold the old one, a new history begins: those who have
// followed him read everything anew, and receipts of his count for nothing.
func (n *Node) tellKeys(ctx context.Context) error {
	recovered, err := n.ingest.RecoveredSince(ctx)
	if err != nil {
		return err
	}
	if recovered {
		n.log.Warn("the recovery key has named a new key of the centre: beginning a new epoch")
		if err := n.newEpoch(ctx); err != nil {
			return err
		}
	}
	return n.ingest.Announce(ctx)
}

func (n *Node) settleRestored(ctx context.Context) error {
	n.log.Warn("data folder was restored from a backup: beginning a new epoch and carrying out all orders again")
	if err := n.newEpoch(ctx); err != nil {
		return err
	}
	if n.role == credential.RoleCentre {
		// A sealing key made after the backup is lost; phones go over to one made
		// later still.
		if _, err := n.keys.RotateSeal(n.opts.Now()); err != nil {
			return err
		}
		if _, err := n.own.Renew(ctx); err != nil {
			return err
		}
		if err := errors.Join(n.replayOrders(ctx), n.replayRegisters(ctx)); err != nil {
			return err
		}
	}
	if err := errors.Join(n.audit.Restored(), n.accts.Restored(ctx)); err != nil {
		return err
	}
	return os.Remove(n.path(restoredName))
}

// newEpoch renames the history of the receipts log and of all feeds, so that no
// checkpoint of the lost history is mistaken for one of this. All pages are cut
// anew, and all receipts given again: those from before no longer count.
func (n *Node) newEpoch(ctx context.Context) error {
	next, err := syncproto.NewEpoch(n.opts.Now().UnixMilli(), n.currentEpoch(), n.opts.Random)
	if err != nil {
		return err
	}
	err = n.store.Update(ctx, func(tx store.Tx) error {
		if err := tx.BeginHistory(next, n.opened); err != nil {
			return err
		}
		return tx.SetMeta(ingest.MetaEpoch, next[:])
	})
	if err != nil {
		return err
	}
	n.epoch.Store(&next)
	return n.ingest.Reissue(ctx)
}

// replayOrders puts into force again whatever the restored store does not know to
// have been ruled.
func (n *Node) replayOrders(ctx context.Context) error {
	for _, o := range n.orders.All() {
		r, err := syncproto.DecodeRuling(o.Ruling)
		if err != nil {
			return err
		}
		if err := n.trust.Centre().VerifyRuling(r); err != nil {
			return fmt.Errorf("orders file: %w", err)
		}
		if err := n.ingest.Reapply(ctx, *r); err != nil {
			return err
		}
	}
	return nil
}

// ruled writes rulings down that must outlast a restore, those that the ingest
// makes by itself above all: a larger cut for a revoked device. What cannot be
// written now is written by syncOrders.
func (n *Node) ruled(r *syncproto.Ruling) {
	if n.orders == nil || !backup.Lasting(r.Kind) {
		return
	}
	if err := n.orders.Add(r); err != nil {
		n.log.Error("a ruling could not be written to the orders file: it is tried again", "number", r.Number, "code", syncproto.CodeOf(err), "error", err)
	}
}

// Rule makes a ruling and writes it to the orders file where it must outlast a
// restore. Centre only.
func (n *Node) Rule(ctx context.Context, r syncproto.Ruling) (syncproto.Ruling, error) {
	made, err := n.ingest.Rule(ctx, r)
	if err != nil {
		return made, err
	}
	return made, n.syncOrders(ctx)
}

// syncOrders carries out beside the store what its rulings ask for: it adds them
// to the orders file and to the copy beside the backups, and erases in the own
// log. All of it may be repeated.
func (n *Node) syncOrders(ctx context.Context) error {
	if n.role != credential.RoleCentre {
		return nil
	}
	n.ordering.Lock()
	defer n.ordering.Unlock()
	seen := n.ordersSeen.Load()
	if err := n.addOrders(ctx); err != nil {
		return err
	}
	if n.backup == nil || n.ordersSeen.Load() == seen {
		return nil
	}
	return n.backup.RenewBeside()
}

func (n *Node) addOrders(ctx context.Context) error {
	var list []store.Ruling
	err := n.store.View(ctx, func(r store.Reader) (err error) {
		list, err = r.Rulings(n.ordersSeen.Load(), 0)
		return err
	})
	if err != nil {
		return err
	}
	for _, row := range list {
		if backup.Lasting(row.Kind) {
			r, err := syncproto.DecodeRuling(row.Data)
			if err != nil {
				return err
			}
			if err := n.orders.Add(r); err != nil {
				return err
			}
			if r.Kind == syncproto.RulingErase {
				if _, err := n.own.Erase(ctx, r.Record); err != nil {
					return err
				}
			}
		}
		n.ordersSeen.Store(row.Number)
	}
	return nil
}

// checkOwnLog compares the own log with what the store holds of it. A log that
// ends earlier is an old copy: it must not go on with numbers that are taken.
func (n *Node) checkOwnLog(ctx context.Context) error {
	heads, err := n.own.Heads(ctx)
	if err != nil {
		return err
	}
	for _, h := range heads {
		var last uint64
		err := n.store.View(ctx, func(r store.Reader) error {
			runs, err := r.Runs(h.Origin)
			for _, run := range runs {
				last = max(last, run.Last.Seq)
			}
			return err
		})
		if err != nil {
			return err
		}
		switch {
		case last > h.Seq && h.Origin == n.own.Origin():
			if err := n.renewOwn(ctx, h.Seq, last); err != nil {
				return err
			}
		case last < h.Seq:
			if err := n.own.Resubmit(ctx, h.Origin, last); err != nil {
				return err
			}
		}
	}
	return nil
}

// renewOwn begins a new origin for the own log.
func (n *Node) renewOwn(ctx context.Context, ours, theirs uint64) error {
	n.log.Warn("own log is older than what was seen of it; a new origin begins", "ours", ours, "theirs", theirs)
	_, err := n.own.Renew(ctx)
	return err
}
