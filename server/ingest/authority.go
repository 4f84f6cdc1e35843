package ingest

import (
	"thonsync/server/store"
	"thonsync/syncproto"
	"thonsync/syncproto/credential"
)

// ByGrant is the plain rule of authority: the centre writes everything; phones
// and points write activities whose home unit lies in the units of their grant;
// reference data is the centre's, except that a point writes the devices it
// takes in.
type ByGrant struct{}

// May applies the rule.
func (ByGrant) May(o *store.Origin, collection uint32, home string, within func(string, []string) bool) bool {
	if o.Role == credential.RoleCentre {
		return true
	}
	c, ok := syncproto.CollectionOf(collection)
	if !ok {
		return false
	}
	if c.CentreOnly && (o.Role != credential.RolePoint || collection != syncproto.CollectionDevice) {
		return false
	}
	return within(home, o.Units)
}

// needsTree is what changes without authority wait for: a correction of the
// unit tree may give it to them.
const needsTree = "tree"

// authorise tells whether origin o may write a record of the collection at the
// units that count: the home unit, and the new one where the change moves it.
func authorise(a Authority, o *store.Origin, c *syncproto.Change, home string, defs *Definitions) *syncproto.Finding {
	if c.Header.Collection == syncproto.CollectionQuestion && o.Role != credential.RoleCentre && !syncproto.AnswersOnly(c) {
		return &syncproto.Finding{Reason: syncproto.ReasonNoAuthority}
	}
	units := []string{home}
	if v, ok := c.Operational.Get(syncproto.FieldUnit); ok && v.Text() != home {
		units = append(units, v.Text())
	}
	for _, u := range units {
		if a.May(o, c.Header.Collection, u, defs.Within) {
			continue
		}
		if missing, broken := defs.broken(u); broken {
			return &syncproto.Finding{Reason: syncproto.ReasonUnknownUnit, Needs: "unit:" + missing}
		}
		return &syncproto.Finding{Reason: syncproto.ReasonNoAuthority, Needs: needsTree}
	}
	return nil
}

// judgeFunc is syncproto.Judge, replaceable in tests that play a newer program.
type judgeFunc func(c *syncproto.Change, kind string, defs syncproto.Definitions) *syncproto.Finding

// judgeLone judges a creating change by itself.
func judgeLone(judge judgeFunc, a Authority, o *store.Origin, c *syncproto.Change, defs *Definitions) *syncproto.Finding {
	if f := judge(c, "", defs); f != nil {
		return f
	}
	if f := judgeParent(c, defs); f != nil {
		return f
	}
	return authorise(a, o, c, c.Operational.Value(syncproto.FieldUnit).Text(), defs)
}

// judgeParent makes a unit wait for the unit above it, so that the tree has no
// loose branches and a village always finds the feed of its commune.
func judgeParent(c *syncproto.Change, defs *Definitions) *syncproto.Finding {
	if c.Header.Collection != syncproto.CollectionUnit {
		return nil
	}
	if parent := c.Operational.Value(syncproto.UnitParent).Text(); parent != "" && !defs.UnitKnown(parent) {
		return &syncproto.Finding{Reason: syncproto.ReasonUnknownUnit, Needs: "unit:" + parent}
	}
	return nil
}
