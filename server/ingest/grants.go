package ingest

import (
	"thonsync/server/store"
	"thonsync/syncproto"
	"thonsync/syncproto/credential"
)

// grant is what a credential chain says of an origin.
type grant struct {
	credential.Grant
	chain []string
}

func originOf(g credential.Grant, chain []string, defs *Definitions) store.Origin {
	o := store.Origin{
		ID: g.Device, Key: g.Key, Credentials: chain, Role: g.Role, Units: g.Units, Team: g.Team, SinceMS: g.Issued.UnixMilli(),
	}
	if len(g.Units) > 0 {
		o.Commune = defs.Commune(g.Units[0])
	}
	return o
}

// replaces tells whether what an origin shows now counts instead of what is
// stored of it: the later credential, and any credential instead of a handover.
func replaces(o, have *store.Origin) bool {
	if p := provisional(o); p != provisional(have) {
		return !p
	}
	return o.SinceMS >= have.SinceMS
}

// provisional tells whether all that is known of an origin rests on a handover:
// its phone was restored or cloned and has not been enrolled again.
func provisional(o *store.Origin) bool { return credential.IsHandover(o.Credentials) }

// needsEnrolment is what the changes of such an origin wait for.
func needsEnrolment(id syncproto.OriginID) string { return "credential:" + id.String() }

// verifyChains checks the credential chains of a batch. One that does not hold
// is passed over: the segments that needed it will say so.
func (s *Service) verifyChains(list []syncproto.OriginCredential) map[syncproto.OriginID]*grant {
	out := make(map[syncproto.OriginID]*grant, len(list))
	defs := s.Definitions()
	for _, c := range list {
		g, err := credential.VerifyDevice(c.Credentials, s.cfg.Trust.Centre(), defs.Within)
		if err == nil && g.Device == c.Origin {
			out[c.Origin] = &grant{g, c.Credentials}
		}
	}
	return out
}

// admit registers origins that are new or have newer credentials.
func (ses *session) admit(grants map[syncproto.OriginID]*grant) error {
	for id, g := range grants {
		have, err := ses.origin(id)
		if err != nil {
			return err
		}
		o := originOf(g.Grant, g.chain, ses.defs)
		if have != nil {
			if !replaces(&o, have) || equalStrings(have.Credentials, o.Credentials) && have.Commune == o.Commune {
				continue
			}
			if ses.s.aged(g) {
				continue // what the centre gave it then stands here
			}
			o.Label = have.Label
			if o.Role == credential.RolePoint {
				ses.issuers[id] = true // the centre may have given it more
			}
			if o.Commune == "" {
				o.Commune = have.Commune
			}
		}
		if err := ses.setListed(&o, g); err != nil {
			return err
		}
		if err := ses.putOrigin(o); err != nil {
			return err
		}
		if have != nil && !have.Listed && o.Listed {
			ses.arrived = append(ses.arrived, needsListing(id)) // enrolled again, by somebody whose word counts
		}
		if have != nil && provisional(have) && !provisional(&o) {
			ses.arrived = append(ses.arrived, needsEnrolment(id))
		}
		delete(ses.origins, id)
	}
	return nil
}
