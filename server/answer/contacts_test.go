package answer_test

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"thonsync/server/store"
	"thonsync/syncproto"
	"thonsync/syncproto/credential"
)

// heard gives what is stored of an origin's last contact.
func (b *bench) heard(d *device) (o store.Origin) {
	b.t.Helper()
	if err := b.Flush(b.t.Context()); err != nil {
		b.t.Fatal(err)
	}
	err := b.store.View(b.t.Context(), func(r store.Reader) (err error) {
		o, _, err = r.Origin(d.id)
		return err
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return o
}

func (b *bench) contacts(signer *device, list ...syncproto.Contact) []byte {
	c := &syncproto.Contacts{IssuedMS: b.now.UnixMilli(), List: list}
	c.Sign(signer.key)
	return c.Encode()
}

// A point tells who was there: of its own units only, in the centre's time, and
// never back in time.
func TestContactsOfAPoint(t *testing.T) {
	b := newBench(t, credential.RoleCentre)
	point := b.known(b.device(credential.RolePoint, uuid.Nil, "l:1"))
	inside := b.known(b.device(credential.RolePhone, uuid.New(), "l:1"))
	outside := b.known(b.device(credential.RolePhone, uuid.New(), "l:2"))
	stranger := b.device(credential.RolePhone, uuid.New(), "l:1")
	now, hour := b.now.UnixMilli(), time.Hour.Milliseconds()
	tell := func(who *device, clock int64, lists ...[]byte) {
		t.Helper()
		if _, err := b.ask(who, &syncproto.Request{ClockMS: clock, Contacts: lists}); err != nil {
			t.Fatal(err)
		}
	}
	of := func(d *device, at int64) syncproto.Contact {
		return syncproto.Contact{Origin: d.id, AtMS: at, Waiting: 3}
	}
	// Its clock is an hour ahead.
	tell(point, now+hour, b.contacts(point, of(inside, now), of(outside, now), of(stranger, now), of(point, now+9*hour)))
	if o := b.heard(inside); o.LastContactMS != now-hour || o.Waiting != 3 {
		t.Errorf("phone of the point: %+v, want heard of at %d", o, now-hour)
	}
	if o := b.heard(outside); o.LastContactMS != 0 {
		t.Error("a point told of a phone outside its units")
	}
	if o := b.heard(point); o.LastContactMS != now {
		t.Errorf("a point told of itself: %d, want %d", o.LastContactMS, now)
	}
	tell(point, now, b.contacts(point, of(inside, now-2*hour)))
	if o := b.heard(inside); o.LastContactMS != now-hour {
		t.Errorf("an older contact set the time back to %d", o.LastContactMS)
	}
	tell(point, now, []byte{1}, b.contacts(inside, of(inside, now)), b.contacts(point, of(inside, now+hour)))
	if o := b.heard(inside); o.LastContactMS != now {
		t.Errorf("a contact ahead of the clock counts as %d, want %d", o.LastContactMS, now)
	}
	// The phone itself, later and with other news.
	b.now = b.now.Add(time.Minute)
	tell(inside, b.now.UnixMilli(), b.contacts(point, of(inside, now)))
	tell(point, b.now.UnixMilli(), b.contacts(point, of(inside, now+1)))
	if o := b.heard(inside); o.LastContactMS != b.now.UnixMilli() || o.Waiting != 0 {
		t.Errorf("after the phone itself: %+v", o)
	}
}

func TestContactsByFile(t *testing.T) {
	b := newBench(t, credential.RoleCentre)
	point := b.known(b.device(credential.RolePoint, uuid.Nil, "l:1"))
	phone := b.known(b.device(credential.RolePhone, uuid.New(), "l:1"))
	list := syncproto.Contact{Origin: phone.id, AtMS: b.now.UnixMilli() - 5}
	good := b.contacts(point, list)
	forged := append([]byte(nil), good...)
	forged[len(forged)-70] ^= 1
	for name, c := range map[string]struct {
		b    []byte
		code syncproto.Code
	}{
		"forged": {forged, syncproto.CodeSignature}, "by a phone": {b.contacts(phone, list), syncproto.CodeUnknownPeer},
		"by a stranger": {b.contacts(b.device(credential.RolePoint, uuid.Nil, "l:1"), list), syncproto.CodeUnknownPeer}, "cut": {good[:9], syncproto.CodeMalformed},
	} {
		if err := b.TakeContacts(t.Context(), c.b); syncproto.CodeOf(err) != c.code {
			t.Errorf("%s: %v, want %s", name, err, c.code)
		}
	}
	if o := b.heard(phone); o.LastContactMS != 0 {
		t.Fatal("a list that was refused counted")
	}
	b.in.revoked = map[syncproto.OriginID]*syncproto.Ruling{point.id: {Kind: syncproto.RulingRevoke}}
	if err := b.TakeContacts(t.Context(), good); syncproto.CodeOf(err) != syncproto.CodeCredential || b.heard(phone).LastContactMS != 0 {
		t.Errorf("of a revoked point: %v", err)
	}
	b.in.revoked = nil
	if err := b.TakeContacts(t.Context(), good); err != nil {
		t.Fatal(err)
	}
	if o := b.heard(phone); o.LastContactMS != list.AtMS {
		t.Errorf("heard of at %d, want %d", o.LastContactMS, list.AtMS)
	}
}
