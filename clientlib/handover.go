package clientlib

import (
	"crypto/ed25519"
	"time"

	"thonsync/syncproto"
	"thonsync/syncproto/credential"
)

// A device that was restored or cloned begins a new origin. Until an officer
// enrols it again, the old key vouches for the new one: a handover is a
// credential issued by the old origin, with the old origin's own chain behind
// it. Whoever takes it holds what it covers as provisional.

// issueHandover gives the credential chain of a new origin: the handover first,
// then the old chain.
func issueHandover(old ed25519.PrivateKey, chain []string, centre ed25519.PublicKey, next ed25519.PublicKey, nowMS int64) ([]string, error) {
	g, err := credential.Verify(chain, centre, func(string, []string) bool { return true })
	if err != nil {
		return nil, err
	}
	token, err := credential.Issue(credential.Grant{Key: next, Role: g.Role, Units: g.Units, Team: g.Team, Issued: time.UnixMilli(nowMS)}, old)
	if err != nil {
		return nil, err
	}
	return append([]string{token}, chain...), nil
}

// VerifyHandover checks a chain that issueHandover made and gives the new
// origin's grant and the old origin. Role, units and team are the old grant's:
// a handover adds nothing. within is as for credential.Verify.
func VerifyHandover(chain []string, centre ed25519.PublicKey, within func(unit string, scope []string) bool) (credential.Grant, syncproto.OriginID, error) {
	if len(chain) < 2 {
		return credential.Grant{}, syncproto.OriginID{}, syncproto.Errorf(syncproto.CodeCredential, "a handover needs the old origin's chain behind it")
	}
	old, err := credential.Verify(chain[1:], centre, within)
	if err != nil {
		return credential.Grant{}, syncproto.OriginID{}, err
	}
	next, err := credential.Verify(chain[:1], old.Key, within)
	if err != nil {
		return credential.Grant{}, syncproto.OriginID{}, err
	}
	next.Role, next.Units, next.Team, next.Expiry = old.Role, old.Units, old.Team, old.Expiry
	return next, old.Device, nil
}
