package credential

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"strings"

	"github.com/google/uuid"

	"thonsync/syncproto"
)

// VerifyDevice checks whatever a device may show for itself: its credential
// chain, or the handover of an old key with that key's chain behind it. A grant
// that rests on a handover names the old origin in Handover; its role, units,
// team and times are those of the old credential, because a handover adds
// nothing. within is as for Verify.
func VerifyDevice(chain []string, centre ed25519.PublicKey, within func(unit string, scope []string) bool) (Grant, error) {
	if !IsHandover(chain) {
		return Verify(chain, centre, within)
	}
	old, err := Verify(chain[1:], centre, within)
	if err != nil {
		return Grant{}, err
	}
	if old.Role != RolePhone {
		return Grant{}, syncproto.Errorf(syncproto.CodeCredential, "a %s may not hand over to another key", old.Role)
	}
	next, err := parse(chain[0], old.Key)
	if err != nil {
		return Grant{}, err
	}
	g := old
	g.Device, g.Key, g.Issuer, g.Handover = next.Device, next.Key, old.Device, old.Device
	return g, nil
}

// IsHandover tells whether a chain begins with a handover: what a phone's key
// says of another. It looks at what the chain claims and verifies nothing.
func IsHandover(chain []string) bool {
	return len(chain) > maxChain || len(chain) == maxChain && claimedRole(chain[1]) == RolePhone
}

// Handover makes the chain of a device's next key: the old key vouches for it,
// with the old key's chain behind.
func Handover(old ed25519.PrivateKey, chain []string, centre, next ed25519.PublicKey) ([]string, error) {
	g, err := Verify(chain, centre, func(string, []string) bool { return true })
	if err != nil {
		return nil, err
	}
	token, err := Issue(Grant{Key: next, Role: g.Role, Units: g.Units, Team: g.Team, Issued: g.Issued}, old)
	if err != nil {
		return nil, err
	}
	return append([]string{token}, chain...), nil
}

// claimedRole reads the role of a token without any check.
func claimedRole(token string) Role {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return ""
	}
	b, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return ""
	}
	var c struct {
		Role Role `json:"role"`
	}
	if json.Unmarshal(b, &c) != nil {
		return ""
	}
	return c.Role
}

// Provisional tells whether the grant rests on a handover.
func (g *Grant) Provisional() bool { return g.Handover != uuid.Nil }
