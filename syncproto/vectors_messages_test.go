package syncproto

import (
	"bytes"
	"crypto/ed25519"
	"testing"

	"github.com/google/uuid"
)

// The forms of message vectors. Lists of octets stand as hex, times and
// numbers of 64 bits as strings.
type (
	vecHeads struct {
		Origin uuid.UUID `json:"origin"`
		Seq    uint64    `json:"seq,string"`
		Open   octets    `json:"o"`
		Closed octets    `json:"p"`
	}
	vecCheckpoint struct {
		Feed     string    `json:"feed"`
		Epoch    uuid.UUID `json:"epoch"`
		Position uint64    `json:"position,string"`
		Page     octets    `json:"page"`
	}
	vecCredentials struct {
		Origin      uuid.UUID `json:"origin"`
		Credentials []string  `json:"credentials"`
	}
	vecJoin struct {
		Code   string `json:"code"`
		Key    octets `json:"key"`
		Label  string `json:"label"`
		Commit octets `json:"commit"`
		Nonce  octets `json:"nonce,omitempty"`
		Digits string `json:"digits,omitempty"`
	}
	vecMember struct {
		ID   uuid.UUID `json:"id"`
		Name string    `json:"name"`
	}
	vecWelcome struct {
		Role        string      `json:"role"`
		Unit        string      `json:"unit"`
		Team        uuid.UUID   `json:"team"`
		Members     []vecMember `json:"members"`
		Credentials []string    `json:"credentials"`
	}
	vecProblem struct {
		Index   int    `json:"index"`
		Code    Code   `json:"code"`
		Message string `json:"message"`
	}
	// vecBody holds what a request or an answer says.
	vecBody struct {
		ID          uuid.UUID        `json:"id"`
		Origin      uuid.UUID        `json:"origin"`
		Credentials []string         `json:"credentials,omitempty"`
		Heads       []vecHeads       `json:"heads,omitempty"`
		Checkpoints []vecCheckpoint  `json:"checkpoints,omitempty"`
		Segments    []octets         `json:"segments,omitempty"`
		Receipts    []octets         `json:"receipts,omitempty"`
		Pages       []octets         `json:"pages,omitempty"`
		Rulings     []octets         `json:"rulings,omitempty"`
		Budget      int              `json:"budget,omitempty"`
		ClockMS     int64            `json:"clock_ms,string"`
		Waiting     int              `json:"waiting,omitempty"`
		Extra       []vecCredentials `json:"extra,omitempty"`
		Join        *vecJoin         `json:"join,omitempty"`
		BeaconMS    int64            `json:"beacon_ms,string,omitempty"`
		BeaconTag   octets           `json:"beacon_tag,omitempty"`
		Problems    []vecProblem     `json:"problems,omitempty"`
		Notice      octets           `json:"notice,omitempty"`
		SealKey     octets           `json:"seal_key,omitempty"`
		More        bool             `json:"more,omitempty"`
		Welcome     *vecWelcome      `json:"welcome,omitempty"`
		JoinNonce   octets           `json:"join_nonce,omitempty"`
	}
	vecExchange struct {
		Name            string   `json:"name"`
		ExchangePrivate octets   `json:"exchange_private"`
		ServerKey       octets   `json:"server_key"`
		AskerKey        octets   `json:"asker_key"`
		Request         octets   `json:"request"`
		RequestPlain    octets   `json:"request_plain,omitempty"`
		RequestBody     *vecBody `json:"request_body,omitempty"`
		Secret          octets   `json:"secret,omitempty"`
		Answer          octets   `json:"answer,omitempty"`
		AnswerPlain     octets   `json:"answer_plain,omitempty"`
		AnswerBody      *vecBody `json:"answer_body,omitempty"`
		RequestError    Code     `json:"request_error,omitempty"`
		AnswerError     Code     `json:"answer_error,omitempty"`
	}
	vecNotice struct {
		Name        string   `json:"name"`
		Bytes       octets   `json:"bytes"`
		Sign        octets   `json:"sign,omitempty"`
		Exchange    octets   `json:"exchange,omitempty"`
		Serial      uint64   `json:"serial,string,omitempty"`
		Seal        octets   `json:"seal,omitempty"`
		SealMade    int64    `json:"seal_made,string,omitempty"`
		SealKeyID   octets   `json:"seal_key_id,omitempty"`
		Centre      octets   `json:"centre,omitempty"`
		Line        octets   `json:"line,omitempty"`
		Credentials []string `json:"credentials,omitempty"`
		Error       Code     `json:"error,omitempty"`
	}
)

func init() {
	vectorMakers = append(vectorMakers,
		vectorMaker{"message/exchanges.json", "request opens with exchange_private and verifies under asker_key; request_plain is signature and body. secret is the exported secret of its context. answer opens under that request and verifies under server_key. The digits of a join are those with a server nonce of 16 octets 5e; there are none where the nonce does not open the commitment. With request_error or answer_error opening and verifying fails so.", makeExchanges},
		vectorMaker{"message/notices.json", "bytes is a key notice. With error, decoding and checking all signatures fails so.", makeNotices})
}

func formHeads(hs []OriginHeads) (out []vecHeads) {
	for _, h := range hs {
		out = append(out, vecHeads{h.Origin, h.Seq, append(octets{}, h.Open[:]...), append(octets{}, h.Closed[:]...)})
	}
	return out
}

func formCheckpoints(cs []Checkpoint) (out []vecCheckpoint) {
	for _, c := range cs {
		out = append(out, vecCheckpoint{c.Feed, c.Epoch, c.Position, append(octets{}, c.Page[:]...)})
	}
	return out
}

func formCredentials(cs []OriginCredential) (out []vecCredentials) {
	for _, c := range cs {
		out = append(out, vecCredentials{c.Origin, c.Credentials})
	}
	return out
}

func formOctets(bs [][]byte) (out []octets) {
	for _, b := range bs {
		out = append(out, octets(b))
	}
	return out
}

func requestForm(q *Request, server ed25519.PublicKey) *vecBody {
	v := &vecBody{ID: q.ID, Origin: q.Origin, Credentials: q.Credentials, Heads: formHeads(q.Heads), Checkpoints: formCheckpoints(q.Checkpoints),
		Segments: formOctets(q.Segments), Receipts: formOctets(q.Receipts), Budget: q.Budget, ClockMS: q.ClockMS, Waiting: q.Waiting, Extra: formCredentials(q.Extra)}
	if j := q.Join; j != nil {
		v.Join = &vecJoin{Code: j.Code, Key: octets(j.Key), Label: j.Label, Commit: j.Commit[:], Nonce: j.Nonce}
		// A commitment that its nonce does not open gives no digits.
		v.Join.Digits, _ = j.Digits(server, vecServerNonce)
	}
	return v
}

func answerForm(a *Answer) *vecBody {
	v := &vecBody{ID: a.ID, Origin: a.Origin, Heads: formHeads(a.Heads), Checkpoints: formCheckpoints(a.Checkpoints), Receipts: formOctets(a.Receipts),
		Pages: formOctets(a.Pages), Rulings: formOctets(a.Rulings), Segments: formOctets(a.Segments), Extra: formCredentials(a.Credentials), ClockMS: a.NowMS, BeaconMS: a.Beacon.MS,
		Notice: a.Notice, SealKey: a.SealKey, More: a.More, JoinNonce: a.JoinNonce}
	if a.Beacon != (BeaconMark{}) {
		v.BeaconTag = append(octets{}, a.Beacon.Tag[:]...)
	}
	for _, p := range a.Problems {
		v.Problems = append(v.Problems, vecProblem(p))
	}
	if w := a.Welcome; w != nil {
		v.Welcome = &vecWelcome{Role: w.Role, Unit: w.Unit, Team: w.Team, Credentials: w.Credentials}
		for _, m := range w.Members {
			v.Welcome.Members = append(v.Welcome.Members, vecMember(m))
		}
	}
	return v
}

func vecRequest(t testing.TB) *Request {
	origin := OriginOf(public(vecKey(0)))
	receipt := vecReceipts()[0]
	receipt.Sign(vecKey(20))
	return &Request{ID: vecID, Origin: origin, Credentials: []string{"own.token.here", "issuer.token.here"},
		Heads:       []OriginHeads{{origin, Heads{5, Hash{1}, Hash{2}}}, {OriginOf(public(vecKey(1))), Heads{300, Hash{3}, Hash{4}}}},
		Checkpoints: []Checkpoint{{CommonFeed, vecEpoch, 300, Hash{5}}, {ReceiptFeed, vecEpoch, 12, Hash{}}},
		Segments:    [][]byte{encodeVec(t, vecInput(t, vecKey(0), 1, 2)).EncodeOpen(), []byte("no segment")}, Receipts: [][]byte{receipt.Encode()},
		Budget: 65536, ClockMS: 1_780_000_000_000, Waiting: 3,
		Extra: []OriginCredential{{OriginOf(public(vecKey(1))), []string{"x.y.z"}}}}
}

func vecAnswer() *Answer {
	receipt := vecReceipts()[1]
	receipt.Sign(vecKey(20))
	revoke := vecRulings()[5]
	revoke.Sign(vecKey(70))
	return &Answer{NowMS: 1_780_000_000_321, Beacon: BeaconMark{1_780_000_000_300, [8]byte{8, 7, 6, 5, 4, 3, 2, 1}},
		Heads:       []OriginHeads{{OriginOf(public(vecKey(0))), Heads{2, Hash{6}, Hash{7}}}},
		Checkpoints: []Checkpoint{{ReceiptFeed, vecEpoch, 13, Hash{}}}, Receipts: [][]byte{receipt.Encode()},
		Pages: [][]byte{[]byte("a page")}, Rulings: [][]byte{revoke.Encode()}, Segments: [][]byte{[]byte("a segment")}, Credentials: []OriginCredential{{vecID, []string{"x.y.z"}}},
		Problems: []Problem{{1, CodeMalformed, "not a segment"}}, Notice: []byte("a notice"), SealKey: bytes.Repeat([]byte{7}, 32), More: true}
}

// exchange runs a whole exchange and describes it.
func exchange(t testing.TB, name string, q *Request, a *Answer) vecExchange {
	t.Helper()
	server, asker, seal := vecKey(20), vecKey(0), vecSealKey(t, 60)
	b, pending, err := EncodeRequest(q, asker, seal.Public)
	must(t, err)
	o, err := OpenRequest(b, ringOf(seal))
	must(t, err)
	ans, err := o.EncodeAnswer(a, server, bytes.NewReader(bytes.Repeat([]byte{0xab}, 32)))
	must(t, err)
	aead, iv, err := answerKey(pending.secret, pending.enc, ans[4:36])
	must(t, err)
	return vecExchange{Name: name, ExchangePrivate: seal.Bytes(), ServerKey: octets(public(server)), AskerKey: octets(public(asker)),
		Request: b, RequestPlain: append(append([]byte{}, o.sig...), q.body()...), RequestBody: requestForm(q, public(server)),
		Secret: pending.secret, Answer: ans, AnswerPlain: aead(false, nil, iv, ans[36:]), AnswerBody: answerForm(a)}
}

// The nonces of both sides in joining vectors.
var (
	vecDeviceNonce = bytes.Repeat([]byte{0xd1}, JoinNonceBytes)
	vecServerNonce = bytes.Repeat([]byte{0x5e}, JoinNonceBytes)
)

func vecJoining() *Join {
	device := public(vecKey(0))
	return &Join{Code: "K7QX3M", Key: device, Label: "Điện thoại thử 4", Commit: JoinCommit(device, public(vecKey(20)), vecDeviceNonce)}
}

func makeExchanges(t *testing.T) any {
	origin := OriginOf(public(vecKey(0)))
	bare := &Request{ID: vecID, Origin: origin, ClockMS: -1}
	joining := &Request{ID: vecID, Origin: origin, ClockMS: 1, Join: vecJoining()}
	opened := &Request{ID: vecID, Origin: origin, ClockMS: 1, Join: vecJoining()}
	opened.Join.Nonce = vecDeviceNonce
	untrue := &Request{ID: vecID, Origin: origin, ClockMS: 1, Join: vecJoining()}
	untrue.Join.Nonce = vecServerNonce
	welcome := &Answer{NowMS: 2, Welcome: &Welcome{Credentials: []string{"own.token.here"}, Role: "phone", Unit: "gso-2025-07:00994", Team: vecID,
		Members: []WelcomeMember{{vecEpoch, "Bàn Thị Thử"}, {vecID, ""}}}}
	whole := exchange(t, "everything", vecRequest(t), vecAnswer())
	out := []vecExchange{exchange(t, "as little as may be", bare, &Answer{}), whole, exchange(t, "joining", opened, welcome),
		exchange(t, "joining, the first step", joining, &Answer{NowMS: 2, More: true, JoinNonce: vecServerNonce}),
		exchange(t, "joining with another nonce than was promised", untrue, &Answer{})}
	out = append(out, newerExchange(t))
	return append(out, badExchanges(t, whole)...)
}

// newerExchange has parts of a newer version between the known ones.
func newerExchange(t *testing.T) vecExchange {
	q := &Request{ID: vecID, Origin: OriginOf(public(vecKey(0))), ClockMS: 5}
	w := &frameWriter{}
	w.put(1000, []byte("newer"))
	body := append(append([]byte{}, w.buf...), q.body()...)
	w.put(200, nil)
	body = append(body, w.buf...)
	seal := vecSealKey(t, 60)
	b, pending, err := encapsulate(q, body, vecKey(0), seal.Public)
	must(t, err)
	o, err := OpenRequest(b, ringOf(seal))
	must(t, err)
	return vecExchange{Name: "parts of a newer version", ExchangePrivate: seal.Bytes(), ServerKey: octets(public(vecKey(20))), AskerKey: octets(public(vecKey(0))),
		Request: b, RequestPlain: append(append([]byte{}, o.sig...), body...), RequestBody: requestForm(q, nil), Secret: pending.secret}
}

func badExchanges(t *testing.T, good vecExchange) []vecExchange {
	q := vecRequest(t)
	seal := vecSealKey(t, 60)
	request := func(name string, code Code, f func(v *vecExchange)) vecExchange {
		v := vecExchange{Name: name, ExchangePrivate: good.ExchangePrivate, ServerKey: good.ServerKey, AskerKey: good.AskerKey,
			Request: append(octets{}, good.Request...), RequestError: code}
		f(&v)
		return v
	}
	body := func(name string, code Code, body []byte) vecExchange {
		return request(name, code, func(v *vecExchange) {
			b, _, err := encapsulate(q, body, vecKey(0), seal.Public)
			must(t, err)
			v.Request = b
		})
	}
	answer := func(name string, code Code, f func(b octets) octets) vecExchange {
		v := good
		v.Name, v.AnswerError, v.RequestBody, v.AnswerBody, v.AnswerPlain = name, code, nil, nil, nil
		v.Answer = f(append(octets{}, good.Answer...))
		return v
	}
	part := func(tag uint64, payload []byte) []byte { w := &frameWriter{}; w.put(tag, payload); return w.buf }
	return []vecExchange{
		request("another magic", CodeMalformed, func(v *vecExchange) { v.Request[2] = 'X' }),
		request("a newer version", CodeVersion, func(v *vecExchange) { v.Request[3] = 2 }),
		request("for a key not held", CodeOldKey, func(v *vecExchange) { v.Request[4] ^= 1 }),
		request("encapsulated key changed", CodeUnreadable, func(v *vecExchange) { v.Request[8] ^= 1 }),
		request("ciphertext changed", CodeUnreadable, func(v *vecExchange) { v.Request[len(v.Request)-1] ^= 1 }),
		request("cut short", CodeMalformed, func(v *vecExchange) { v.Request = v.Request[:39] }),
		request("another asker's key", CodeForeignKey, func(v *vecExchange) { v.AskerKey = octets(public(vecKey(1))) }),
		request("signed for another server's key", CodeSignature, func(v *vecExchange) {
			b := signedForOther(t, q, seal.Public)
			v.Request = b
		}),
		body("part cut short", CodeMalformed, []byte{1, 16, 1}),
		body("id of 15 octets", CodeMalformed, part(tagID, make([]byte, 15))),
		body("heads with an octet behind the end", CodeMalformed, part(tagHeads, append(appendHeads(nil, vecID, Heads{}), 0))),
		body("nine credentials", CodeTooLarge, bytes.Repeat(part(tagCredential, []byte("a.b.c")), 9)),
		answer("answer of another request", CodeReplay, func(octets) octets {
			return exchange(t, "", vecRequest(t), vecAnswer()).Answer
		}),
		answer("answer changed", CodeReplay, func(b octets) octets { b[len(b)-1] ^= 1; return b }),
		answer("nonce changed", CodeReplay, func(b octets) octets { b[10] ^= 1; return b }),
		answer("something else replied", CodeMalformed, func(octets) octets { return octets("<html>log in to this hotspot</html>, and more of it") }),
		answer("answer of a newer version", CodeVersion, func(b octets) octets { b[3] = 2; return b }),
		answer("answer signed by another server", CodeSignature, func(octets) octets {
			o, err := OpenRequest(good.Request, ringOf(seal))
			must(t, err)
			b, err := o.EncodeAnswer(vecAnswer(), vecKey(21), bytes.NewReader(make([]byte, 32)))
			must(t, err)
			return b
		}),
	}
}

// signedForOther is a request whose signature names another server key than the
// one it is encapsulated to: what a server that forwards it could make.
func signedForOther(t *testing.T, q *Request, to SealPublic) []byte {
	other := vecSealKey(t, 61)
	b, _, err := EncodeRequest(q, vecKey(0), other.Public)
	must(t, err)
	o, err := OpenRequest(b, ringOf(other))
	must(t, err)
	plain := append(append([]byte{}, o.sig...), q.body()...)
	enc, ct, err := sealRequest(to, plain)
	must(t, err)
	head := append(append(append([]byte{}, requestMagic[:]...), to.ID[:]...), enc...)
	return append(head, ct...)
}

func TestVectorsExchange(t *testing.T) {
	for _, v := range readVectors[vecExchange](t, "message/exchanges.json") {
		t.Run(v.Name, func(t *testing.T) {
			key, err := NewSealPrivate(v.ExchangePrivate)
			must(t, err)
			o, err := OpenRequest(v.Request, ringOf(key))
			if err == nil {
				err = o.VerifySender(ed25519.PublicKey(v.AskerKey))
			}
			wantCode(t, err, v.RequestError)
			if err != nil || v.RequestError != "" {
				return
			}
			wantBytes(t, "plain request", append(append([]byte{}, o.sig...), o.signed[len(domainRequest)+32:]...), v.RequestPlain)
			wantBytes(t, "secret", o.secret, v.Secret)
			if v.RequestBody != nil {
				wantJSON(t, requestForm(o.Request, ed25519.PublicKey(v.ServerKey)), v.RequestBody)
			}
			if v.Answer == nil {
				return
			}
			p := &Pending{enc: o.enc, secret: o.secret, request: o.Request, sum: o.sum}
			a, err := p.OpenAnswer(v.Answer, ed25519.PublicKey(v.ServerKey))
			wantCode(t, err, v.AnswerError)
			if err != nil || v.AnswerError != "" {
				return
			}
			wantJSON(t, answerForm(a), v.AnswerBody)
			wantBytes(t, "answer's body", a.body(), v.AnswerPlain[64:])
		})
	}
}

func vecNotices(t testing.TB) []*KeyNotice {
	centre, point := vecKey(70), vecKey(20)
	seal := vecSealKey(t, 50).Public.Bytes()
	line := vecLine(t)
	said := StateSeal(centre, seal, 1_780_000_000_000)
	own := &KeyNotice{Sign: public(centre), Exchange: vecSealKey(t, 60).Public.Bytes(), Serial: 1, Seal: said, Centre: line}
	own.SignWith(centre)
	lent := &KeyNotice{Sign: public(point), Exchange: vecSealKey(t, 61).Public.Bytes(), Serial: 300, Seal: said, Centre: line,
		Credentials: []string{"point.token.here"}}
	lent.SignWith(point)
	return []*KeyNotice{own, lent}
}

func makeNotices(t *testing.T) any {
	var out []vecNotice
	for i, n := range vecNotices(t) {
		seal, err := NewSealPublic(n.Seal.Key)
		must(t, err)
		out = append(out, vecNotice{Name: []string{"of the centre", "of a point"}[i], Bytes: n.Encode(), Sign: octets(n.Sign), Exchange: n.Exchange,
			Serial: n.Serial, Seal: n.Seal.Key, SealMade: n.Seal.MadeMS, SealKeyID: seal.ID[:], Centre: octets(n.Centre.Key()), Line: n.Centre.Encode(), Credentials: n.Credentials})
	}
	b := []byte(out[1].Bytes)
	bad := func(name string, b []byte, code Code) {
		out = append(out, vecNotice{Name: name, Bytes: b, Error: code})
	}
	stolen := vecNotices(t)[1]
	stolen.Seal.Key = vecSealKey(t, 62).Public.Bytes()
	stolen.SignWith(vecKey(20))
	bad("a point puts its own sealing key", stolen.Encode(), CodeSignature)
	bad("exchange key changed", flipped(b, 8*40), CodeSignature)
	bad("signature changed", flipped(b, 8*(len(b)-1)), CodeSignature)
	bad("cut short", b[:len(b)-1], CodeMalformed)
	bad("octet behind the end", append(append([]byte{}, b...), 0), CodeMalformed)
	bad("another magic", flipped(b, 0), CodeMalformed)
	bad("a newer version", append([]byte("TSK\x02"), b[4:]...), CodeVersion)
	many := vecNotices(t)[1]
	many.Credentials = make([]string, 9)
	many.SignWith(vecKey(20))
	bad("nine credentials", many.Encode(), CodeTooLarge)
	return out
}

func TestVectorsNotice(t *testing.T) {
	for _, v := range readVectors[vecNotice](t, "message/notices.json") {
		t.Run(v.Name, func(t *testing.T) {
			n, err := DecodeKeyNotice(v.Bytes)
			wantCode(t, err, v.Error)
			if err != nil || v.Error != "" {
				return
			}
			wantBytes(t, "sign", n.Sign, v.Sign)
			wantBytes(t, "exchange", n.Exchange, v.Exchange)
			wantBytes(t, "seal", n.Seal.Key, v.Seal)
			wantBytes(t, "centre", n.Centre.Key(), v.Centre)
			wantBytes(t, "line", n.Centre.Encode(), v.Line)
			wantJSON(t, n.Credentials, v.Credentials)
			if n.Serial != v.Serial {
				t.Errorf("serial %d, want %d", n.Serial, v.Serial)
			}
			seal, err := NewSealPublic(n.Seal.Key)
			must(t, err)
			wantBytes(t, "id of the sealing key", seal.ID[:], v.SealKeyID)
			wantBytes(t, "notice encoded again", n.Encode(), v.Bytes)
		})
	}
}
