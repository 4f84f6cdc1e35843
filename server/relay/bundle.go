package relay

import (
	"context"
	"crypto/ed25519"
	"time"

	"thonsync/server/ingest"
	"thonsync/server/store"
	"thonsync/syncproto"
)

// Up describes who writes bundles for upstream.
type Up struct {
	Store  store.Store
	Key    ed25519.PrivateKey // of the point
	Centre syncproto.OriginID
	Now    func() time.Time // time.Now by default
}

func (u Up) self() syncproto.OriginID { return syncproto.OriginOf(u.Key.Public().(ed25519.PublicKey)) }

// partBytes is how large one bundle may get; chat apps and old sticks take that.
const partBytes = 24 << 20

// Export gives the entries of the bundles that carry everything that upstream
// has not receipted, with an ask for the answer. Several bundles come out where
// one would be too large; each can be imported alone.
func (u Up) Export(ctx context.Context) (parts [][]syncproto.Entry, err error) {
	err = u.Store.View(ctx, func(r store.Reader) error {
		parts, err = u.export(r)
		return err
	})
	return parts, err
}

func (u Up) export(r store.Reader) ([][]syncproto.Entry, error) {
	ask, err := u.ask(r)
	if err != nil {
		return nil, err
	}
	have, err := receipted(r, u.Centre)
	if err != nil {
		return nil, err
	}
	b := &parts{r: r, introduced: make(map[syncproto.OriginID]bool)}
	b.put(syncproto.Entry{Kind: syncproto.EntryAsk, Data: ask})
	if err := b.introduce(u.self()); err != nil {
		return nil, err
	}
	err = r.EachSegment(0, func(s store.Segment) error {
		c := have[branchKey{s.Origin, s.Branch}]
		if s.Origin == u.Centre || c.has(&s) {
			return nil
		}
		b.cut(len(s.Data))
		if err := b.introduce(s.Origin); err != nil {
			return err
		}
		b.put(syncproto.Entry{Kind: syncproto.EntrySegment, Data: s.Data})
		return nil
	})
	if err != nil {
		return nil, err
	}
	receipts, err := r.Receipts(store.ReceiptQuery{})
	if err != nil {
		return nil, err
	}
	for i := range receipts {
		rc := &receipts[i]
		due, err := u.witnesses(r, rc, have)
		if err != nil {
			return nil, err
		}
		if due {
			b.cut(len(rc.Data))
			b.put(syncproto.Entry{Kind: syncproto.EntryReceipt, Data: rc.Data})
		}
	}
	if err := u.contacts(r, b); err != nil {
		return nil, err
	}
	return append(b.done, b.now), nil
}

// witnesses tells whether a receipt belongs into a bundle: an own one for what
// upstream has not receipted, or for a device that was revoked, because what it
// wrote before may rest on this alone.
func (u Up) witnesses(r store.Reader, rc *store.Receipt, have map[branchKey]custody) (bool, error) {
	if rc.Issuer != u.self() {
		return false, nil
	}
	if have[branchKey{rc.Origin, rc.Branch}].upTo(rc.First) < rc.Last {
		return true, nil
	}
	rulings, err := r.RulingsOn(rc.Origin, 0)
	return len(rulings) > 0, err
}

// contacts adds who was here to the last bundle, after all their work.
func (u Up) contacts(r store.Reader, b *parts) error {
	st, err := loadState(r)
	if err != nil {
		return err
	}
	clock := u.Now
	if clock == nil {
		clock = time.Now
	}
	after, now := st.Contacted, clock().UnixMilli()
	for {
		c, last, err := contacts(r, u.Key, after, now)
		if err != nil || c == nil {
			return err
		}
		for _, k := range c.List {
			if err := b.introduce(k.Origin); err != nil {
				return err
			}
		}
		data := c.Encode()
		b.cut(len(data))
		b.put(syncproto.Entry{Kind: syncproto.EntryContacts, Data: data})
		after = last
	}
}

// ask tells upstream by file how far this point has read.
func (u Up) ask(r store.Reader) ([]byte, error) {
	st, err := loadState(r)
	if err != nil {
		return nil, err
	}
	feeds, err := r.Feeds()
	if err != nil {
		return nil, err
	}
	a := syncproto.Ask{Origin: u.self(), Checkpoints: []syncproto.Checkpoint{{Feed: syncproto.ReceiptFeed, Epoch: st.Epoch, Position: st.Receipts}}}
	for _, h := range feeds {
		a.Checkpoints = append(a.Checkpoints, syncproto.Checkpoint{Feed: h.Feed, Epoch: h.Epoch, Position: h.Cut, Page: h.Page})
	}
	return a.Encode(), nil
}

// parts cuts entries into bundles.
type parts struct {
	r          store.Reader
	done       [][]syncproto.Entry
	now        []syncproto.Entry
	size       int
	introduced map[syncproto.OriginID]bool // in the bundle at hand
}

func (b *parts) put(e syncproto.Entry) {
	b.now = append(b.now, e)
	b.size += len(e.Data)
}

// cut begins a new bundle if next bytes would not fit.
func (b *parts) cut(next int) {
	if b.size+next <= partBytes {
		return
	}
	b.done = append(b.done, b.now)
	b.now, b.size, b.introduced = nil, 0, make(map[syncproto.OriginID]bool)
}

// introduce adds the credentials of an origin once per bundle.
func (b *parts) introduce(id syncproto.OriginID) error {
	if b.introduced[id] {
		return nil
	}
	b.introduced[id] = true
	o, ok, err := b.r.Origin(id)
	if err != nil || !ok || len(o.Credentials) == 0 {
		return err
	}
	c := syncproto.OriginCredential{Origin: id, Credentials: o.Credentials}
	b.put(syncproto.Entry{Kind: syncproto.EntryCredential, Data: syncproto.EncodeCredentialEntry(c)})
	return nil
}

// Imported says what a bundle brought. Counts are of entries unless they say
// otherwise.
type Imported struct {
	Segments    int              `json:"segments"` // that were taken
	New         int              `json:"new_changes"`
	Repeats     int              `json:"repeated_changes"`
	Receipts    int              `json:"receipts"`
	Pages       int              `json:"pages"`
	Rulings     int              `json:"rulings"` // outside pages
	Credentials int              `json:"credentials"`
	Damaged     int              `json:"damaged_places"` // of the file itself
	Cut         bool             `json:"cut_short"`
	Skipped     []SkippedEntry   `json:"skipped"`
	Asks        []*syncproto.Ask `json:"-"`
	// Again are receipts for what had arrived before, for the file that answers.
	Again [][]byte `json:"-"`
}

// SkippedEntry is an entry that was not taken.
type SkippedEntry struct {
	Entry  int            `json:"entry"` // position in the file, from 1; 0 where it is not known
	Kind   string         `json:"kind"`
	Code   syncproto.Code `json:"code"`
	Detail string         `json:"detail"`
}

// importBytes is how much one batch of an import brings.
const importBytes = 1 << 20

// Import takes in a bundle. Whatever verifies lands; the rest is named. via is
// who is told to have brought it: this server itself. notice is called with key
// notices and contacts with what points say of who was there, once all else is
// in; both may be nil.
func Import(ctx context.Context, in Ingester, via syncproto.OriginID, file []byte, notice, contacts func([]byte) error) (Imported, error) {
	entries, damage, err := syncproto.DecodeBundle(file)
	if err != nil {
		return Imported{}, err
	}
	im := &importer{ctx: ctx, in: in, via: via, out: Imported{Damaged: damage.Damaged, Cut: damage.Cut}}
	// Credentials first: segments may stand before those that vouch for them.
	for i, e := range entries {
		if e.Kind != syncproto.EntryCredential {
			continue
		}
		c, err := syncproto.DecodeCredentialEntry(e.Data)
		if err != nil {
			im.skip(i, "credential", err)
			continue
		}
		im.out.Credentials++
		im.credentials = append(im.credentials, c)
	}
	for i, e := range entries {
		if err := im.entry(i, e, notice); err != nil {
			return im.out, err
		}
	}
	if err := im.flush(); err != nil || contacts == nil {
		return im.out, err
	}
	for i, e := range entries {
		if e.Kind != syncproto.EntryContacts {
			continue
		}
		if err := contacts(e.Data); err != nil {
			im.skip(i, "contacts", err)
		}
	}
	return im.out, nil
}

type importer struct {
	ctx         context.Context
	in          Ingester
	via         syncproto.OriginID
	out         Imported
	credentials []syncproto.OriginCredential
	batch       ingest.Batch
	at          []int // entry of each segment of the batch
	size        int
}

func (im *importer) skip(entry int, kind string, err error) {
	code, detail := syncproto.CodeOf(err), err.Error()
	im.out.Skipped = append(im.out.Skipped, SkippedEntry{entry + 1, kind, code, detail})
}

func (im *importer) entry(i int, e syncproto.Entry, notice func([]byte) error) error {
	switch e.Kind {
	case syncproto.EntrySegment:
		im.batch.Segments = append(im.batch.Segments, e.Data)
		im.at = append(im.at, i)
	case syncproto.EntryReceipt:
		if _, err := syncproto.DecodeReceipt(e.Data); err != nil {
			im.skip(i, "receipt", err)
			return nil
		}
		im.out.Receipts++
		im.batch.Receipts = append(im.batch.Receipts, e.Data)
	case syncproto.EntryPage:
		if _, err := syncproto.PageAfter(e.Data); err != nil {
			im.skip(i, "page", err)
			return nil
		}
		im.out.Pages++
		im.batch.Pages = append(im.batch.Pages, e.Data)
	case syncproto.EntryRuling:
		if _, err := syncproto.DecodeRuling(e.Data); err != nil {
			im.skip(i, "ruling", err)
			return nil
		}
		im.out.Rulings++
		im.batch.Rulings = append(im.batch.Rulings, e.Data)
	case syncproto.EntryNotice:
		if notice == nil {
			return nil
		}
		if err := notice(e.Data); err != nil {
			im.skip(i, "notice", err)
		}
		return nil
	case syncproto.EntryAsk:
		ask, err := syncproto.DecodeAsk(e.Data)
		if err != nil {
			im.skip(i, "ask", err)
			return nil
		}
		im.out.Asks = append(im.out.Asks, ask)
		return nil
	default:
		return nil
	}
	if im.size += len(e.Data); im.size >= importBytes {
		return im.flush()
	}
	return nil
}

// flush submits the batch at hand.
func (im *importer) flush() error {
	b := im.batch
	if len(b.Segments) == 0 && len(b.Receipts) == 0 && len(b.Pages)+len(b.Rulings) == 0 && len(im.credentials) == 0 {
		return nil
	}
	b.Via, b.Credentials = im.via, im.credentials
	result, err := im.in.Submit(im.ctx, b)
	if err != nil {
		return err
	}
	bad := make(map[int]bool)
	for _, p := range result.Problems {
		if p.Index < 0 || p.Index >= len(im.at) {
			continue
		}
		bad[p.Index] = true
		im.skip(im.at[p.Index], "segment", &syncproto.Error{Code: p.Code, Message: p.Message})
	}
	for _, err := range result.Refused {
		im.out.Skipped = append(im.out.Skipped, SkippedEntry{Kind: "receipt, page or ruling", Code: syncproto.CodeOf(err), Detail: err.Error()})
	}
	im.out.Segments += len(b.Segments) - len(bad)
	im.out.New += result.New
	im.out.Repeats += result.Repeats
	im.out.Again = append(im.out.Again, result.Receipts...)
	im.batch, im.at, im.size = ingest.Batch{}, nil, 0
	return nil
}
