package credential

import (
	"testing"

	"github.com/google/uuid"

	"thonsync/syncproto"
)

func TestHandover(t *testing.T) {
	byCentre := []string{issue(t, grant(phone, RolePhone, "v1"), centre)}
	pointToken := issue(t, grant(point, RolePoint, "c1"), centre)
	byPoint := []string{issue(t, grant(phone, RolePhone, "v1"), point), pointToken}
	for name, chain := range map[string][]string{"of the centre": byCentre, "of a point": byPoint} {
		next, err := Handover(phone, chain, syncproto.CentreOf(public(centre)), public(other))
		if err != nil {
			t.Fatal(err)
		}
		g, err := VerifyDevice(next, syncproto.CentreOf(public(centre)), within)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		old, err := VerifyDevice(chain, syncproto.CentreOf(public(centre)), within)
		if err != nil || old.Provisional() {
			t.Fatalf("%s: the plain chain: %+v, %v", name, old, err)
		}
		if !g.Provisional() || g.Handover != old.Device || g.Issuer != old.Device || g.Device != syncproto.OriginOf(public(other)) || !g.Key.Equal(public(other)) {
			t.Errorf("%s: %+v", name, g)
		}
		if g.Role != RolePhone || g.Team != team || len(g.Units) != 1 || g.Units[0] != "v1" || !g.Issued.Equal(old.Issued) {
			t.Errorf("%s: grant %+v is not the old one", name, g)
		}
		if _, err := Verify(next, syncproto.CentreOf(public(centre)), within); syncproto.CodeOf(err) != syncproto.CodeCredential {
			t.Errorf("%s: a handover counts as a credential: %v", name, err)
		}
	}
}

// A handover adds nothing, and nobody but a phone makes one.
func TestHandoverAddsNothing(t *testing.T) {
	chain := []string{issue(t, grant(phone, RolePhone, "v1"), centre)}
	wide := grant(other, RolePoint, "p")
	wide.Team = uuid.UUID{9}
	g, err := VerifyDevice(append([]string{issue(t, wide, phone)}, chain...), syncproto.CentreOf(public(centre)), within)
	if err != nil || g.Role != RolePhone || g.Team != team || g.Units[0] != "v1" {
		t.Errorf("a handover that claims more: %+v, %v", g, err)
	}
	pointToken := issue(t, grant(point, RolePoint, "c1"), centre)
	byPoint := []string{issue(t, grant(phone, RolePhone, "v1"), point), pointToken}
	for name, bad := range map[string][]string{
		"by a stranger":   append([]string{issue(t, grant(other, RolePhone, "v1"), other)}, chain...),
		"by a point":      {issue(t, grant(other, RolePoint, "c1"), point), pointToken},
		"of a handover":   append([]string{issue(t, grant(key(99), RolePhone, "v1"), other), issue(t, grant(other, RolePhone, "v1"), phone)}, chain...),
		"without a chain": {issue(t, grant(other, RolePhone, "v1"), phone)},
		"four tokens":     append([]string{issue(t, grant(key(99), RolePhone, "v1"), other), issue(t, grant(other, RolePhone, "v1"), phone)}, byPoint...),
		"of no token":     append([]string{"x.y.z"}, byPoint...),
		"behind no token": {"x.y.z", "x.y.z", "x.y.z"},
	} {
		if g, err := VerifyDevice(bad, syncproto.CentreOf(public(centre)), within); syncproto.CodeOf(err) != syncproto.CodeCredential {
			t.Errorf("%s: %+v, %v", name, g, err)
		}
	}
}
