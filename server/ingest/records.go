package ingest

import (
	"github.com/google/uuid"

	"thonsync/server/store"
	"thonsync/syncproto"
	"thonsync/syncproto/merge"
)

// file is a record while its changes are being worked on.
type file struct {
	rec     store.Record
	was     store.Record // as it is counted in the tallies
	entries []Entry
	fresh   int  // entries from here on are new
	stored  bool // the record has a row
}

// openFile reads a record with its history; one that is not there is empty.
func (ses *session) openFile(id uuid.UUID) (*file, error) {
	rec, found, err := ses.tx.Record(id)
	if err != nil {
		return nil, err
	}
	f := &file{rec: rec, was: rec, stored: found}
	f.rec.ID = id
	if found {
		if f.entries, err = DecodeHistory(rec.History); err != nil {
			return nil, err
		}
	}
	f.fresh = len(f.entries)
	return f, nil
}

// add puts a change into the file. A change that is there already, from a page
// or without its personal row, is replaced where the newcomer knows more; it
// keeps its place in the feed. It gives the encrypted row that was replaced.
func (f *file) add(e Entry) (replaced []byte) {
	for i := range f.entries {
		old := &f.entries[i]
		if old.ID() != e.ID() || old.Closed != e.Closed && old.Closed != [syncproto.RefOpenBytes]byte{} && e.Closed != [syncproto.RefOpenBytes]byte{} {
			continue
		}
		if e.form == personalUnknown && old.form != personalUnknown {
			return nil
		}
		replaced = old.cipher
		e.fed = old.fed
		e.EarliestMS = max(e.EarliestMS, old.EarliestMS)
		if old.LatestMS != 0 {
			e.LatestMS = min(e.LatestMS, old.LatestMS)
		}
		f.entries = append(f.entries[:i], f.entries[i+1:]...)
		if i < f.fresh {
			f.fresh--
		}
		break
	}
	f.entries = append(f.entries, e)
	return replaced
}

// update takes changes of one record in, settles which of its changes act,
// merges and writes the record, and notes in the ledger what became of the new
// changes and of those whose lot has changed. With rejudge all are judged anew,
// after a ruling or a move between branches.
func (ses *session) update(id uuid.UUID, fresh []Entry, rejudge bool) error {
	f, err := ses.openFile(id)
	if err != nil {
		return err
	}
	for i := range fresh {
		ses.gone(f.add(fresh[i]))
	}
	if len(ses.traces) > 0 {
		if err := ses.erasing(); err != nil {
			return err
		}
	}
	if len(f.entries) == 0 && !f.rec.Erased {
		return nil
	}
	return ses.settle(f, rejudge)
}

// settle is the second half of update.
func (ses *session) settle(f *file, rejudge bool) error {
	if err := ses.openPersonals(f); err != nil {
		return err
	}
	was := make([]standing, len(f.entries))
	for i := range f.entries {
		was[i] = f.entries[i].standing()
	}
	if err := ses.judgeAll(f, rejudge); err != nil {
		return err
	}
	if f.rec.Erased {
		for i := f.fresh; i < len(f.entries); i++ {
			if err := ses.dropTwins(&f.entries[i]); err != nil {
				return err
			}
		}
		f.erase()
		if err := ses.forgetPerson(f.rec.ID); err != nil {
			return err
		}
	}
	state, err := ses.merge(f)
	if err != nil {
		return err
	}
	if err := ses.fill(f, state); err != nil {
		return err
	}
	if err := ses.publish(f); err != nil {
		return err
	}
	f.rec.Changes, f.rec.History = len(f.entries), encodeHistory(f.entries)
	if err := ses.putRecord(f); err != nil {
		return err
	}
	if !f.rec.Erased {
		ses.notePerson(&f.rec)
	}
	for i := range f.entries {
		e := &f.entries[i]
		if e.page || i < f.fresh && e.standing() == was[i] && !rejudge {
			continue
		}
		if err := ses.note(f, e); err != nil {
			return err
		}
	}
	return nil
}

// openPersonals decrypts the personal rows.
func (ses *session) openPersonals(f *file) error {
	for i := range f.entries {
		e := &f.entries[i]
		if e.form != personalEncrypted || e.Change.Personal != nil || f.rec.Erased {
			continue
		}
		row, err := ses.s.vault.open(f.rec.ID, e)
		if err != nil {
			return err
		}
		e.Change.Personal = row
	}
	return nil
}

// erase drops what is personal.
func (f *file) erase() {
	for i := range f.entries {
		e := &f.entries[i]
		if e.form = personalGone; e.page {
			e.form = personalUnknown
		}
		e.cipher, e.Change.Personal = nil, nil
	}
}

// note writes the ledger line of one change.
func (ses *session) note(f *file, e *Entry) error {
	o, err := ses.origin(e.Change.Origin)
	if err != nil || o == nil {
		return err
	}
	t, err := ses.topology(o.ID)
	if err != nil {
		return err
	}
	branch := e.branch
	if !e.placed {
		if branch, err = ses.branchOf(o, t, e); err != nil {
			return err
		}
	}
	l := ses.outcome(f.rec.Erased, e, branch)
	l.Origin, l.Branch, l.First, l.Last = o.ID, branch, e.Change.Seq, e.Change.Seq
	return ses.line(l)
}

// outcome tells what becomes of a readable change. The strongest reason counts:
// an erasure over a missing definition, that over a hold, that over a fork.
func (ses *session) outcome(erased bool, e *Entry, branch uint32) store.Outcome {
	switch {
	case erased:
		return store.Outcome{Outcome: syncproto.OutcomeErased, Reason: syncproto.ReasonErased}
	case !e.Acts && (e.Reason == syncproto.ReasonHandover || e.Reason == syncproto.ReasonRevoked):
		return store.Outcome{Outcome: syncproto.OutcomeHeld, Reason: e.Reason, Needs: e.Needs}
	case !e.Acts:
		return store.Outcome{Outcome: syncproto.OutcomeQuarantined, Reason: e.Reason, Needs: e.Needs}
	case ses.s.rulings.held(e.ID()):
		return store.Outcome{Outcome: syncproto.OutcomeHeld, Reason: syncproto.ReasonHeld}
	case branch != 0:
		return store.Outcome{Outcome: syncproto.OutcomeForked, Reason: syncproto.ReasonFork}
	}
	return store.Outcome{Outcome: syncproto.OutcomeAccepted}
}

// judgeAll settles which changes act. One that begins to act may be what others
// wait for, the creating change above all, so it goes round until nothing
// changes; because changes only ever begin to act, the order does not matter.
func (ses *session) judgeAll(f *file, rejudge bool) error {
	for i := range f.entries {
		if e := &f.entries[i]; e.page {
			e.Acts = true
		} else if rejudge {
			e.Acts = false
		}
	}
	for again := true; again; {
		again = false
		for i := range f.entries {
			e := &f.entries[i]
			if e.Acts {
				continue
			}
			finding, err := ses.judge(f, e)
			if err != nil {
				return err
			}
			if finding == nil {
				e.Acts, e.Reason, e.Needs = true, "", ""
				again = true
				continue
			}
			e.Reason, e.Needs = finding.Reason, finding.Needs
		}
	}
	return nil
}

// judge tells why a change does not act, nil if it does.
func (ses *session) judge(f *file, e *Entry) (*syncproto.Finding, error) {
	o, err := ses.origin(e.Change.Origin)
	if err != nil {
		return nil, err
	}
	if o == nil {
		return &syncproto.Finding{Reason: syncproto.ReasonNoAuthority, Needs: needsTree}, nil
	}
	if ses.s.atCentre() && provisional(o) && !ses.s.rulings.released(e.ID()) {
		return &syncproto.Finding{Reason: syncproto.ReasonHandover, Needs: needsEnrolment(o.ID)}, nil
	}
	if finding, err := ses.revokedLater(o, e); err != nil || finding != nil {
		return finding, err
	}
	if !ses.s.rulings.released(e.ID()) {
		if finding, err := ses.unlisted(o); err != nil || finding != nil {
			return finding, err
		}
	}
	granted, ruledOn := ses.s.rulings.authority(e.ID())
	if ruledOn && !granted {
		return &syncproto.Finding{Reason: syncproto.ReasonNoAuthority}, nil
	}
	authority := ses.s.cfg.Authority
	if ruledOn {
		authority = anything{}
	}
	if e.Change.Header.Op == syncproto.OpCreate {
		return judgeLone(ses.s.judge, authority, o, &e.Change, ses.defs), nil
	}
	create := f.create()
	if create == nil {
		if finding := ses.s.judge(&e.Change, "", ses.defs); finding != nil && finding.Reason == syncproto.ReasonBadFrame {
			return finding, nil
		}
		return &syncproto.Finding{Reason: syncproto.ReasonUnknownRecord, Needs: "record:" + f.rec.ID.String()}, nil
	}
	if e.Change.Header.Collection != create.Header.Collection {
		return &syncproto.Finding{Reason: syncproto.ReasonBadFrame}, nil
	}
	if finding := ses.judgeKinds(f, e); finding != nil {
		return finding, nil
	}
	if finding := judgeParent(&e.Change, ses.defs); finding != nil {
		return finding, nil
	}
	return authorise(authority, o, &e.Change, create.Operational.Value(syncproto.FieldUnit).Text(), ses.defs), nil
}

// anything is the authority of a change that the centre ruled to have it.
type anything struct{}

func (anything) May(*store.Origin, uint32, string, func(string, []string) bool) bool { return true }

// create gives the creating change, if it acts.
func (f *file) create() *syncproto.Change {
	for i := range f.entries {
		if e := &f.entries[i]; e.Acts && e.Change.Header.Op == syncproto.OpCreate {
			return &e.Change
		}
	}
	return nil
}

// judgeKinds judges a change under each kind that the record's acting changes
// give it, the creating one first: a correction of the kind may come before or
// after a change that needs it.
func (ses *session) judgeKinds(f *file, e *Entry) *syncproto.Finding {
	create := f.create()
	first := ses.s.judge(&e.Change, create.Operational.Value(syncproto.ActivityKind).Text(), ses.defs)
	if first == nil || create.Header.Collection != syncproto.CollectionActivity {
		return first
	}
	for i := range f.entries {
		other := &f.entries[i]
		if kind := other.Change.Operational.Value(syncproto.ActivityKind).Text(); other.Acts && kind != "" {
			if ses.s.judge(&e.Change, kind, ses.defs) == nil {
				return nil
			}
		}
	}
	return first
}

// merge applies the one conflict rule.
func (ses *session) merge(f *file) (*merge.State, error) {
	changes := make([]merge.Change, 0, len(f.entries))
	rulings := merge.Rulings{Erased: f.rec.Erased}
	for i := range f.entries {
		e := &f.entries[i]
		if !e.Acts {
			continue
		}
		rulings.Changes = append(rulings.Changes, ses.s.rulings.holds(e.ID())...)
		changes = append(changes, merge.Change{
			ID: e.ID(), Closed: e.Closed, Op: e.Change.Header.Op, StampMS: e.Change.Header.StampMS, BeaconMS: e.Change.Header.Beacon.MS,
			Refs: e.Change.Header.Refs, Operational: e.Change.Operational, Personal: e.Change.Personal, PersonalKnown: e.PersonalKnown(),
		})
	}
	br, err := ses.order(f)
	if err != nil {
		return nil, err
	}
	state := merge.Record(changes, rulings, br)
	return &state, nil
}
