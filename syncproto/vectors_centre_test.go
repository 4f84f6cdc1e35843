package syncproto

import (
	"crypto/ed25519"
	"testing"
)

type (
	vecSuccession struct {
		Number   uint64 `json:"number"`
		Issued   int64  `json:"issued,string"`
		By       uint8  `json:"by"`
		New      octets `json:"new"`
		Recovery octets `json:"recovery"`
	}
	vecCentre struct {
		Name  string          `json:"name"`
		Bytes octets          `json:"bytes"`
		ID    string          `json:"id,omitempty"`
		Line  []vecSuccession `json:"line,omitempty"`
		Error Code            `json:"error,omitempty"`
	}
	// vecFollow is what comes of two lines: "ours" stays, "theirs" is taken, or
	// error.
	vecFollow struct {
		Name   string `json:"name"`
		Ours   octets `json:"ours"`
		Theirs octets `json:"theirs"`
		Take   string `json:"take,omitempty"`
		Error  Code   `json:"error,omitempty"`
	}
)

func init() {
	vectorMakers = append(vectorMakers,
		vectorMaker{"centre/lines.json", "bytes is a line of the centre's keys. With error, decoding and checking fails so.", makeLines},
		vectorMaker{"centre/follow.json", "A replica that knows the line ours is shown theirs: it takes theirs, keeps ours, or refuses with error.", makeFollow})
}

const vecFounded = 1_770_000_000_000

// vecParts are three keys, the second named by the first, the third by the
// recovery key.
func vecParts(t testing.TB) (founded, second, third *Centre) {
	t.Helper()
	founded = FoundCentre(vecKey(68), RecoveryHash(public(vecKey(90))), vecFounded)
	second = succeed(t, founded, 69, 68, 90, vecFounded+1000)
	return founded, second, succeed(t, second, 70, 90, 91, vecFounded+2000)
}

func vecLine(t testing.TB) *Centre {
	_, _, c := vecParts(t)
	return c
}

func succeed(t testing.TB, c *Centre, next, by, recovery byte, ms int64) *Centre {
	t.Helper()
	out, err := c.Succeed(vecKey(next), vecKey(by), RecoveryHash(public(vecKey(recovery))), ms)
	must(t, err)
	return out
}

// lineOf puts successions together without asking whether they fit.
func lineOf(list ...Succession) []byte { return (&Centre{line: list}).Encode() }

func makeLines(t *testing.T) any {
	founded, second, third := vecParts(t)
	var out []vecCentre
	for _, c := range []struct {
		name string
		*Centre
	}{{"founding alone", founded}, {"one key by the old", second}, {"one key by recovery", third}} {
		v := vecCentre{Name: c.name, Bytes: c.Encode(), ID: c.ID().String()}
		for _, s := range c.Line() {
			v.Line = append(v.Line, vecSuccession{s.Number, s.IssuedMS, uint8(s.By), octets(s.New), append(octets{}, s.Recovery[:]...)})
		}
		out = append(out, v)
	}
	bad := func(name string, b []byte, code Code) {
		out = append(out, vecCentre{Name: name, Bytes: b, Error: code})
	}
	line, b := third.Line(), third.Encode()
	bad("no key at all", []byte{0}, CodeMalformed)
	bad("a key left out", lineOf(line[0], line[2]), CodeMalformed)
	bad("without its founding", lineOf(line[1]), CodeMalformed)
	bad("signature of the new key changed", flipped(b, 8*(len(b)-1)), CodeSignature)
	bad("signature of the recovery key changed", flipped(b, 8*(len(b)-65)), CodeSignature)
	bad("cut short", b[:len(b)-1], CodeMalformed)
	bad("octet behind the end", append(append([]byte{}, b...), 0), CodeMalformed)
	stranger := FoundCentre(vecKey(1), Hash{}, vecFounded)
	alien := succeed(t, stranger, 70, 1, 91, vecFounded+1000).Line()
	bad("a successor of another key", lineOf(line[0], alien[1]), CodeForeignKey)
	unasked := Succession{Number: 1, IssuedMS: vecFounded + 1000, Old: public(vecKey(68)), New: public(vecKey(70)), By: ByRecovery, RecoveryKey: public(vecKey(92))}
	unasked.sign(vecKey(92), vecKey(70))
	bad("by a recovery key that was never announced", lineOf(line[0], unasked), CodeForeignKey)
	early := Succession{Number: 1, IssuedMS: vecFounded, Old: public(vecKey(68)), New: public(vecKey(70)), By: ByOldKey}
	early.sign(vecKey(68), vecKey(70))
	bad("not later than the one before", lineOf(line[0], early), CodeMalformed)
	odd := line[0]
	odd.Number = 1
	odd.sign(nil, vecKey(68))
	bad("a founding in the second place", lineOf(line[0], odd), CodeMalformed)
	return out
}

func makeFollow(t *testing.T) any {
	founded, second, third := vecParts(t)
	thief := succeed(t, founded, 66, 68, 90, vecFounded+500)
	again := succeed(t, thief, 67, 66, 90, vecFounded+600)
	saved := succeed(t, founded, 65, 90, 91, vecFounded+700)
	rival := succeed(t, founded, 64, 90, 91, vecFounded+800)
	other := FoundCentre(vecKey(1), Hash{}, vecFounded)
	v := func(name string, ours, theirs *Centre, take string, code Code) vecFollow {
		return vecFollow{Name: name, Ours: ours.Encode(), Theirs: theirs.Encode(), Take: take, Error: code}
	}
	return []vecFollow{
		v("the same", second, second, "ours", ""), v("longer", founded, third, "theirs", ""), v("shorter", third, founded, "ours", ""),
		v("another centre", founded, other, "", CodeForeignKey), v("two successors by the old key", second, thief, "", CodeFork),
		v("recovery overrules the old key", again, saved, "theirs", ""), v("the old key does not overrule recovery", saved, again, "", CodeForeignKey),
		v("two successors by recovery", saved, rival, "", CodeFork),
	}
}

func TestVectorsLine(t *testing.T) {
	for _, v := range readVectors[vecCentre](t, "centre/lines.json") {
		t.Run(v.Name, func(t *testing.T) {
			c, err := DecodeCentre(v.Bytes)
			wantCode(t, err, v.Error)
			if err != nil || v.Error != "" {
				return
			}
			if c.ID().String() != v.ID || len(c.Line()) != len(v.Line) || c.Number() != uint64(len(v.Line)-1) {
				t.Fatalf("centre %s of %d keys", c.ID(), len(c.Line()))
			}
			for i, s := range c.Line() {
				w := v.Line[i]
				if s.Number != w.Number || s.IssuedMS != w.Issued || uint8(s.By) != w.By {
					t.Errorf("succession %d is %+v", i, s)
				}
				wantBytes(t, "new key", s.New, w.New)
				wantBytes(t, "recovery", s.Recovery[:], w.Recovery)
			}
			wantBytes(t, "line encoded again", c.Encode(), v.Bytes)
		})
	}
}

func TestVectorsFollow(t *testing.T) {
	for _, v := range readVectors[vecFollow](t, "centre/follow.json") {
		t.Run(v.Name, func(t *testing.T) {
			ours, err := DecodeCentre(v.Ours)
			must(t, err)
			theirs, err := DecodeCentre(v.Theirs)
			must(t, err)
			got, err := ours.Follow(theirs)
			wantCode(t, err, v.Error)
			if err != nil {
				return
			}
			want := v.Ours
			if v.Take == "theirs" {
				want = v.Theirs
			}
			wantBytes(t, "line", got.Encode(), want)
		})
	}
}

// What was signed while a key was current stays good; what claims a later time
// does not, nor does anything of a key that is no key of the centre.
func TestOldKeysVouchForTheirTimeOnly(t *testing.T) {
	founded, _, c := vecParts(t)
	receipt := func(key ed25519.PrivateKey, ms int64) *Receipt {
		r := &Receipt{IssuedMS: ms, Mark: MarkSafe, Origin: vecID, First: 1, Last: 2}
		r.Sign(key)
		return r
	}
	for _, v := range []struct {
		name string
		key  byte
		ms   int64
		code Code
	}{
		{"first key, in its time", 68, vecFounded + 1000, ""}, {"first key, later", 68, vecFounded + 1001, CodeOldKey},
		{"second key, in its time", 69, vecFounded + 1500, ""}, {"second key, later", 69, vecFounded + 2001, CodeOldKey},
		{"newest key", 70, vecFounded + 9999, ""}, {"no key of the centre", 1, vecFounded, CodeForeignKey},
	} {
		_, err := c.VerifyReceipt(receipt(vecKey(v.key), v.ms))
		wantCode(t, err, v.code)
	}
	forged := receipt(vecKey(68), vecFounded)
	forged.Last++
	_, err := c.VerifyReceipt(forged)
	wantCode(t, err, CodeSignature)
	if founded.ID() != c.ID() {
		t.Error("a new key makes another centre")
	}
}

// A new key of the feed is never given up for an older one.
func TestPagesTellWhichKeyComesNext(t *testing.T) {
	c := vecLine(t)
	page := func(key byte, items ...FeedItem) *Page {
		p := &Page{Feed: CommonFeed, Epoch: vecEpoch, To: uint64(len(items)), Items: items}
		must(t, p.Sign(vecKey(key)))
		back, err := c.DecodePage(p.Encode())
		must(t, err)
		return back
	}
	line := c.Line()
	ruling := vecRulings()[2]
	ruling.Sign(vecKey(70))
	plain := FeedItem{Ruling: ruling}
	for _, v := range []struct {
		p         *Page
		key, next uint64
	}{
		{page(68, plain), 0, 0}, {page(70, plain), 2, 2}, {page(68, plain, FeedItem{Succession: &line[1]}), 0, 1}, {page(70, FeedItem{Succession: &line[1]}), 2, 2},
	} {
		if v.p.KeyNumber != v.key || v.p.NextKey() != v.next {
			t.Errorf("page of key %d, next %d; want %d, %d", v.p.KeyNumber, v.p.NextKey(), v.key, v.next)
		}
	}
}

func TestExtend(t *testing.T) {
	founded, second, third := vecParts(t)
	line := third.Line()
	got, err := founded.Extend(&line[1])
	must(t, err)
	wantBytes(t, "one more", got.Encode(), second.Encode())
	if same, err := third.Extend(&line[1]); err != nil || same != third {
		t.Error("a known succession changes the line", err)
	}
	_, err = founded.Extend(&line[2])
	wantCode(t, err, CodeGap)
	_, err = second.Extend(&succeed(t, founded, 66, 68, 90, vecFounded+500).Line()[1])
	wantCode(t, err, CodeFork)
}
