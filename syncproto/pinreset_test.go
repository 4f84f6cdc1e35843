package syncproto

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"strings"
	"testing"

	"github.com/google/uuid"
)

type vecReset struct {
	Device    octets    `json:"device_seed"`
	Server    octets    `json:"server_seed"`
	DeviceKey octets    `json:"device_key"`
	ServerKey octets    `json:"server_key"`
	Person    uuid.UUID `json:"person"`
	Nonce     octets    `json:"nonce"`
	Key       octets    `json:"key"`
	Challenge string    `json:"challenge"`
	Answer    string    `json:"answer"`
}

func init() {
	vectorMakers = append(vectorMakers, vectorMaker{"message/pinresets.json",
		"key follows from either seed and the other's public key; challenge from device, person and nonce; answer from key and challenge.", makeResets})
}

func makeReset(t testing.TB, device, server ed25519.PrivateKey, person uuid.UUID, nonce []byte) vecReset {
	key, err := ResetKey(device, public(server), true)
	must(t, err)
	c := ResetChallenge(OriginOf(public(device)), person, nonce)
	return vecReset{Device: octets(device.Seed()), Server: octets(server.Seed()), DeviceKey: octets(public(device)), ServerKey: octets(public(server)),
		Person: person, Nonce: nonce, Key: key, Challenge: c, Answer: ResetAnswer(key, c)}
}

func makeResets(t *testing.T) any {
	return []vecReset{
		makeReset(t, vecKey(0), vecKey(20), vecID, []byte{0, 1, 29, 255}),
		makeReset(t, vecKey(1), vecKey(70), vecEpoch, []byte{30, 60, 90, 120}),
	}
}

func TestVectorsPINReset(t *testing.T) {
	for _, v := range readVectors[vecReset](t, "message/pinresets.json") {
		device, server := ed25519.NewKeyFromSeed(v.Device), ed25519.NewKeyFromSeed(v.Server)
		wantJSON(t, makeReset(t, device, server, v.Person, v.Nonce), v)
		key, err := ResetKey(server, public(device), false)
		must(t, err)
		wantBytes(t, "the server's key", key, v.Key)
		other, err := ResetKey(vecKey(99), public(server), true)
		must(t, err)
		if bytes.Equal(other, key) || ResetAnswer(other, v.Challenge) == v.Answer {
			t.Error("another device has the same key")
		}
	}
}

func TestChallengesAreTypedByPeople(t *testing.T) {
	c := ResetChallenge(vecID, vecEpoch, []byte{1, 2, 3, 4})
	for _, typed := range []string{c, strings.ToLower(c), strings.ReplaceAll(c, "-", " "), strings.ReplaceAll(c, "-", "")} {
		got, device, person, err := ParseResetChallenge(typed)
		if err != nil || got != c || device != ResetDeviceTag(vecID) || person != ResetPersonTag(vecID, vecEpoch) {
			t.Errorf("%q: %q %q %q %v", typed, got, device, person, err)
		}
	}
	for _, bad := range []string{"", "ABCD-EFGH", c + "X", "1" + c[1:], "Ă" + c[2:]} {
		if _, _, _, err := ParseResetChallenge(bad); CodeOf(err) != CodeInvalidInput {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// Keys that lead nowhere are refused, and random ones always agree.
func TestResetKeys(t *testing.T) {
	own := vecKey(3)
	neutral := append([]byte{1}, make([]byte, 31)...) // y = 1
	for name, bad := range map[string][]byte{"short": {1}, "neutral": neutral, "low order": make([]byte, 32)} {
		if _, err := ResetKey(own, bad, true); CodeOf(err) != CodeForeignKey {
			t.Errorf("%s: %v", name, err)
		}
	}
	for range 50 {
		pub, key, err := ed25519.GenerateKey(rand.Reader)
		must(t, err)
		a, err := ResetKey(own, pub, true)
		must(t, err)
		b, err := ResetKey(key, public(own), false)
		must(t, err)
		if !bytes.Equal(a, b) {
			t.Fatal("the two sides disagree")
		}
	}
}
