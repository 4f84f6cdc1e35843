package answer

import (
	"context"
	"slices"

	"thonsync/server/ingest"
	"thonsync/server/store"
	"thonsync/syncproto"
	"thonsync/syncproto/credential"
)

// asker is who asks, as its verified credential says.
type asker struct {
	credential.Grant
	defs  *ingest.Definitions
	known bool // the store has this very credential
	chain []string
	bar   ingest.Bar // why it is not served, although it may upload
	// counted says that the store knows it as one of its issuer's devices.
	counted bool
	// later is a credential that the centre has given the asker since it got the
	// one that it shows; nil for none.
	later []string
}

// identify verifies the asker's chain and signature. Scope comes from the
// credential and the unit tree, never from fields of the request.
func (s *Service) identify(ctx context.Context, o *syncproto.Opened) (*asker, error) {
	defs := s.cfg.Ingest.Definitions()
	g, err := credential.VerifyDevice(o.Credentials, s.cfg.Trust.Centre(), defs.Within)
	if err != nil {
		return nil, err
	}
	if err := o.VerifySender(g.Key); err != nil {
		return nil, err
	}
	serves, err := s.serves(ctx, defs, &g)
	if err != nil {
		return nil, err
	}
	if !serves {
		return nil, syncproto.Errorf(syncproto.CodeScope, "this point serves other units: use the own commune's point or the centre")
	}
	return &asker{Grant: g, defs: defs, chain: o.Credentials}, nil
}

// serves tells whether this server is there for a device: the centre is for all,
// a point for those of its units, also of the units that the centre has given it
// since it was started.
func (s *Service) serves(ctx context.Context, defs *ingest.Definitions, g *credential.Grant) (bool, error) {
	if s.cfg.Role != credential.RolePoint || overlaps(defs, g.Units, s.cfg.Units) {
		return true, nil
	}
	var own store.Origin
	err := s.cfg.Store.View(ctx, func(r store.Reader) (err error) {
		own, _, err = r.Origin(syncproto.OriginOf(s.cfg.Trust.Public()))
		return err
	})
	return overlaps(defs, g.Units, own.Units), err
}

func overlaps(defs *ingest.Definitions, units, scope []string) bool {
	return slices.ContainsFunc(units, func(u string) bool { return defs.Within(u, scope) })
}

// load finds what the store knows of the asker.
func (s *Service) load(ctx context.Context, a *asker) error {
	return s.cfg.Store.View(ctx, func(r store.Reader) error {
		o, ok, err := r.Origin(a.Device)
		if err != nil {
			return err
		}
		a.known = ok && slices.Equal(o.Credentials, a.chain)
		if ok && !a.known && a.Role == credential.RolePoint && o.SinceMS > a.Issued.UnixMilli() {
			a.later = o.Credentials
		}
		a.bar, err = s.cfg.Ingest.Barred(r, a.Device, a.chain)
		a.counted = ok && o.Listed && !a.bar.Closed()
		return err
	})
}

// feeds lists the names of the feeds that the asker may read: the common one
// and those of the communes in its scope.
func (a *asker) feeds(r store.Reader) ([]string, error) {
	names := []string{syncproto.CommonFeed}
	var wide []string // units above communes
	for _, u := range a.Units {
		switch c := a.defs.Commune(u); {
		case c == u: // a whole commune: also what was merged with it
			names = append(names, a.defs.Family(c)...)
			continue
		case c != "":
			names = append(names, c)
			continue
		}
		wide = append(wide, u)
	}
	if len(wide) > 0 {
		heads, err := r.Feeds()
		if err != nil {
			return nil, err
		}
		for _, h := range heads {
			if h.Feed != syncproto.CommonFeed && a.defs.Within(h.Feed, wide) {
				names = append(names, h.Feed)
			}
		}
	}
	slices.Sort(names[1:])
	return slices.Compact(names), nil
}

// mayKnow reports whether the asker may learn how far an origin has got, have
// its receipts and carry its open segments: itself, for phones their own team's
// phones, for points whatever lies in their units. Who is barred learns only of
// what it wrote itself, under this key or one that a handover ties to it.
func (a *asker) mayKnow(o *store.Origin) bool {
	switch {
	case o.ID == a.Device:
		return true
	case a.bar.Closed():
		return a.Role == credential.RolePhone && o.Role == a.Role && a.wrote(o)
	case a.Role == credential.RolePhone:
		return o.Role == credential.RolePhone && o.Team == a.Team && sameUnits(o.Units, a.Units)
	case a.Role == credential.RolePoint:
		return overlaps(a.defs, o.Units, a.Units)
	}
	return false
}

// wrote tells whether a handover ties an origin to the asker.
func (a *asker) wrote(o *store.Origin) bool {
	return slices.Contains(credential.Subjects(a.chain), o.ID) || slices.Contains(credential.Subjects(o.Credentials), a.Device)
}

// sameUnits guards against two teams of one id in different units, which a
// point with a mistaken table could issue.
func sameUnits(a, b []string) bool {
	return slices.ContainsFunc(a, func(u string) bool { return slices.Contains(b, u) })
}
