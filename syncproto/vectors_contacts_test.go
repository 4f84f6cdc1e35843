package syncproto

import (
	"crypto/ed25519"
	"testing"

	"github.com/google/uuid"
)

type (
	vecContact struct {
		Origin  uuid.UUID `json:"origin"`
		At      int64     `json:"at_ms,string"`
		Waiting int       `json:"waiting"`
	}
	vecContacts struct {
		Name   string       `json:"name"`
		Key    octets       `json:"key"`
		Bytes  octets       `json:"bytes"`
		Issuer uuid.UUID    `json:"issuer"`
		Issued int64        `json:"issued_ms,string,omitempty"`
		List   []vecContact `json:"list,omitempty"`
		Error  Code         `json:"error,omitempty"`
	}
)

func init() {
	vectorMakers = append(vectorMakers, vectorMaker{"receipt/contacts.json",
		"bytes is a point's contacts signed by key. With error, decoding and checking fails so.", makeContacts})
}

func makeContacts(*testing.T) any {
	key := vecKey(70)
	a, b := OriginOf(public(vecKey(0))), OriginOf(public(vecKey(1)))
	lists := map[string][]Contact{
		"none": nil,
		"two":  {{a, 1_780_000_000_000, 0}, {b, 1_780_000_060_000, 1<<31 - 1}},
	}
	var out []vecContacts
	for _, name := range []string{"none", "two"} {
		c := &Contacts{IssuedMS: 1_780_000_100_000, List: lists[name]}
		c.Sign(key)
		v := vecContacts{Name: name, Key: octets(public(key)), Bytes: c.Encode(), Issuer: c.Issuer, Issued: c.IssuedMS}
		for _, k := range c.List {
			v.List = append(v.List, vecContact{k.Origin, k.AtMS, k.Waiting})
		}
		out = append(out, v)
	}
	good := []byte(out[1].Bytes)
	bad := func(name string, k ed25519.PrivateKey, b []byte, code Code) {
		out = append(out, vecContacts{Name: name, Key: octets(public(k)), Bytes: b, Error: code})
	}
	bad("another issuer's key", vecKey(1), good, CodeForeignKey)
	flipped := append([]byte(nil), good...)
	flipped[len(flipped)-80] ^= 1
	bad("a flipped bit", key, flipped, CodeSignature)
	bad("an octet more", key, append(append([]byte(nil), good...), 0), CodeMalformed)
	bad("an octet less", key, good[:len(good)-1], CodeMalformed)
	many := &Contacts{List: make([]Contact, MaxContacts+1)}
	many.Sign(key)
	bad("one too many", key, many.Encode(), CodeTooLarge)
	return out
}

func TestContactsVectors(t *testing.T) {
	for _, v := range readVectors[vecContacts](t, "receipt/contacts.json") {
		t.Run(v.Name, func(t *testing.T) {
			c, err := DecodeContacts(v.Bytes)
			if err == nil {
				err = c.Verify(ed25519.PublicKey(v.Key))
			}
			if v.Error != "" || err != nil {
				if CodeOf(err) != v.Error {
					t.Errorf("error %v, want code %q", err, v.Error)
				}
				return
			}
			if c.Issuer != v.Issuer || c.IssuedMS != v.Issued || len(c.List) != len(v.List) {
				t.Fatalf("contacts %+v, want %+v", c, v)
			}
			for i, k := range c.List {
				if want := v.List[i]; k != (Contact{want.Origin, want.At, want.Waiting}) {
					t.Errorf("contact %+v, want %+v", k, want)
				}
			}
			wantBytes(t, "contacts encoded again", c.Encode(), v.Bytes)
		})
	}
}

func FuzzDecodeContacts(f *testing.F) {
	for _, v := range readVectors[vecContacts](f, "receipt/contacts.json") {
		f.Add([]byte(v.Bytes))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var c *Contacts
		var err error
		within(t, 1<<20, func() { c, err = DecodeContacts(b) })
		if err == nil {
			wantBytes(t, "contacts encoded again", c.Encode(), b)
		}
	})
}
