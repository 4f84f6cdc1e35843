package syncproto

import (
	"crypto/ed25519"
	"crypto/sha256"

	"github.com/google/uuid"

	"thonsync/syncproto/squeeze"
)

// CommonFeed is the name of the feed that every replica reads. Other feeds are
// named by their unit.
const CommonFeed = "common"

// ReceiptFeed is the checkpoint under which a server counts the receipts that
// an asker's scope has had: not pages, but the same bookkeeping.
const ReceiptFeed = "receipts"

// Epoch names one history of a feed. A centre that was restored from a backup
// starts a new one, so that no checkpoint of the old is mistaken for the new.
type Epoch = uuid.UUID

// Checkpoint says how far a feed was read: Position entries, the last page of
// which hashed to Page.
type Checkpoint struct {
	Feed     string
	Epoch    Epoch
	Position uint64
	Page     Hash
}

// FeedItem is one entry of a feed: a change that the centre passes down, a
// ruling, or a succession of the centre's key. Exactly one is set.
type FeedItem struct {
	Change     *FeedChange
	Ruling     *Ruling
	Succession *Succession
}

// FeedChange is the operational part of a change as the centre vouches for it.
type FeedChange struct {
	Origin      OriginID
	Seq         uint64
	Open        [RefOpenBytes]byte // leading octets of o(n)
	Record      uuid.UUID
	Header      Header
	Operational Row
}

// Page is a run of feed entries signed by the centre. Points store and serve
// pages as they are.
type Page struct {
	Feed      string
	Epoch     Epoch
	From, To  uint64 // entries From+1..To
	Prev      Hash   // hash of the page before, zero for the first
	Items     []FeedItem
	Signature [ed25519.SignatureSize]byte
	KeyNumber uint64 // which of the centre's keys signed; set by Centre.DecodePage
	body      []byte
}

const (
	domainPage     = "thonsync/1/page\x00"
	domainPageHash = "thonsync/1/page-hash\x00"
)

// Hash identifies the page in the next page's Prev and in checkpoints.
func (p *Page) Hash() Hash { return sumParts(domainPageHash, p.body) }

// After gives the checkpoint of a reader that has stored p.
func (p *Page) After() Checkpoint {
	return Checkpoint{Feed: p.Feed, Epoch: p.Epoch, Position: p.To, Page: p.Hash()}
}

// Sign builds the page's bytes and signs them with the centre's key. Items must
// number To-From.
func (p *Page) Sign(key ed25519.PrivateKey) error {
	if uint64(len(p.Items)) != p.To-p.From || len(p.Items) == 0 || len(p.Items) > MaxPageItems {
		return Errorf(CodeInternal, "page %s %d-%d with %d items", p.Feed, p.From, p.To, len(p.Items))
	}
	content, err := encodeItems(p.Items)
	if err != nil {
		return err
	}
	b := appendBytes(nil, []byte(p.Feed))
	b = append(b, p.Epoch[:]...)
	b = appendUvarint(appendUvarint(b, p.From), p.To)
	b = append(b, p.Prev[:]...)
	p.body = appendBytes(b, content)
	if len(p.body) > MaxPageBytes {
		return Errorf(CodeTooLarge, "page of %d bytes, at most %d are allowed: put fewer items in", len(p.body), MaxPageBytes)
	}
	sum := sha256.Sum256(p.body)
	copy(p.Signature[:], ed25519.Sign(key, append([]byte(domainPage), sum[:]...)))
	return nil
}

// Encode gives the page's bytes, after Sign or DecodePage.
func (p *Page) Encode() []byte { return append(append([]byte(nil), p.Signature[:]...), p.body...) }

// PageAfter reads which checkpoint a page leads to without verifying it, for
// replicas that store pages for others.
func PageAfter(b []byte) (Checkpoint, error) {
	p, _, err := readPage(b)
	if err != nil {
		return Checkpoint{}, err
	}
	return p.After(), nil
}

func readPage(b []byte) (*Page, []byte, error) {
	if len(b) > MaxPageBytes+ed25519.SignatureSize {
		return nil, nil, Errorf(CodeTooLarge, "page of %d bytes, at most %d are allowed", len(b), MaxPageBytes)
	}
	r := reader{buf: append([]byte(nil), b...)}
	p := &Page{}
	copy(p.Signature[:], r.take(len(p.Signature)))
	p.body = r.buf[r.off:]
	p.Feed = string(r.bytes(128))
	copy(p.Epoch[:], r.take(16))
	p.From, p.To = r.uvarint(), r.uvarint()
	copy(p.Prev[:], r.take(len(p.Prev)))
	content := r.bytes(MaxPageBytes)
	if err := r.end(); err != nil {
		return nil, nil, err
	}
	if p.To <= p.From || p.To-p.From > MaxPageItems {
		return nil, nil, Errorf(CodeMalformed, "page over entries %d-%d", p.From, p.To)
	}
	return p, content, nil
}

// Item row fields.
const (
	iOrigin     = 1
	iSeq        = 2
	iOpen       = 3
	iRecord     = 4
	iRuling     = 5
	iSuccession = 6
)

// encodeItems writes three tables: frame, header, operational row. A ruling or a
// succession stands in the frame; its header and row are empty.
func encodeItems(items []FeedItem) ([]byte, error) {
	frames, headers, rows := make([]Row, len(items)), make([]Row, len(items)), make([]Row, len(items))
	for i, it := range items {
		if it.Ruling != nil {
			frames[i] = Row{{iRuling, BytesValue(it.Ruling.Encode())}}
			continue
		}
		if it.Succession != nil {
			frames[i] = Row{{iSuccession, BytesValue(it.Succession.Encode())}}
			continue
		}
		c := it.Change
		frames[i] = Row{
			{iOrigin, UUIDValue(c.Origin)}, {iSeq, IntValue(int64(c.Seq))},
			{iOpen, BytesValue(c.Open[:])}, {iRecord, UUIDValue(c.Record)},
		}
		headers[i], rows[i] = c.Header.Row(), c.Operational
	}
	w := &columnWriter{}
	for _, table := range [][]Row{frames, headers, rows} {
		encodeTable(w, table, nil)
	}
	return compress(w)
}

func decodeItems(content []byte, n int) ([]FeedItem, error) {
	cols, err := squeeze.Decompress(content, squeezeLimits())
	if err != nil {
		return nil, Wrap(CodeMalformed, err, "page content does not decompress")
	}
	r := &columnReader{cols: cols}
	frames, headers, rows := decodeTable(r, n, nil), decodeTable(r, n, nil), decodeTable(r, n, nil)
	if r.err == nil && r.next != len(cols) {
		r.fail("%d columns too many", len(cols)-r.next)
	}
	if r.err != nil {
		return nil, r.err
	}
	items := make([]FeedItem, n)
	for i, f := range frames {
		if v, ok := f.Get(iRuling); ok {
			if items[i].Ruling, err = DecodeRuling([]byte(v.str)); err != nil {
				return nil, err
			}
			continue
		}
		if v, ok := f.Get(iSuccession); ok {
			if items[i].Succession, err = DecodeSuccession([]byte(v.str)); err != nil {
				return nil, err
			}
			continue
		}
		h, err := HeaderOf(headers[i])
		if err != nil {
			return nil, err
		}
		c := &FeedChange{Header: h, Operational: rows[i]}
		c.Origin, c.Record = f.Value(iOrigin).UUID(), f.Value(iRecord).UUID()
		c.Seq = uint64(f.Value(iSeq).Int())
		copy(c.Open[:], f.Value(iOpen).str)
		items[i].Change = c
	}
	return items, nil
}
