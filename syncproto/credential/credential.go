// Package credential issues and checks the credentials that tie a device's key
// to a role and to units: JSON Web Tokens (RFC 7519) signed with EdDSA
// (RFC 8037) by golang-jwt, holding the device's key as a confirmation claim
// (RFC 7800). A chain runs from the device over a delegated issuer to the
// centre. Expiry ends issuing, never uploading.
package credential

import (
	"crypto/ed25519"
	"encoding/base64"
	"slices"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"

	"thonsync/syncproto"
)

// Role is what a device is for.
type Role string

// The roles.
const (
	RolePhone  Role = "phone"  // records activities of one team
	RolePoint  Role = "point"  // stores and forwards for its units; may issue phones
	RoleCentre Role = "centre" // the root of all chains
)

// Grant is what a credential says.
type Grant struct {
	Device syncproto.OriginID
	Key    ed25519.PublicKey
	Role   Role
	Units  []string  // scope: units as list:code, each with all below it
	Team   uuid.UUID // for phones
	Issuer syncproto.OriginID
	Issued time.Time
	Expiry time.Time // of the right to issue; zero for none
	// Number is how many phones a point may take in, counted from the first in
	// its own log; 0 for no limit.
	Number int
	// Handover is the old origin that vouches for this one until it is enrolled
	// again; zero for a credential of the device's own.
	Handover syncproto.OriginID
	// KeyNumber is which of the centre's keys signed; set where the centre is the
	// issuer itself.
	KeyNumber uint64
}

type confirmation struct {
	JWK struct {
		Kty string `json:"kty"`
		Crv string `json:"crv"`
		X   string `json:"x"`
	} `json:"jwk"`
}

type claims struct {
	jwt.RegisteredClaims
	Role  Role         `json:"role"`
	Units []string     `json:"units"`
	Team  string       `json:"team,omitempty"`
	Max   int          `json:"max,omitempty"`
	Cnf   confirmation `json:"cnf"`
}

// Issue signs g with the issuer's key. Device and Issuer follow from the keys.
func Issue(g Grant, issuer ed25519.PrivateKey) (string, error) {
	c := claims{Role: g.Role, Units: g.Units, Max: g.Number}
	c.Issuer = syncproto.OriginOf(issuer.Public().(ed25519.PublicKey)).String()
	c.Subject = syncproto.OriginOf(g.Key).String()
	c.IssuedAt = jwt.NewNumericDate(g.Issued)
	if !g.Expiry.IsZero() {
		c.ExpiresAt = jwt.NewNumericDate(g.Expiry)
	}
	if g.Team != uuid.Nil {
		c.Team = g.Team.String()
	}
	c.Cnf.JWK.Kty, c.Cnf.JWK.Crv = "OKP", "Ed25519"
	c.Cnf.JWK.X = base64.RawURLEncoding.EncodeToString(g.Key)
	s, err := jwt.NewWithClaims(jwt.SigningMethodEdDSA, c).SignedString(issuer)
	if err != nil {
		return "", syncproto.Wrap(syncproto.CodeInternal, err, "signing a credential failed")
	}
	return s, nil
}

// maxChain is centre -> point -> phone.
const maxChain = 2

// Verify checks a chain, the device's own credential first, up to the centre
// whose keys are given, and returns the device's grant. A credential under a key
// that the centre has replaced counts if it was issued before that. Scope can only shrink
// along the chain: units of a phone issued by a point must be covered by the
// point's, as within says (it must report whether unit lies in or under one of
// scope). Expiry is not looked at here.
func Verify(chain []string, centre *syncproto.Centre, within func(unit string, scope []string) bool) (Grant, error) {
	if len(chain) == 0 || len(chain) > maxChain {
		return Grant{}, syncproto.Errorf(syncproto.CodeCredential, "credential chain of %d parts, 1 to %d are allowed", len(chain), maxChain)
	}
	g, err := fromCentre(chain[len(chain)-1], centre)
	if err != nil {
		return Grant{}, err
	}
	for _, token := range slices.Backward(chain[:len(chain)-1]) {
		issued, err := parse(token, g.Key)
		if err != nil {
			return Grant{}, err
		}
		if g.Role != RolePoint || issued.Role != RolePhone {
			return Grant{}, syncproto.Errorf(syncproto.CodeCredential, "a %s may not issue a %s", g.Role, issued.Role)
		}
		for _, u := range issued.Units {
			if !within(u, g.Units) {
				return Grant{}, syncproto.Errorf(syncproto.CodeCredential, "credential reaches beyond its issuer's units")
			}
		}
		g = issued
	}
	return g, nil
}

// fromCentre checks a credential that one of the centre's keys signed while it was
// current.
func fromCentre(token string, centre *syncproto.Centre) (Grant, error) {
	n := centre.Number()
	g, err := parse(token, centre.KeyAt(n))
	for err != nil && n > 0 {
		n--
		g, err = parse(token, centre.KeyAt(n))
	}
	if err != nil {
		return Grant{}, err
	}
	if until, replaced := centre.Until(n); replaced && g.Issued.UnixMilli() > until {
		return Grant{}, syncproto.Errorf(syncproto.CodeCredential, "credential under key %d of the centre, issued after that was replaced", n)
	}
	g.KeyNumber = n
	return g, nil
}

func parse(token string, issuer ed25519.PublicKey) (Grant, error) {
	var c claims
	p := jwt.NewParser(jwt.WithValidMethods([]string{"EdDSA"}), jwt.WithoutClaimsValidation(), jwt.WithStrictDecoding())
	_, err := p.ParseWithClaims(token, &c, func(*jwt.Token) (any, error) { return issuer, nil })
	if err != nil {
		return Grant{}, syncproto.Wrap(syncproto.CodeCredential, err, "credential does not verify under its issuer's key")
	}
	key, err := base64.RawURLEncoding.Strict().DecodeString(c.Cnf.JWK.X)
	if err != nil || len(key) != ed25519.PublicKeySize {
		return Grant{}, syncproto.Errorf(syncproto.CodeCredential, "credential holds no Ed25519 key")
	}
	g := Grant{Key: key, Device: syncproto.OriginOf(key), Role: c.Role, Units: c.Units, Issuer: syncproto.OriginOf(issuer)}
	if c.Subject != g.Device.String() {
		return Grant{}, syncproto.Errorf(syncproto.CodeCredential, "credential's subject is not its key's origin")
	}
	if c.Team != "" {
		if g.Team, err = uuid.Parse(c.Team); err != nil {
			return Grant{}, syncproto.Errorf(syncproto.CodeCredential, "credential's team is no identifier")
		}
	}
	if g.Number = c.Max; c.Max < 0 {
		return Grant{}, syncproto.Errorf(syncproto.CodeCredential, "credential for a negative number of phones")
	}
	if c.IssuedAt != nil {
		g.Issued = c.IssuedAt.Time
	}
	if c.ExpiresAt != nil {
		g.Expiry = c.ExpiresAt.Time
	}
	return g, nil
}
