package ingest

import (
	"math/rand/v2"
	"testing"

	"github.com/google/uuid"

	"thonsync/server/store"
	"thonsync/syncproto"
	"thonsync/syncproto/credential"
)

const (
	newProvince = "gso-2025-07:08"
	minhNgoc    = "gso-2025-07:00994"
	ngocDuong   = "gso-2025-07:00700"
	villageTwo  = "thon-2025:00988-02"
)

// told lists what the pages of a feed say: records by id, rulings by their unit.
func (s *server) told(feed string) (records map[uuid.UUID]int, rulings int) {
	s.t.Helper()
	records = map[uuid.UUID]int{}
	s.view(func(r store.Reader) {
		pages, err := r.Pages(feed, 0, 1000)
		if err != nil {
			s.t.Fatal(err)
		}
		for _, p := range pages {
			page, err := s.cfg.Trust.Centre().DecodePage(p.Data)
			if err != nil {
				s.t.Fatal(err)
			}
			for _, it := range page.Items {
				if it.Change != nil {
					records[it.Change.Record]++
				}
				if it.Ruling != nil {
					rulings++
				}
			}
		}
	})
	return records, rulings
}

// moved is a centre where Yên Định was split and its first village placed.
type moved struct {
	*server
	centre          *author
	village, team   uuid.UUID
	neighbour, lead uuid.UUID // the village that stays where it was, and its team
	phone           *author
}

func newMoved(t *testing.T) *moved {
	t.Helper()
	m := &moved{server: newCentre(t)}
	m.centre = m.centreAuthor()
	part := func(key, name, parent string) syncproto.Change {
		list, code, _ := syncproto.SplitUnitKey(key)
		level := "commune"
		fields := []syncproto.Field{textField(syncproto.FieldUnit, key), textField(syncproto.UnitList, list), textField(syncproto.UnitCode, code), textField(syncproto.UnitType, "Xã"), textField(syncproto.UnitName, name)}
		if parent == "" {
			level = "province"
		} else {
			fields = append(fields, textField(syncproto.UnitParent, parent))
		}
		return create(syncproto.CollectionUnit, append(fields, textField(syncproto.UnitLevel, level))...)
	}
	m.submit1(m.centre.segments(m.reference(), 1000)...)
	first := m.centre.heads.Seq + 1
	m.centre.write(part(newProvince, "Tuyên Quang", ""))
	m.centre.write(part(minhNgoc, "Minh Ngọc", newProvince))
	m.centre.write(part(ngocDuong, "Ngọc Đường", newProvince))
	m.neighbour = m.centre.write(village("00988-02", "Bản Loòng", "00988"))
	m.team = m.centre.write(create(syncproto.CollectionTeam, textField(syncproto.FieldUnit, testVillage), textField(syncproto.TeamName, "Tổ Nà Xá")))
	m.lead = m.centre.write(create(syncproto.CollectionTeam, textField(syncproto.FieldUnit, villageTwo), textField(syncproto.TeamName, "Tổ Bản Loòng")))
	m.submit1(m.centre.cuts(first, m.centre.heads.Seq, 1000)...)
	m.view(func(r store.Reader) {
		if err := r.EachRecord(store.RecordQuery{Collection: syncproto.CollectionUnit, Unit: testVillage}, func(rec store.Record) error { m.village = rec.ID; return nil }); err != nil {
			t.Fatal(err)
		}
	})
	m.phone = newAuthor(t, "phone", credential.RolePhone, testVillage)
	m.submitBatch(Batch{Segments: m.phone.segments([]syncproto.Change{activity(testVillage, rand.New(rand.NewPCG(1, 1)))}, 10), Credentials: []syncproto.OriginCredential{m.phone.credentials()}})
	if _, err := m.Revoke(t.Context(), m.phone.origin, syncproto.ReasonRevoked); err != nil {
		t.Fatal(err)
	}
	return m
}

// move gives the village another parent.
func (m *moved) move(parent, former string) {
	m.t.Helper()
	c := set(syncproto.CollectionUnit, m.village, nil, textField(syncproto.UnitParent, parent), textField(syncproto.UnitFormer, former))
	m.submit1(m.centre.segments([]syncproto.Change{c}, 10)...)
}

func TestAVillageTakesItsFeedAlong(t *testing.T) {
	m := newMoved(t)
	if records, _ := m.told(minhNgoc); len(records) != 0 {
		t.Fatalf("the new commune's feed tells of %d records before the village came", len(records))
	}
	m.move(minhNgoc, testCommune)
	records, rulings := m.told(minhNgoc)
	if records[m.village] != 2 || records[m.team] != 1 || rulings != 1 {
		t.Errorf("the new commune's feed tells %d times of the village, %d of its team, %d rulings; want 2, 1, 1", records[m.village], records[m.team], rulings)
	}
	if records[m.neighbour]+records[m.lead] != 0 {
		t.Error("the new commune's feed tells of a village that did not come")
	}
	old, _ := m.told(testCommune)
	if old[m.village] != 2 {
		t.Errorf("the old commune's feed tells %d times of the village, want 2: that it left is news there", old[m.village])
	}
	if other, _ := m.told(ngocDuong); len(other) != 0 {
		t.Errorf("the feed of the commune that got nothing tells of %d records", len(other))
	}
	m.view(func(r store.Reader) {
		o, _, err := r.Origin(m.phone.origin)
		if err != nil || o.Commune != minhNgoc {
			t.Errorf("the phone is listed under %q, %v", o.Commune, err)
		}
	})
	// What comes later goes to the new feed alone.
	later := m.centre.write(create(syncproto.CollectionMember, textField(syncproto.FieldUnit, testVillage), textField(syncproto.MemberRole, "member")))
	m.submit1(m.centre.cuts(m.centre.heads.Seq, m.centre.heads.Seq, 10)...)
	now, _ := m.told(minhNgoc)
	before, _ := m.told(testCommune)
	if now[later] != 1 || before[later] != 0 {
		t.Errorf("a later change of the village stands %d times in its feed and %d in the one it left", now[later], before[later])
	}
}

func TestAPointFollowsAVillage(t *testing.T) {
	m := newMoved(t)
	point := newPoint(t)
	point.submitBatch(Batch{Pages: m.pages(point)})
	m.move(minhNgoc, testCommune)
	if r := point.submitBatch(Batch{Pages: m.pages(point)}); len(r.Refused) > 0 {
		t.Fatal(r.Refused)
	}
	defs := point.Definitions()
	if got := defs.Commune(testVillage); got != minhNgoc {
		t.Errorf("the point has the village in %q", got)
	}
	for scope, want := range map[string]bool{testCommune: true, minhNgoc: true, ngocDuong: false} {
		if defs.Within(testVillage, []string{scope}) != want {
			t.Errorf("within %s: want %v", scope, want)
		}
	}
	if got, ok := defs.Resolve(testVillage, "gso-2025-06"); !ok || got != testCommune {
		t.Errorf("by the old list it lay in %q", got)
	}
}

// TestWorkUnderAnOldUnitIsAccepted: a phone that never heard of it writes on.
func TestWorkUnderAnOldUnitIsAccepted(t *testing.T) {
	m := newMoved(t)
	m.move(minhNgoc, testCommune)
	rng := rand.New(rand.NewPCG(2, 2))
	old := newAuthor(t, "old office", credential.RolePhone, testCommune)
	new1 := newAuthor(t, "new office", credential.RolePhone, minhNgoc)
	foreign := newAuthor(t, "other part", credential.RolePhone, ngocDuong)
	for _, c := range []struct {
		who  *author
		unit string
		want syncproto.Outcome
	}{
		{old, testCommune, syncproto.OutcomeAccepted}, {old, testVillage, syncproto.OutcomeAccepted},
		{old, minhNgoc, syncproto.OutcomeQuarantined}, {new1, testVillage, syncproto.OutcomeAccepted},
		{foreign, testVillage, syncproto.OutcomeQuarantined}, {new1, villageTwo, syncproto.OutcomeQuarantined},
	} {
		m.submitBatch(Batch{Segments: c.who.segments([]syncproto.Change{activity(c.unit, rng)}, 10), Credentials: []syncproto.OriginCredential{c.who.credentials()}})
		m.view(func(r store.Reader) {
			lines, err := r.Outcomes(c.who.origin, 0)
			if err != nil {
				t.Fatal(err)
			}
			if got := lines[len(lines)-1].Outcome; got != c.want {
				t.Errorf("%s at %s: %s, want %s", c.who.chain[0][:6], c.unit, got, c.want)
			}
		})
	}
	// What waited for the tree is judged again once the other village comes, too.
	m.village = m.neighbour
	m.move(minhNgoc, testCommune)
	m.view(func(r store.Reader) {
		lines, err := r.Outcomes(new1.origin, 0)
		if err != nil || len(lines) != 1 || lines[0].Outcome != syncproto.OutcomeAccepted {
			t.Errorf("after the second village came: %+v, %v", lines, err)
		}
	})
}

// TestATeamTakesItsFeedAlong: a team of a whole commune is moved by itself.
func TestATeamTakesItsFeedAlong(t *testing.T) {
	m := newMoved(t)
	team := m.centre.write(create(syncproto.CollectionTeam, textField(syncproto.FieldUnit, testCommune), textField(syncproto.TeamName, "Tổ của xã")))
	m.submit1(m.centre.cuts(m.centre.heads.Seq, m.centre.heads.Seq, 10)...)
	m.submit1(m.centre.segments([]syncproto.Change{set(syncproto.CollectionTeam, team, nil, textField(syncproto.FieldUnit, minhNgoc))}, 10)...)
	now, _ := m.told(minhNgoc)
	before, _ := m.told(testCommune)
	if now[team] != 2 || before[team] != 2 || len(now) != 1 {
		t.Errorf("its new feed tells %d times of it and of %d records, its old one %d times; want 2, 1, 2", now[team], len(now), before[team])
	}
	m.submit1(m.centre.segments([]syncproto.Change{set(syncproto.CollectionTeam, team, nil, textField(syncproto.TeamName, "Tổ mới"))}, 10)...)
	now, _ = m.told(minhNgoc)
	before, _ = m.told(testCommune)
	if now[team] != 3 || before[team] != 2 {
		t.Errorf("later: %d and %d times; want 3 and 2", now[team], before[team])
	}
}
