package ingest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"thonsync/server/store"
	"thonsync/syncproto"
	"thonsync/syncproto/credential"
)

// issuer is a point that takes phones in.
type issuer struct {
	*author
	grant  credential.Grant
	phones []*author
}

func newIssuer(t testing.TB, number int, expiry time.Time) *issuer {
	p := &issuer{author: newAuthor(t, "point", credential.RolePoint, testCommune)}
	p.grant = credential.Grant{Key: pub(p.key), Role: credential.RolePoint, Units: []string{testCommune}}
	p.renew(number, expiry)
	return p
}

// renew gives the point a later credential.
func (p *issuer) renew(number int, expiry time.Time) {
	p.t.Helper()
	if p.grant.Issued.IsZero() {
		p.grant.Issued = time.UnixMilli(startMS)
	}
	p.grant.Issued = p.grant.Issued.Add(time.Second)
	p.grant.Number, p.grant.Expiry = number, expiry
	token, err := credential.Issue(p.grant, centreKey)
	if err != nil {
		p.t.Fatal(err)
	}
	p.chain = []string{token}
}

// issue gives a phone a credential; with listed it stands in the point's log.
func (p *issuer) issue(name string, listed bool) *author {
	p.t.Helper()
	a := newAuthor(p.t, name, credential.RolePhone, testVillage)
	g := credential.Grant{Key: pub(a.key), Role: credential.RolePhone, Units: []string{testVillage}, Issued: time.UnixMilli(startMS)}
	token, err := credential.Issue(g, p.key)
	if err != nil {
		p.t.Fatal(err)
	}
	a.chain = append([]string{token}, p.chain...)
	if listed {
		p.list(a.origin)
	}
	a.more(2)
	p.phones = append(p.phones, a)
	return a
}

func (p *issuer) list(device uuid.UUID) {
	p.write(create(syncproto.CollectionDevice, textField(syncproto.FieldUnit, testVillage), textField(syncproto.DeviceRole, "phone"),
		syncproto.Field{Num: syncproto.DeviceOrigin, Value: syncproto.UUIDValue(device)}))
}

// bring hands the centre everything of an author.
func (s *server) bring(a *author, with ...*author) {
	s.t.Helper()
	b := Batch{Credentials: []syncproto.OriginCredential{a.credentials()}, Segments: [][]byte{a.cut(1, a.heads.Seq)}}
	for _, w := range with {
		b.Credentials = append(b.Credentials, w.credentials())
	}
	if r := s.submitBatch(b); len(r.Problems) > 0 {
		s.t.Fatalf("%+v", r.Problems)
	}
}

// A phone counts once its point's own log names it: its work waits, whole and
// with its reason, and goes on by itself.
func TestPhoneCountsOnceItsIssuersLogNamesIt(t *testing.T) {
	s := withVillages(t)
	p := newIssuer(t, 0, time.Time{})
	early, never := p.issue("early", true), p.issue("never", false)
	s.bring(early, p.author)
	s.bring(never, p.author)
	s.wantOutcomes("before the point's log", early.origin, "quarantined/unlisted:2")
	s.bring(p.author)
	s.wantOutcomes("after it", early.origin, "accepted:2")
	s.wantOutcomes("of which it does not speak", never.origin, "quarantined/unlisted:2")
	// What comes later goes in at once.
	early.more(1)
	s.submit1(early.cut(3, 3))
	s.wantOutcomes("later work", early.origin, "accepted:3")
	s.checkLedger()
	// Another point's word vouches for nothing.
	other := newAuthor(t, "other point", credential.RolePoint, testCommune)
	other.write(create(syncproto.CollectionDevice, textField(syncproto.FieldUnit, testVillage), textField(syncproto.DeviceRole, "phone"),
		syncproto.Field{Num: syncproto.DeviceOrigin, Value: syncproto.UUIDValue(never.origin)}))
	unseen := p.issue("unseen", false)
	other.write(create(syncproto.CollectionDevice, textField(syncproto.FieldUnit, testVillage), textField(syncproto.DeviceRole, "phone"),
		syncproto.Field{Num: syncproto.DeviceOrigin, Value: syncproto.UUIDValue(unseen.origin)}))
	s.bring(other)
	s.bring(unseen, p.author)
	s.wantOutcomes("named by another point", never.origin, "quarantined/unlisted:2")
	s.wantOutcomes("named by another point before it came", unseen.origin, "quarantined/unlisted:2")
}

// A point that takes in more phones than it may: the surplus waits and goes on
// when the centre gives more, in whatever order all that arrives.
func TestSurplusPhonesWaitForARenewal(t *testing.T) {
	for _, order := range [][]int{{0, 1, 2, 3}, {3, 2, 1, 0}, {1, 3, 0, 2}, {2, 0, 3, 1}} {
		t.Run(fmt.Sprint(order), func(t *testing.T) {
			s := withVillages(t)
			p := newIssuer(t, 2, time.Time{})
			for i := range 3 {
				p.issue(fmt.Sprintf("phone %d", i), true)
			}
			p.list(p.phones[0].origin) // taken in again: counts once
			for _, i := range order {
				if i == 3 {
					s.bring(p.author)
				} else {
					s.bring(p.phones[i], p.author)
				}
			}
			for i, want := range []string{"accepted:2", "accepted:2", "quarantined/surplus:2"} {
				s.wantOutcomes(fmt.Sprintf("phone %d", i), p.phones[i].origin, want)
			}
			p.renew(3, time.Time{})
			s.submitBatch(Batch{Credentials: []syncproto.OriginCredential{p.credentials()}})
			s.wantOutcomes("after the renewal", p.phones[2].origin, "accepted:2")
			// A phone that shows the point's old credential is no renewal.
			late := p.issue("late", false)
			p.list(late.origin)
			s.submit1(p.cut(5, 5))
			s.bring(late, p.author)
			s.wantOutcomes("one more", late.origin, "quarantined/surplus:2")
			s.checkLedger()
		})
	}
}

// A phone whose point will never speak again is enrolled again at the centre, and
// all that waited goes on.
func TestPhoneOfADeadPointIsEnrolledAtTheCentre(t *testing.T) {
	s := withVillages(t)
	p := newIssuer(t, 0, time.Time{})
	a := p.issue("orphan", false)
	s.bring(a, p.author)
	s.wantOutcomes("its point is silent", a.origin, "quarantined/unlisted:2")
	again := newAuthor(t, "orphan", credential.RolePhone, testVillage)
	s.submitBatch(Batch{Credentials: []syncproto.OriginCredential{again.credentials()}})
	s.wantOutcomes("enrolled again", a.origin, "accepted:2")
}

// While the point's log has a gap nobody knows who is one too many.
func TestPhonesAreNotCountedAcrossAGap(t *testing.T) {
	s := withVillages(t)
	p := newIssuer(t, 1, time.Time{})
	first, second := p.issue("first", true), p.issue("second", true)
	creds := []syncproto.OriginCredential{p.credentials(), first.credentials(), second.credentials()}
	s.submitBatch(Batch{Credentials: creds, Segments: [][]byte{p.cut(2, 2), first.cut(1, 2), second.cut(1, 2)}})
	s.wantOutcomes("beyond the gap", second.origin, "quarantined/unlisted:2")
	s.submit1(p.cut(1, 1))
	s.wantOutcomes("the first", first.origin, "accepted:2")
	s.wantOutcomes("the second", second.origin, "quarantined/surplus:2")
}

// What a point provably issued after its time waits, too; its carrying goes on.
func TestPhonesIssuedAfterTheEndWait(t *testing.T) {
	s := withVillages(t)
	end := time.UnixMilli(startMS).Add(time.Hour)
	p := newIssuer(t, 0, end)
	before := p.issue("before", true)
	s.clock.advance(2 * time.Hour)
	s.submit1() // a beacon of this time
	p.beacon = s.Beacon()
	if p.beacon.MS <= end.UnixMilli() {
		t.Fatalf("the beacon is of %v", time.UnixMilli(p.beacon.MS))
	}
	after := p.issue("after", true)
	for _, a := range []*author{before, after} {
		s.bring(a, p.author)
	}
	s.bring(p.author)
	s.wantOutcomes("before", before.origin, "accepted:2")
	s.wantOutcomes("after", after.origin, "quarantined/surplus:2")
	s.wantOutcomes("the point's own log", p.origin, "accepted:2")
	p.renew(0, end.Add(24*time.Hour))
	s.submitBatch(Batch{Credentials: []syncproto.OriginCredential{p.credentials()}})
	s.wantOutcomes("after the renewal", after.origin, "accepted:2")
}

// A person can let single changes of a surplus phone go.
func TestSurplusIsReleasedByRuling(t *testing.T) {
	s := withVillages(t)
	p := newIssuer(t, 1, time.Time{})
	p.issue("first", true)
	second := p.issue("second", true)
	s.bring(p.author)
	s.bring(second, p.author)
	if _, err := s.Rule(t.Context(), syncproto.Ruling{Kind: syncproto.RulingRelease, Target: second.ref(1)}); err != nil {
		t.Fatal(err)
	}
	s.wantOutcomes("one released", second.origin, "accepted:1 quarantined/surplus:1")
	s.view(func(r store.Reader) {
		list := must[[]store.Issued](t)(r.Issued(p.origin))
		if !slices.ContainsFunc(list, func(i store.Issued) bool { return i.Device == second.origin && i.State == store.IssuedSurplus }) {
			t.Errorf("issued: %+v", list)
		}
	})
}
