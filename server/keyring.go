package server

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"time"

	"thonsync/server/audit"
	"thonsync/server/config"
	"thonsync/server/httpapi"
	"thonsync/server/keys"
	"thonsync/server/store"
	"thonsync/syncproto"
	"thonsync/syncproto/credential"
)

// Ages from which a person should act.
const (
	signingAge = 365 * 24 * time.Hour
	sealGrace  = 7 * 24 * time.Hour
)

// OpenKeys opens the keys folder of a data folder, under the passphrase that the
// settings name.
func OpenKeys(cfg config.Config, opts Options) (*keys.Folder, error) {
	opts.withDefaults()
	pass, err := cfg.KeySecret()
	if err != nil {
		return nil, err
	}
	return keys.OpenUnder(KeysFolder(cfg.Data), opts.Random, pass)
}

// KeyState is what `thonsync keys list` shows.
type KeyState struct {
	Keys   []keys.Info `json:"keys"`
	Locked bool        `json:"locked"` // files are encrypted under a passphrase
	Next   []string    `json:"next"`   // what to do, the most urgent first
}

// KeysList describes the keys and says what to do next.
var KeysList = Register(Command[None, KeyState]{
	Name: "keys.list",
	Do: func(ctx context.Context, n *Node, _ None) (KeyState, error) {
		list, err := n.keys.List()
		if err != nil {
			return KeyState{}, err
		}
		st := KeyState{Keys: list, Locked: n.keys.Locked(), Next: []string{}}
		checks, err := n.keyChecks(ctx)
		for _, c := range checks {
			if !c.OK {
				st.Next = append(st.Next, c.Detail+": "+c.Fix)
			}
		}
		return st, err
	},
})

// Rotation says which keys to replace.
type Rotation struct {
	Signing  bool `json:"signing"`
	Sealing  bool `json:"sealing"`
	Exchange bool `json:"exchange"`
}

// Rotated says what was replaced. Fingerprint is that of the centre's newest key,
// which joining codes show from now on.
type Rotated struct {
	Rotation
	Fingerprint string `json:"fingerprint"`
	Number      uint64 `json:"number"`
}

// KeysRotate replaces keys.
var KeysRotate = Register(Command[Rotation, Rotated]{
	Name: "keys.rotate",
	Do:   func(ctx context.Context, n *Node, in Rotation) (Rotated, error) { return n.Rotate(ctx, in) },
})

// Rotate replaces keys. Phones and points come upon the new ones by themselves.
func (n *Node) Rotate(ctx context.Context, q Rotation) (Rotated, error) {
	out := Rotated{Rotation: q}
	if n.role != credential.RoleCentre && (q.Signing || q.Sealing) {
		return out, syncproto.Errorf(syncproto.CodeInvalidInput, "a point has an exchange key only that is replaced; its identity goes with the machine: `thonsync point replace` at the centre")
	}
	if q.Signing {
		if err := n.succeed(ctx); err != nil {
			return out, err
		}
	}
	if q.Sealing {
		if _, err := n.keys.RotateSeal(n.opts.Now()); err != nil {
			return out, err
		}
	}
	if q.Exchange {
		if err := n.keys.ForgetExchange(); err != nil {
			return out, err
		}
	}
	n.log.InfoContext(ctx, "keys replaced", "signing", q.Signing, "sealing", q.Sealing, "exchange", q.Exchange)
	centre := n.trust.Centre()
	out.Fingerprint, out.Number = keys.Fingerprint(centre.Key()), centre.Number()
	return out, n.renewBundle()
}

// succeed replaces the signing key and tells all feeds.
func (n *Node) succeed(ctx context.Context) error {
	if err := n.audit.Write(ctx, audit.Event{Actor: audit.Console, Action: audit.KeyReplaced, Object: keys.NameSigning}); err != nil {
		return err
	}
	// Receipts of a history bear no earlier time than its beginning.
	at := time.UnixMilli(max(n.opts.Now().UnixMilli(), syncproto.EpochStart(n.currentEpoch())))
	centre, err := n.keys.Succeed(at, nil)
	if err != nil {
		return err
	}
	key, err := n.keys.Identity()
	if err != nil {
		return err
	}
	n.trust.Adopt(key, centre)
	return n.ingest.Announce(ctx)
}

// renewBundle writes all keys, for the recovery key alone, beside the backups.
func (n *Node) renewBundle() error {
	if n.cfg.BackupFolder == "" || n.role != credential.RoleCentre {
		return nil
	}
	return n.keys.WriteBundle(n.cfg.BackupFolder)
}

// Destruction asks to destroy sealing keys that were replaced longer ago than the
// settings keep them.
type Destruction struct {
	Force  bool   `json:"force"`
	Reason string `json:"reason,omitempty"`
}

// Destroyed says how many keys went, and what was known to be sealed to them.
type Destroyed struct {
	Keys  int      `json:"keys"`
	Known []string `json:"known,omitempty"`
}

// KeysDestroyOld destroys old sealing keys.
var KeysDestroyOld = Register(Command[Destruction, Destroyed]{
	Name: "keys.destroy-old",
	Do:   func(ctx context.Context, n *Node, in Destruction) (Destroyed, error) { return n.DestroyOld(ctx, in) },
})

var forceReason = regexp.MustCompile(`^[a-z][a-z0-9-]{2,39}$`)

// DestroyOld destroys the sealing keys that were replaced longer ago than
// seal-keep. Work that is known to be on its way and may be sealed to them stops
// it, unless somebody forces it with a reason, which goes into the access log:
// that work arrives unreadable, and the phones seal it again.
func (n *Node) DestroyOld(ctx context.Context, q Destruction) (Destroyed, error) {
	var out Destroyed
	if n.role != credential.RoleCentre {
		return out, syncproto.Errorf(syncproto.CodeInvalidInput, "only the centre has sealing keys")
	}
	if q.Force && !forceReason.MatchString(q.Reason) {
		return out, syncproto.Errorf(syncproto.CodeInvalidInput, "--force needs a --reason of small letters, digits and hyphens, such as point-burnt-down: it is written into the access log")
	}
	before := n.opts.Now().Add(-n.cfg.SealKeep)
	due, err := n.keys.SealsReplacedBefore(before)
	if err != nil || len(due) == 0 {
		return out, err
	}
	if out.Known, err = n.sealedElsewhere(ctx, due[len(due)-1].ReplacedMS); err != nil {
		return out, err
	}
	if len(out.Known) > 0 && !q.Force {
		return out, syncproto.Errorf(syncproto.CodeInvalidInput, "work that may be sealed to %d old keys is still on its way: %s; fetch it, or destroy all the same with --force --reason", len(due), out.Known[0])
	}
	e := audit.Event{Actor: audit.Console, Action: audit.KeyDestroyed, Object: keys.NameSealing, Result: q.Reason, Count: len(due)}
	if err := n.audit.Write(ctx, e); err != nil {
		return out, err
	}
	if out.Keys, err = n.keys.DestroySeals(before); err != nil {
		return out, err
	}
	n.log.InfoContext(ctx, "sealing keys destroyed", "keys", out.Keys)
	return out, n.renewBundle()
}

// sealedElsewhere names what the centre knows to be on its way that may be sealed
// to a key replaced at the given time: points that have not been here since, or
// still have something to bring, and changes that are known to exist.
func (n *Node) sealedElsewhere(ctx context.Context, replacedMS int64) (known []string, err error) {
	if err := n.answer.Flush(ctx); err != nil { // who has just been here
		return nil, err
	}
	err = n.store.View(ctx, func(r store.Reader) error {
		points, err := r.Origins(store.OriginQuery{Role: credential.RolePoint})
		if err != nil {
			return err
		}
		for _, p := range points {
			switch {
			case n.ingest.Revoked(p.ID) != nil:
			case p.Waiting > 0:
				known = append(known, fmt.Sprintf("point %s of %s has %d changes waiting", p.ID, unitsOf(p), p.Waiting))
			case p.LastContactMS < replacedMS:
				known = append(known, fmt.Sprintf("point %s of %s was last here before the key was replaced", p.ID, unitsOf(p)))
			}
		}
		var st httpapi.Status
		if err := countInto(r, &st); err != nil {
			return err
		}
		if st.Missing > 0 {
			known = append(known, fmt.Sprintf("%d changes are known to exist and have not arrived", st.Missing))
		}
		return nil
	})
	return known, err
}

func unitsOf(o store.Origin) string {
	if len(o.Units) == 0 {
		return "no unit"
	}
	return o.Units[0]
}

// keepSeals replaces the sealing key by its age, and destroys old ones on
// schedule as far as nothing is known to be sealed to them.
func (n *Node) keepSeals(ctx context.Context) error {
	rotated, err := n.keys.KeepSeal(n.opts.Now(), n.cfg.SealEvery)
	if rotated {
		n.log.InfoContext(ctx, "sealing key replaced")
		err = n.renewBundle()
	}
	if err != nil || n.cfg.SealKeep == 0 {
		return err
	}
	_, err = n.DestroyOld(ctx, Destruction{})
	if syncproto.CodeOf(err) == syncproto.CodeInvalidInput {
		return nil // work is on its way; doctor says so
	}
	return err
}

// keyChecks are the findings of Doctor about keys: their age and what to do next.
func (n *Node) keyChecks(ctx context.Context) ([]Check, error) {
	list, err := n.keys.List()
	if err != nil {
		return nil, err
	}
	if n.role == credential.RolePoint {
		return []Check{n.pointKeys(list)}, nil
	}
	paper, err := n.paperCheck()
	if err != nil {
		return nil, err
	}
	seals, err := n.sealCheck(ctx, list)
	return []Check{n.signingCheck(list), recoveryCheck(list), paper, seals}, err
}

func (n *Node) age(ms int64) time.Duration {
	return max(0, n.opts.Now().Sub(time.UnixMilli(ms))).Truncate(time.Hour)
}

// days gives an age for people.
func days(d time.Duration) string { return fmt.Sprintf("%d days", int(d/(24*time.Hour))) }

func find(list []keys.Info, name, state string) (keys.Info, bool) {
	i := slices.IndexFunc(list, func(i keys.Info) bool { return i.Name == name && i.State == state })
	if i < 0 {
		return keys.Info{}, false
	}
	return list[i], true
}

func (n *Node) pointKeys(list []keys.Info) Check {
	c := Check{Name: "keys", OK: true, Detail: "the exchange key is made at the first contact"}
	if x, ok := find(list, keys.NameExchange, keys.StateCurrent); ok {
		c.Detail = fmt.Sprintf("exchange key %s old, replaced every %s", days(n.age(x.MadeMS)), days(n.cfg.RotateEvery))
	}
	c.Detail += fmt.Sprintf("; centre's key %d known", n.trust.Centre().Number())
	return c
}

func (n *Node) signingCheck(list []keys.Info) Check {
	k, _ := find(list, keys.NameSigning, keys.StateCurrent)
	age := n.age(k.MadeMS)
	c := Check{Name: "signing key", OK: age < signingAge, Detail: fmt.Sprintf("key %d is %s old", n.trust.Centre().Number(), days(age))}
	if !c.OK {
		c.Fix = "replace it: `thonsync keys rotate --signing`, then print anew with `thonsync keys backup`"
	}
	return c
}

func recoveryCheck(list []keys.Info) Check {
	if k, ok := find(list, keys.NameRecovery, keys.StatePaper); ok {
		return Check{Name: "recovery key", OK: true, Detail: "on paper since " + time.UnixMilli(k.MadeMS).UTC().Format(time.DateOnly)}
	}
	k, _ := find(list, keys.NameRecovery, keys.StateMissing)
	if k.ID != "" {
		return Check{"recovery key", false, "printed, and not announced to phones yet", "`thonsync keys rotate --signing` announces it"}
	}
	return Check{"recovery key", false, "there is none: a lost or stolen signing key cannot be replaced", "`thonsync keys recovery`, print it and lock it away"}
}

func (n *Node) paperCheck() (Check, error) {
	made, current, err := n.keys.Paper()
	c := Check{Name: "keys on paper", OK: current, Detail: "printed on " + time.UnixMilli(made).UTC().Format(time.DateOnly)}
	switch {
	case made == 0:
		c.Detail = "never printed: a broken disk without a backup loses the centre"
	case !current:
		c.Detail += ", before the signing key was replaced"
	}
	if !c.OK {
		c.Fix = "`thonsync keys backup`, print it and lock it away, not beside the recovery key"
	}
	return c, err
}

func (n *Node) sealCheck(ctx context.Context, list []keys.Info) (Check, error) {
	k, _ := find(list, keys.NameSealing, keys.StateCurrent)
	c := Check{Name: "sealing keys", OK: true, Detail: fmt.Sprintf("current one %s old", days(n.age(k.MadeMS)))}
	if n.cfg.SealEvery > 0 && n.age(k.MadeMS) > n.cfg.SealEvery+sealGrace {
		c.OK, c.Fix = false, "`thonsync keys rotate --sealing`, or let `thonsync serve` run, which does it by itself"
	}
	if n.cfg.SealKeep == 0 {
		return c, nil
	}
	due, err := n.keys.SealsReplacedBefore(n.opts.Now().Add(-n.cfg.SealKeep))
	if err != nil || len(due) == 0 {
		return c, err
	}
	known, err := n.sealedElsewhere(ctx, due[len(due)-1].ReplacedMS)
	if err == nil && len(known) > 0 {
		c.OK, c.Fix = false, "fetch that work, or `thonsync keys destroy-old --force --reason WHY`"
		c.Detail = fmt.Sprintf("%d old ones are due to be destroyed, and %s", len(due), known[0])
	}
	return c, err
}
