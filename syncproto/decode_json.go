package syncproto

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
)

// What the decode tool shows. Nothing here is a protocol form: the words are
// those of the documentation, and personal content shows only as a length. No
// signature by a key that has to be known beforehand is checked.

type sealedView struct {
	Sealed string `json:"sealed"`
	Key    string `json:"to_key,omitempty"`
}

type headsView struct {
	Seq    uint64 `json:"seq"`
	Open   string `json:"open_hash"`
	Closed string `json:"closed_hash"`
}

type segmentView struct {
	Is          string       `json:"is"`
	Version     int          `json:"version"`
	Bytes       int          `json:"bytes"`
	Origin      OriginID     `json:"origin"`
	First       uint64       `json:"first"`
	Last        uint64       `json:"last"`
	Before      headsView    `json:"before"`
	After       headsView    `json:"after"`
	Signature   string       `json:"signature"`
	OpenChain   string       `json:"open_chain"`
	Personal    sealedView   `json:"personal"`
	Operational []changeView `json:"changes,omitempty"`
}

type changeView struct {
	Origin      *OriginID      `json:"origin,omitempty"`
	Seq         uint64         `json:"seq"`
	Open        string         `json:"open_hash"`
	Op          string         `json:"op"`
	Collection  string         `json:"collection"`
	Record      uuid.UUID      `json:"record"`
	Schema      uint32         `json:"schema"`
	Stamp       string         `json:"stamp"`
	Author      *uuid.UUID     `json:"author,omitempty"`
	Nonce       string         `json:"nonce,omitempty"`
	Beacon      string         `json:"beacon,omitempty"`
	Supersedes  map[string]any `json:"supersedes,omitempty"`
	Newer       map[string]any `json:"newer_header_fields,omitempty"`
	Operational map[string]any `json:"operational"`
}

type refView struct {
	Origin OriginID `json:"origin"`
	Seq    uint64   `json:"seq"`
	Open   string   `json:"open_hash"`
}

type envelopeView struct {
	Is         string `json:"is"`
	Version    int    `json:"version"`
	Bytes      int    `json:"bytes"`
	Key        string `json:"to_key,omitempty"`
	Encrypted  string `json:"encrypted"`
	Visibility string `json:"note"`
}

type noticeView struct {
	Is          string           `json:"is"`
	Serial      uint64           `json:"serial"`
	Origin      OriginID         `json:"origin"`
	Sign        string           `json:"signing_key"`
	Exchange    string           `json:"exchange_key"`
	Seal        string           `json:"sealing_key"`
	SealMade    string           `json:"sealing_key_made"`
	Centre      []successionView `json:"centre_keys"`
	Credentials []any            `json:"credentials,omitempty"`
	Signature   string           `json:"signature"`
}

type bundleView struct {
	Is      string      `json:"is"`
	Bytes   int         `json:"bytes"`
	Damaged int         `json:"damaged_places"`
	Whole   bool        `json:"whole"`
	Entries []entryView `json:"entries"`
}

type entryView struct {
	Kind  string `json:"kind"`
	Holds any    `json:"holds,omitempty"`
	Error string `json:"error,omitempty"`
}

// DescribeJSON recognises a segment, bundle, key notice, exchange request or
// exchange answer by its first four octets and gives a value for encoding/json
// that says what can be seen without keys. Errors have CodeMalformed for
// anything else, and what the decoders say.
func DescribeJSON(b []byte) (any, error) {
	if len(b) < 4 {
		return nil, Errorf(CodeMalformed, "%d bytes are no segment, bundle, key notice or message", len(b))
	}
	switch string(b[:3]) {
	case "TSG":
		return describeSegment(b)
	case "TSB":
		return describeBundle(b)
	case "TSK":
		return describeNotice(b)
	case "TSQ":
		return describeEnvelope(b, "exchange request", 40, hex.EncodeToString(b[4:min(8, len(b))]))
	case "TSA":
		return describeEnvelope(b, "exchange answer", 36, "")
	}
	return nil, Errorf(CodeMalformed, "these bytes begin like no segment, bundle, key notice or message")
}

func describeEnvelope(b []byte, what string, head int, key string) (any, error) {
	if b[3] != Version {
		return nil, Errorf(CodeVersion, "%s of protocol version %d; this program reads version %d", what, b[3], Version)
	}
	if len(b) < head {
		return nil, Errorf(CodeMalformed, "%s cut short at %d bytes", what, len(b))
	}
	return envelopeView{what, int(b[3]), len(b), key, count(len(b)-head, "byte"), "only the two sides of the exchange can read what is inside"}, nil
}

func count(n int, word string) string {
	if n != 1 {
		word += "s"
	}
	return strconv.Itoa(n) + " " + word
}

func describeSegment(b []byte) (any, error) {
	s, err := ParseSegment(b)
	if err != nil {
		return nil, err
	}
	v := segmentView{Is: "segment", Version: Version, Bytes: len(b), Origin: s.Origin, First: s.First(), Last: s.Last(),
		Before: viewHeads(s.Before), After: viewHeads(s.After), Signature: "not checked: needs the origin's key", OpenChain: "matches the statement",
		Personal: sealedView{"only its hash came along", ""}}
	if s.Sealed() {
		id := s.SealKey()
		v.Personal = sealedView{"sealed, " + count(len(s.sealed), "byte"), hex.EncodeToString(id[:])}
	}
	changes, err := s.decodeOpen()
	if err != nil {
		v.OpenChain = err.Error()
		return v, nil //nolint:nilerr // what is wrong stands in the description
	}
	for _, c := range changes {
		v.Operational = append(v.Operational, viewChange(c.Seq, hex.EncodeToString(c.Open[:]), c.Record, &c.Header, c.Operational))
	}
	return v, nil
}

func viewHeads(h Heads) headsView { return headsView{h.Seq, h.Open.String(), h.Closed.String()} }

var opWords = map[Op]string{OpCreate: "create", OpSet: "set", OpVoid: "void"}

func viewChange(seq uint64, open string, record uuid.UUID, h *Header, row Row) changeView {
	v := changeView{Seq: seq, Open: open, Op: opWords[h.Op], Record: record, Schema: h.Schema, Stamp: viewTime(h.StampMS), Operational: viewRow(h.Collection, row)}
	if v.Op == "" {
		v.Op = "unknown operation " + strconv.Itoa(int(h.Op))
	}
	v.Collection = "unknown collection " + strconv.FormatUint(uint64(h.Collection), 10)
	if c, ok := CollectionOf(h.Collection); ok {
		v.Collection = c.Name
	}
	if h.Author != uuid.Nil {
		v.Author = &h.Author
	}
	v.Nonce = hex.EncodeToString(h.Nonce)
	if h.Beacon != (BeaconMark{}) {
		v.Beacon = viewTime(h.Beacon.MS) + " " + hex.EncodeToString(h.Beacon.Tag[:])
	}
	for i, word := range [2]string{"operational", "personal"} {
		if len(h.Refs[i]) > 0 {
			if v.Supersedes == nil {
				v.Supersedes = make(map[string]any)
			}
			v.Supersedes[word] = viewRefs(h.Refs[i])
		}
	}
	if len(h.Extra) > 0 {
		v.Newer = make(map[string]any)
		for _, f := range h.Extra {
			v.Newer[fieldWord(f.Num)] = f.Value.JSON()
		}
	}
	return v
}

func viewRefs(refs []Ref) []refView {
	out := make([]refView, len(refs))
	for i, r := range refs {
		out[i] = refView{r.Origin, r.Seq, hex.EncodeToString(r.Open[:])}
	}
	return out
}

// viewRow names fields by the collection's words; fields of kinds and of newer
// versions keep their numbers.
func viewRow(collection uint32, row Row) map[string]any {
	out := make(map[string]any, len(row))
	c, known := CollectionOf(collection)
	for _, f := range row {
		word := fieldWord(f.Num)
		if known {
			if def, ok := c.Field(Operational, f.Num); ok {
				word = def.Name
			}
		}
		out[word] = f.Value.JSON()
	}
	return out
}

func fieldWord(num uint32) string { return "field_" + strconv.FormatUint(uint64(num), 10) }

// viewTime shows a time in ms, as a number where no calendar reaches.
func viewTime(ms int64) string {
	t := time.UnixMilli(ms).UTC()
	if t.Year() < 1 || t.Year() > 9999 {
		return strconv.FormatInt(ms, 10) + " ms"
	}
	return t.Format("2006-01-02T15:04:05.000Z")
}

func describeNotice(b []byte) (any, error) {
	n, err := DecodeKeyNotice(b)
	if err != nil {
		return nil, err
	}
	return noticeView{"key notice", n.Serial, OriginOf(n.Sign), hex.EncodeToString(n.Sign), hex.EncodeToString(n.Exchange),
		hex.EncodeToString(n.Seal.Key), viewTime(n.Seal.MadeMS), viewLine(n.Centre), viewTokens(n.Credentials), "all verify"}, nil
}

// successionView is one key of the centre's line.
type successionView struct {
	Number   uint64 `json:"number"`
	Issued   string `json:"issued"`
	Key      string `json:"key"`
	Recovery string `json:"recovery_sha256,omitempty"`
	By       string `json:"by"`
}

var successionBy = map[SuccessionBy]string{ByFounding: "founding", ByOldKey: "old key", ByRecovery: "recovery key"}

func viewLine(c *Centre) (out []successionView) {
	for _, s := range c.Line() {
		out = append(out, viewSuccession(&s))
	}
	return out
}

func viewSuccession(s *Succession) successionView {
	v := successionView{Number: s.Number, Issued: viewTime(s.IssuedMS), Key: hex.EncodeToString(s.New), By: successionBy[s.By]}
	if s.Recovery != (Hash{}) {
		v.Recovery = hex.EncodeToString(s.Recovery[:])
	}
	return v
}

// viewTokens shows what credentials claim, without checking them.
func viewTokens(tokens []string) []any {
	var out []any
	for _, token := range tokens {
		var claims any
		parts := strings.Split(token, ".")
		if len(parts) == 3 {
			if b, err := base64.RawURLEncoding.DecodeString(parts[1]); err == nil && json.Unmarshal(b, &claims) == nil {
				out = append(out, map[string]any{"claims": claims, "signature": "not checked"})
				continue
			}
		}
		out = append(out, "damaged: no token")
	}
	return out
}

var entryWords = map[EntryKind]string{
	EntryCredential: "credential", EntrySegment: "segment", EntryReceipt: "receipt",
	EntryPage: "page", EntryNotice: "notice", EntryAsk: "ask", EntryRuling: "ruling",
}

func describeBundle(b []byte) (any, error) {
	entries, damage, err := DecodeBundle(b)
	if err != nil {
		return nil, err
	}
	v := bundleView{Is: "bundle", Bytes: len(b), Damaged: damage.Damaged, Whole: damage == BundleDamage{}, Entries: []entryView{}}
	for _, e := range entries {
		word := entryWords[e.Kind]
		if word == "" {
			v.Entries = append(v.Entries, entryView{Kind: "unknown kind " + strconv.Itoa(int(e.Kind)), Holds: count(len(e.Data), "byte")})
			continue
		}
		holds, err := describeEntry(e)
		if err != nil {
			v.Entries = append(v.Entries, entryView{Kind: word, Error: err.Error()})
			continue
		}
		v.Entries = append(v.Entries, entryView{Kind: word, Holds: holds})
	}
	return v, nil
}

func describeEntry(e Entry) (any, error) {
	switch e.Kind {
	case EntrySegment:
		return describeSegment(e.Data)
	case EntryReceipt:
		return DescribeReceipt(e.Data)
	case EntryRuling:
		return DescribeRuling(e.Data)
	case EntryPage:
		return DescribePage(e.Data)
	case EntryNotice:
		return describeNotice(e.Data)
	case EntryAsk:
		return describeAsk(e.Data)
	}
	c, err := DecodeCredentialEntry(e.Data)
	if err != nil {
		return nil, err
	}
	return map[string]any{"origin": c.Origin, "credentials": viewTokens(c.Credentials)}, nil
}

func describeAsk(b []byte) (any, error) {
	a, err := DecodeAsk(b)
	if err != nil {
		return nil, err
	}
	type originHeads struct {
		Origin OriginID `json:"origin"`
		headsView
	}
	heads, checkpoints := []originHeads{}, []map[string]any{}
	for _, h := range a.Heads {
		heads = append(heads, originHeads{h.Origin, viewHeads(h.Heads)})
	}
	for _, c := range a.Checkpoints {
		checkpoints = append(checkpoints, map[string]any{"feed": c.Feed, "epoch": c.Epoch, "position": c.Position, "page": c.Page.String()})
	}
	return map[string]any{"origin": a.Origin, "heads": heads, "checkpoints": checkpoints}, nil
}

// DescribeReceipt gives a receipt for encoding/json; its signature is not
// checked.
func DescribeReceipt(b []byte) (any, error) {
	r, err := DecodeReceipt(b)
	if err != nil {
		return nil, err
	}
	exceptions := []map[string]any{}
	for _, e := range r.Exceptions {
		outcome := e.Outcome.String()
		if outcome == "" {
			outcome = "unknown outcome " + strconv.Itoa(int(e.Outcome))
		}
		exceptions = append(exceptions, map[string]any{"first": e.First, "last": e.Last, "outcome": outcome, "reason": e.Reason})
	}
	return map[string]any{"is": "receipt", "issuer": r.Issuer, "issued": viewTime(r.IssuedMS), "custody": r.Mark.String(), "rulings_known": r.Ruled, "origin": r.Origin,
		"first": r.First, "last": r.Last, "open_hash": r.Open.String(), "closed_hash": r.Closed.String(), "exceptions": exceptions, "signature": "not checked"}, nil
}

// DescribePage gives a feed page for encoding/json; the centre's signature is
// not checked.
func DescribePage(b []byte) (any, error) {
	p, content, err := readPage(b)
	if err != nil {
		return nil, err
	}
	items, err := decodeItems(content, int(p.To-p.From))
	if err != nil {
		return nil, err
	}
	views := make([]any, len(items))
	for i, it := range items {
		if it.Succession != nil {
			views[i] = viewSuccession(it.Succession)
			continue
		}
		if it.Ruling != nil {
			if views[i], err = DescribeRuling(it.Ruling.Encode()); err != nil {
				return nil, err
			}
			continue
		}
		c := it.Change
		v := viewChange(c.Seq, hex.EncodeToString(c.Open[:]), c.Record, &c.Header, c.Operational)
		v.Origin = &c.Origin
		views[i] = v
	}
	return map[string]any{"is": "page", "feed": p.Feed, "epoch": p.Epoch, "from": p.From, "to": p.To, "prev": p.Prev.String(),
		"hash": p.Hash().String(), "entries": views, "signature": "not checked"}, nil
}
