package syncproto

import (
	"crypto/ed25519"
	"crypto/sha256"
	"strings"
	"testing"

	"github.com/google/uuid"
)

// resign puts the owner's signature under what s now says.
func resign(s *Segment, key ed25519.PrivateKey) []byte {
	s.OpenSum = sha256.Sum256(s.open)
	if s.sealed != nil {
		s.SealedSum = sha256.Sum256(s.sealed)
	}
	copy(s.Signature[:], ed25519.Sign(key, s.signed()))
	return s.Encode()
}

func makeSegmentsRefused(t *testing.T) any {
	key := vecKey(0)
	good := encodeVec(t, vecInput(t, key, 1, 5))
	b := good.Encode()
	v := func(name string, code Code, b []byte) vecSegment {
		seal := vecSealKey(t, 50)
		return vecSegment{Name: name, Key: octets(public(key)), SealPrivate: seal.Bytes(), SealPublic: seal.Public.Bytes(), Segment: b, Error: code}
	}
	edit := func(name string, code Code, f func(s *Segment)) vecSegment {
		s, err := ParseSegment(b)
		must(t, err)
		f(s)
		return v(name, code, resign(s, key))
	}
	tables := func(name string, code Code, f func(headers, rows []Row)) vecSegment {
		return edit(name, code, func(s *Segment) {
			in := vecInput(t, key, 1, 5)
			commits, err := commitmentsOf(in)
			must(t, err)
			headers, rows, _ := openRows(in, commits, &Heads{})
			f(headers, rows)
			w := &columnWriter{}
			encodeTable(w, headers, ownRecords(func(int) uuid.UUID { return uuid.Nil }))
			encodeTable(w, rows, nil)
			s.open, err = compress(w)
			must(t, err)
		})
	}
	// own says that the record of the fourth change was made back changes before.
	own := func(name string, back int) vecSegment {
		return edit(name, CodeMalformed, func(s *Segment) {
			in := vecInput(t, key, 1, 5)
			commits, err := commitmentsOf(in)
			must(t, err)
			headers, rows, _ := openRows(in, commits, &Heads{})
			w := &columnWriter{}
			encodeTable(w, headers, wrongRecords(back))
			encodeTable(w, rows, nil)
			s.open, err = compress(w)
			must(t, err)
		})
	}
	wrongKey := vecInput(t, key, 1, 5)
	wrongKey.To = vecSealKey(t, 51).Public
	version := append([]byte{}, b...)
	version[3] = 2
	longCount := append(append(append([]byte{}, b[:21]...), 0x80+b[21], 0), b[22:]...)
	overCount := append(append(append([]byte{}, b[:21]...), 0xe9, 0x07), b[22:]...)
	return []vecSegment{
		v("nothing at all", CodeMalformed, []byte{}),
		v("another magic", CodeMalformed, append([]byte("TSX\x01"), b[4:]...)),
		v("a newer version", CodeVersion, version),
		v("cut short by an octet", CodeMalformed, b[:len(b)-1]),
		v("cut short to the frame", CodeMalformed, b[:100]),
		v("octet behind the end", CodeMalformed, append(append([]byte{}, b...), 0)),
		v("count not in its shortest form", CodeMalformed, longCount),
		v("1001 changes", CodeTooLarge, overCount),
		v("from change 0", CodeMalformed, append(append(append([]byte{}, b[:20]...), 0), b[21:]...)),
		v("over 64 KB", CodeTooLarge, append(append([]byte{}, b...), make([]byte, MaxSegmentBytes)...)),
		v("seal form 2", CodeMalformed, func() []byte {
			o := good.EncodeOpen()
			o[len(o)-33] = 2
			return o
		}()),
		v("a bit of the sealed compartment", CodeSignature, flipped(b, 8*(len(b)-20))),
		edit("sealed compartment changed and signed anew", CodeUnreadable, func(s *Segment) { s.sealed[len(s.sealed)-1] ^= 1 }),
		edit("o after changed and signed anew", CodeChain, func(s *Segment) { s.After.Open[0] ^= 1 }),
		edit("p before changed and signed anew", CodeUnreadable, func(s *Segment) { s.Before.Closed[0] ^= 1 }),
		edit("open compartment that is no stream", CodeMalformed, func(s *Segment) { s.open = []byte{1, 2, 3} }),
		v("sealed to a key not held", CodeOldKey, encodeVec(t, wrongKey).Encode()),
		edit("sealed over another closed chain", CodeUnreadable, func(s *Segment) { sealPlain(t, s, flipPlain(t, key)) }),
		edit("salt runs that cover too few", CodeUnreadable, func(s *Segment) { sealPlain(t, s, shortRuns(t, key)) }),
		tables("an operational value changed and signed anew", CodeChain, func(_, rows []Row) { rows[1][0].Value = TextValue("refused") }),
		tables("a header without stamp", CodeMalformed, func(h, _ []Row) { h[0] = append(append(Row{}, h[0][:3]...), h[0][4:]...) }),
		tables("a header with a nonce of 7 octets", CodeMalformed, func(h, _ []Row) { h[0][5].Value = BytesValue(make([]byte, 7)) }),
		tables("a header with a nil record id", CodeMalformed, func(h, _ []Row) { h[1][3].Value = UUIDValue(uuid.Nil) }),
		tables("a header whose op is text", CodeMalformed, func(h, _ []Row) { h[4][2].Value = TextValue("create") }),
		edit("a personal row of over 32 KB", CodeUnreadable, func(s *Segment) { sealPlain(t, s, longPersonal(t, s, key)) }),
		own("a record made by a change that makes none", 1),
		own("a record made before the segment", 4),
		tables("a row of over 32 KB", CodeTooLarge, func(_, rows []Row) {
			x := TextValue(strings.Repeat("a", 12000))
			rows[2] = Row{{1, x}, {2, x}, {3, x}}
		}),
	}
}

func sealPlain(t *testing.T, s *Segment, plain []byte) {
	must(t, s.seal(vecSealKey(t, 50).Public, plain))
}

func flipPlain(t *testing.T, key ed25519.PrivateKey) []byte {
	in := vecInput(t, key, 1, 5)
	in.Changes[0].Personal = NewRow(Field{PersonFullName, TextValue("Somebody Else")})
	plain, err := personalPlain(in)
	must(t, err)
	return plain
}

// wrongRecords is ownRecords with the record of the fourth change made back
// changes before it.
func wrongRecords(back int) *special {
	sp := ownRecords(nil)
	sp.encode = func(w *columnWriter, at []int, _ []Value) {
		n := make([]uint64, len(at))
		for j, i := range at {
			if n[j] = uint64(i); i == 3 {
				n[j] = uint64(back)
			}
		}
		body := &columnWriter{}
		control := encodeDict(body, putInts(body, nil, n), nil, 16)
		w.put(control)
		w.cols = append(w.cols, body.cols...)
	}
	return sp
}

// longPersonal gives a seal's inside with a personal row over the limit, and
// puts the closed chain that belongs to it into s.
func longPersonal(t *testing.T, s *Segment, key ed25519.PrivateKey) []byte {
	in := vecInput(t, key, 1, 5)
	x := TextValue(strings.Repeat("a", 12000))
	in.Changes[0].Personal = Row{{1, x}, {2, x}, {3, x}}
	commits, err := commitmentsOf(in)
	must(t, err)
	s.After.Closed = s.Before.Closed
	for _, c := range commits {
		s.After.Closed = ClosedHash(s.After.Closed, c)
	}
	plain, err := personalPlain(in)
	must(t, err)
	return plain
}

func shortRuns(t *testing.T, key ed25519.PrivateKey) []byte {
	in := vecInput(t, key, 1, 5)
	in.Salts[0].Count = 4
	plain, err := personalPlain(in)
	must(t, err)
	return plain
}
