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
func VerifyDevice(chain []string, centre *syncproto.Centre, within func(unit string, scope []string) bool) (Grant, error) {
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
func Handover(old ed25519.PrivateKey, chain []string, centre *syncproto.Centre, next ed25519.PublicKey) ([]string, error) {
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
func claimedRole(token string) Role { return claimed(token).Role }

// hint is what can be read of a token without any check.
type hint struct {
	Role    Role   `json:"role"`
	Subject string `json:"sub"`
}

func claimed(token string) hint {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return hint{}
	}
	b, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return hint{}
	}
	var h hint
	if json.Unmarshal(b, &h) != nil {
		return hint{}
	}
	return h
}

// Provisional tells whether the grant rests on a handover.
func (g *Grant) Provisional() bool { return g.Handover != uuid.Nil }

// Subjects lists the origins that a chain speaks of, its own first and issuers
// after it, as the tokens claim: it verifies nothing, and leaves out what it
// cannot read. It is for chains that were verified when they came.
func Subjects(chain []string) []syncproto.OriginID {
	var out []syncproto.OriginID
	for _, token := range chain {
		if id, err := uuid.Parse(claimed(token).Subject); err == nil {
			out = append(out, id)
		}
	}
	return out
}
