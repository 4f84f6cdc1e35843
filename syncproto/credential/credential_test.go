package credential

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"thonsync/syncproto"
	"thonsync/testdata/vectors"
)

func key(n byte) ed25519.PrivateKey {
	seed := make([]byte, ed25519.SeedSize)
	for i := range seed {
		seed[i] = n + byte(i)
	}
	return ed25519.NewKeyFromSeed(seed)
}

func public(k ed25519.PrivateKey) ed25519.PublicKey { return k.Public().(ed25519.PublicKey) }

// parents is a small unit tree.
var parents = map[string]string{
	"v1": "c1", "v2": "c1", "v3": "c2", "c1": "p", "c2": "p",
}

func within(unit string, scope []string) bool {
	for unit != "" {
		if slices.Contains(scope, unit) {
			return true
		}
		unit = parents[unit]
	}
	return false
}

var (
	centre, point, phone, other = key(70), key(20), key(0), key(1)

	team   = uuid.MustParse("0199aa00-1111-8222-9333-444455556666")
	issued = time.Unix(1_780_000_000, 0)
)

func grant(k ed25519.PrivateKey, role Role, units ...string) Grant {
	g := Grant{Key: public(k), Role: role, Units: units, Issued: issued}
	if role == RolePhone {
		g.Team = team
	}
	return g
}

func issue(t testing.TB, g Grant, by ed25519.PrivateKey) string {
	t.Helper()
	s, err := Issue(g, by)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

type vector struct {
	Name   string             `json:"name"`
	Centre string             `json:"centre"`
	Chain  []string           `json:"chain"`
	Device string             `json:"device,omitempty"`
	Key    string             `json:"key,omitempty"`
	Role   Role               `json:"role,omitempty"`
	Units  []string           `json:"units,omitempty"`
	Team   uuid.UUID          `json:"team"`
	Issuer syncproto.OriginID `json:"issuer"`
	Expiry int64              `json:"exp,omitempty"`
	Number int                `json:"max,omitempty"`
	Error  syncproto.Code     `json:"error,omitempty"`
}

type vectorFile struct {
	Note    string            `json:"note"`
	Parents map[string]string `json:"parents"`
	Vectors []vector          `json:"vectors"`
}

const vectorPath = "credential/chains.json"

// cases gives all chains, good and bad.
func cases(t testing.TB) []vector {
	var out []vector
	good := func(name string, chain ...string) {
		g, err := Verify(chain, syncproto.CentreOf(public(centre)), within)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		v := vector{Name: name, Centre: hex.EncodeToString(public(centre)), Chain: chain, Device: g.Device.String(), Key: hex.EncodeToString(g.Key),
			Role: g.Role, Units: g.Units, Team: g.Team, Issuer: g.Issuer}
		v.Number = g.Number
		if !g.Expiry.IsZero() {
			v.Expiry = g.Expiry.Unix()
		}
		out = append(out, v)
	}
	bad := func(name string, chain ...string) {
		out = append(out, vector{Name: name, Centre: hex.EncodeToString(public(centre)), Chain: chain, Error: syncproto.CodeCredential})
	}
	pointGrant := grant(point, RolePoint, "c1")
	pointGrant.Expiry = issued.Add(24 * time.Hour)
	p, own := issue(t, pointGrant, centre), issue(t, grant(phone, RolePhone, "v1"), point)
	direct := issue(t, grant(phone, RolePhone, "v1", "v3"), centre)

	good("phone of the centre", direct)
	good("point, long expired", p)
	bounded := grant(point, RolePoint, "c1")
	bounded.Number = 50
	good("point for fifty phones", issue(t, bounded, centre))
	bounded.Number = -1
	bad("point for a negative number", issue(t, bounded, centre))
	good("phone of a point", own, p)
	good("phone for the point's own unit", issue(t, grant(phone, RolePhone, "c1"), point), p)
	bad("empty chain")
	bad("point's own word without its credential", own)
	bad("chain in the wrong order", p, own)
	bad("scope grows to another commune", issue(t, grant(phone, RolePhone, "v1", "v3"), point), p)
	bad("scope grows to the province", issue(t, grant(phone, RolePhone, "p"), point), p)
	bad("a point issues a point", issue(t, grant(other, RolePoint, "c1"), point), p)
	bad("a point issues a centre", issue(t, grant(other, RoleCentre, "c1"), point), p)
	bad("a phone issues a phone", issue(t, grant(other, RolePhone, "v1"), phone), direct)
	bad("three tokens", issue(t, grant(other, RolePhone, "v1"), phone), own, p)
	bad("signed by another centre", issue(t, grant(phone, RolePhone, "v1"), other))
	bad("claims changed", tamper(direct))
	bad("signature cut short", direct[:len(direct)-2])
	bad("no signature, alg none", unsigned(direct))
	bad("alg of a shared secret", withHeader(direct, `{"alg":"HS256","typ":"JWT"}`))
	bad("no token at all", "not.a.token")
	bad("subject of another key", wrongSubject(t))
	return out
}

// tamper raises a phone to a point without signing anew.
func tamper(token string) string {
	parts := strings.Split(token, ".")
	b, _ := base64.RawURLEncoding.DecodeString(parts[1])
	parts[1] = base64.RawURLEncoding.EncodeToString([]byte(strings.Replace(string(b), `"phone"`, `"point"`, 1)))
	return strings.Join(parts, ".")
}

func withHeader(token, header string) string {
	parts := strings.Split(token, ".")
	parts[0] = base64.RawURLEncoding.EncodeToString([]byte(header))
	return strings.Join(parts, ".")
}

func unsigned(token string) string {
	parts := strings.Split(withHeader(token, `{"alg":"none","typ":"JWT"}`), ".")
	return parts[0] + "." + parts[1] + "."
}

// wrongSubject is signed by the centre, but names another origin than the key's.
func wrongSubject(t testing.TB) string {
	good := issue(t, grant(phone, RolePhone, "v1"), centre)
	parts := strings.Split(good, ".")
	b, _ := base64.RawURLEncoding.DecodeString(parts[1])
	claims := strings.Replace(string(b), syncproto.OriginOf(public(phone)).String(), syncproto.OriginOf(public(other)).String(), 1)
	signed := parts[0] + "." + base64.RawURLEncoding.EncodeToString([]byte(claims))
	return signed + "." + base64.RawURLEncoding.EncodeToString(ed25519.Sign(centre, []byte(signed)))
}

// TestWriteVectors makes the vector file if it is not there; it is frozen.
func TestWriteVectors(t *testing.T) {
	if os.Getenv("THONSYNC_WRITE_VECTORS") != "1" {
		t.Skip("writes vectors of new layers only with THONSYNC_WRITE_VECTORS=1")
	}
	b, err := json.MarshalIndent(vectorFile{"chain verifies under centre (an Ed25519 key in hex) and gives device, key, role, units, team, issuer, exp and max. parents is the unit tree. With error, verifying fails so.", parents, cases(t)}, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile("../../testdata/vectors/"+vectorPath, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		t.Logf("frozen, stays: %v", err)
		return
	}
	defer f.Close()
	if _, err := f.Write(append(b, '\n')); err != nil {
		t.Fatal(err)
	}
}

func readVectors(t testing.TB) []vector {
	t.Helper()
	b, err := vectors.Files.ReadFile(vectorPath)
	if err != nil {
		t.Fatal(err)
	}
	var f vectorFile
	if err := json.Unmarshal(b, &f); err != nil || len(f.Vectors) == 0 {
		t.Fatalf("%s: %v", vectorPath, err)
	}
	return f.Vectors
}

func TestVectors(t *testing.T) {
	for _, v := range readVectors(t) {
		t.Run(v.Name, func(t *testing.T) {
			root, err := hex.DecodeString(v.Centre)
			if err != nil {
				t.Fatal(err)
			}
			g, err := Verify(v.Chain, syncproto.CentreOf(root), within)
			if syncproto.CodeOf(err) != v.Error {
				t.Fatalf("got %v, want %q", err, v.Error)
			}
			if err != nil {
				return
			}
			if g.Device.String() != v.Device || hex.EncodeToString(g.Key) != v.Key || g.Role != v.Role || !slices.Equal(g.Units, v.Units) || g.Team != v.Team || g.Issuer != v.Issuer || g.Number != v.Number {
				t.Errorf("grant is %+v, want %+v", g, v)
			}
			if v.Expiry != 0 && g.Expiry.Unix() != v.Expiry || v.Expiry == 0 && !g.Expiry.IsZero() {
				t.Errorf("expiry %v, want %d", g.Expiry, v.Expiry)
			}
		})
	}
}

// TestIssueGivesTheSameToken: EdDSA is deterministic, so what is issued today
// must be the frozen token to the letter.
func TestIssueGivesTheSameToken(t *testing.T) {
	frozen := readVectors(t)
	for i, v := range cases(t) {
		if !slices.Equal(v.Chain, frozen[i].Chain) {
			t.Errorf("%s: chain is not the frozen one", v.Name)
		}
	}
}

func FuzzCredential(f *testing.F) {
	for _, v := range readVectors(f) {
		f.Add(strings.Join(v.Chain, " "))
	}
	f.Fuzz(func(t *testing.T, s string) {
		chain := strings.Fields(s)
		g, err := Verify(chain, syncproto.CentreOf(public(centre)), within)
		if err != nil && syncproto.CodeOf(err) != syncproto.CodeCredential {
			t.Errorf("fails with %v", err)
		}
		if err != nil {
			return
		}
		if g.Device != syncproto.OriginOf(g.Key) {
			t.Error("a grant whose device is not its key's")
		}
		// Nobody but the holders of the test keys can make a chain, so what
		// verifies must be one of the frozen chains.
		if !slices.ContainsFunc(readVectors(t), func(v vector) bool { return v.Error == "" && slices.Equal(v.Chain, chain) }) {
			t.Errorf("a forged chain verifies: %q", s)
		}
	})
}

// One key has one spelling: bits behind the last octet must be zero.
func TestKeyWithBitsLeftOver(t *testing.T) {
	good := issue(t, grant(phone, RolePhone, "v1"), centre)
	parts := strings.Split(good, ".")
	b, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	x := base64.RawURLEncoding.EncodeToString(public(phone))
	const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	other := x[:len(x)-1] + string(digits[strings.IndexByte(digits, x[len(x)-1])+1])
	signed := parts[0] + "." + base64.RawURLEncoding.EncodeToString([]byte(strings.Replace(string(b), x, other, 1)))
	token := signed + "." + base64.RawURLEncoding.EncodeToString(ed25519.Sign(centre, []byte(signed)))
	if token == good {
		t.Fatal("the key stands in the token in another way than expected")
	}
	if _, err := Verify([]string{token}, syncproto.CentreOf(public(centre)), within); syncproto.CodeOf(err) != syncproto.CodeCredential {
		t.Errorf("a key in another spelling: %v", err)
	}
	if _, err := Verify([]string{good}, syncproto.CentreOf(public(centre)), within); err != nil {
		t.Error(err)
	}
}

// A credential under a key that the centre has replaced counts if it was issued
// before that.
func TestCredentialUnderAReplacedKey(t *testing.T) {
	line, err := syncproto.FoundCentre(centre, syncproto.Hash{}, 1).Succeed(key(71), centre, syncproto.Hash{}, issued.UnixMilli())
	if err != nil {
		t.Fatal(err)
	}
	at := func(after time.Duration, by ed25519.PrivateKey) []string {
		g := grant(phone, RolePhone, "v1")
		g.Issued = issued.Add(after)
		return []string{issue(t, g, by)}
	}
	for name, v := range map[string]struct {
		chain  []string
		number uint64
		code   syncproto.Code
	}{
		"old key, in its time": {at(0, centre), 0, ""}, "new key": {at(time.Hour, key(71)), 1, ""},
		"old key, later": {at(time.Second, centre), 0, syncproto.CodeCredential}, "no key of the centre": {at(0, other), 0, syncproto.CodeCredential},
	} {
		g, err := Verify(v.chain, line, within)
		if syncproto.CodeOf(err) != v.code || g.KeyNumber != v.number {
			t.Errorf("%s: key %d, %v", name, g.KeyNumber, err)
		}
	}
}
