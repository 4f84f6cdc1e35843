package ingest

import (
	"testing"
	"time"

	"thonsync/server/feed"
	"thonsync/server/store"
	"thonsync/syncproto"
	"thonsync/syncproto/credential"
)

// succeed replaces the centre's key, which somebody has stolen meanwhile.
func (s *server) succeed() *syncproto.Centre {
	s.t.Helper()
	next := seedKey("next key of the centre")
	line, err := s.cfg.Trust.Centre().Succeed(next, centreKey, syncproto.Hash{}, startMS+1000)
	if err != nil {
		s.t.Fatal(err)
	}
	s.cfg.Trust.Adopt(next, line)
	if err := s.Announce(s.t.Context()); err != nil {
		s.t.Fatal(err)
	}
	return line
}

// A thief of a replaced key makes credentials and dates them back: their work
// waits until the centre's own log names the device. Whoever was here before goes
// on.
func TestCredentialsUnderAReplacedKeyAreNamedByTheCentre(t *testing.T) {
	s := withVillages(t)
	known, forged, returned := newAuthor(t, "known", credential.RolePhone, testVillage), newAuthor(t, "forged", credential.RolePhone, testVillage), newAuthor(t, "returned", credential.RolePhone, testVillage)
	point, centre := newAuthor(t, "forged point", credential.RolePoint, testCommune), newAuthor(t, "forged centre", credential.RoleCentre)
	for _, a := range []*author{known, forged, returned} {
		a.more(2)
	}
	s.bring(known)
	s.succeed()
	known.more(1)
	s.submit1(known.cut(3, 3))
	s.wantOutcomes("enrolled under the old key, known", known.origin, "accepted:3")
	s.bring(forged)
	s.bring(returned)
	s.wantOutcomes("under the old key, never heard of", forged.origin, "quarantined/unlisted:2")
	name := func(by *author, device *author, issuer syncproto.OriginID) {
		by.write(create(syncproto.CollectionDevice, textField(syncproto.FieldUnit, testVillage), textField(syncproto.DeviceRole, "phone"),
			syncproto.Field{Num: syncproto.DeviceOrigin, Value: syncproto.UUIDValue(device.origin)},
			syncproto.Field{Num: syncproto.DeviceIssuer, Value: syncproto.UUIDValue(issuer)}))
	}
	// Forged issuers vouch for nobody.
	for _, by := range []*author{point, centre} {
		name(by, forged, s.id)
		s.bring(by)
		s.wantOutcomes(string(by.origin.String())+", forged", by.origin, "quarantined/unlisted:1")
	}
	s.wantOutcomes("named by forged issuers", forged.origin, "quarantined/unlisted:2")
	// The centre's own log, back after a restore, names the other.
	log := newAuthor(t, "own log", credential.RoleCentre)
	token, err := credential.Issue(credential.Grant{Key: pub(log.key), Role: credential.RoleCentre}, s.cfg.Trust.Key())
	if err != nil {
		t.Fatal(err)
	}
	log.chain = []string{token}
	name(log, returned, s.id)
	s.bring(log)
	s.wantOutcomes("named by the centre", returned.origin, "accepted:2")
	later := newAuthor(t, "later", credential.RolePhone, testVillage)
	later.more(1)
	name(log, later, s.id)
	s.submit1(log.cut(2, 2))
	s.bring(later)
	s.wantOutcomes("named before it came", later.origin, "accepted:1")
	// A point vouches for what it issued itself, not for the centre.
	honest, aided := newIssuer(t, 0, time.Time{}), newAuthor(t, "aided", credential.RolePhone, testVillage)
	token, err = credential.Issue(credential.Grant{Key: pub(honest.key), Role: credential.RolePoint, Units: []string{testCommune}, Issued: time.UnixMilli(startMS)}, s.cfg.Trust.Key())
	if err != nil {
		t.Fatal(err)
	}
	honest.chain = []string{token}
	aided.more(1)
	name(honest.author, aided, s.id)
	s.bring(honest.author)
	s.bring(aided)
	s.wantOutcomes("named by a point", aided.origin, "quarantined/unlisted:1")
	s.checkLedger()
}

// Every feed tells of the new key once, and only the new key signs from there on.
func TestFeedsTellTheSuccession(t *testing.T) {
	s := withVillages(t)
	line := s.succeed()
	if err := s.Announce(t.Context()); err != nil {
		t.Fatal(err)
	}
	err := s.store.View(t.Context(), func(r store.Reader) error {
		heads, err := r.Feeds()
		if err != nil {
			return err
		}
		for _, h := range heads {
			told := 0
			got, err := feed.Pages(r, syncproto.Checkpoint{Feed: h.Feed}, func(int) bool { return true })
			if err != nil {
				return err
			}
			for _, data := range got.Pages {
				p, err := line.DecodePage(data)
				if err != nil {
					return err
				}
				for _, it := range p.Items {
					if it.Succession != nil {
						told++
					}
				}
				if told > 0 && p.KeyNumber != 1 {
					t.Errorf("feed %s: key %d signs after the succession", h.Feed, p.KeyNumber)
				}
			}
			if told != 1 || h.Key != 1 {
				t.Errorf("feed %s tells of the new key %d times; the next page is for key %d", h.Feed, told, h.Key)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	// A keys folder that went back cannot sign what follows.
	s.cfg.Trust.Adopt(centreKey, syncproto.FoundCentre(centreKey, syncproto.Hash{}, startMS))
	a := s.centreAuthor()
	a.write(create(syncproto.CollectionGuide, textField(syncproto.FieldUnit, testCommune), textField(2, "late")))
	if _, err := s.Submit(t.Context(), Batch{Segments: [][]byte{a.cut(1, a.heads.Seq)}, Credentials: []syncproto.OriginCredential{a.credentials()}}); syncproto.CodeOf(err) != syncproto.CodeForeignKey {
		t.Errorf("an old keys folder signs on: %v", err)
	}
}
