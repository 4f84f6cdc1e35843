package relay_test

import (
	"testing"

	"thonsync/server/relay"
	"thonsync/server/store"
	"thonsync/syncproto"
)

// receipt stores a receipt of the centre.
func (p *point) receipt(id syncproto.OriginID, first, last uint64, exceptions ...syncproto.Exception) {
	p.t.Helper()
	r := &syncproto.Receipt{Mark: syncproto.MarkReceived, Origin: id, First: first, Last: last, Exceptions: exceptions}
	err := p.store.View(p.t.Context(), func(rd store.Reader) error {
		rows, err := rd.Segments(store.SegmentQuery{Origin: id, From: last, To: last})
		for _, row := range rows {
			r.Open, r.Closed = row.After.Open, row.After.Closed
		}
		return err
	})
	if err != nil {
		p.t.Fatal(err)
	}
	r.Sign(p.up.key)
	err = p.store.Update(p.t.Context(), func(tx store.Tx) error {
		_, err := tx.PutReceipt(store.Receipt{ReceiptKey: store.ReceiptKey{Origin: id, First: first, Mark: r.Mark, Issuer: r.Issuer}, Last: last, Data: r.Encode()})
		return err
	})
	if err != nil {
		p.t.Fatal(err)
	}
}

func (p *point) exported() (n int) {
	p.t.Helper()
	up := relay.Up{Store: p.store, Key: p.cfg.Trust.Key(), Centre: syncproto.OriginOf(p.up.public()), Now: p.cfg.Now}
	parts, err := up.Export(p.t.Context())
	if err != nil {
		p.t.Fatal(err)
	}
	for _, part := range parts {
		for _, e := range part {
			if e.Kind == syncproto.EntrySegment {
				n++
			}
		}
	}
	return n
}

func (p *point) backlog() uint64 {
	p.t.Helper()
	st, err := p.Status(p.t.Context())
	if err != nil {
		p.t.Fatal(err)
	}
	return st.Backlog
}

// A receipt beyond a gap says nothing of what lies before it.
func TestReceiptsBeyondAGap(t *testing.T) {
	p := newPoint(t)
	id := p.phone(6)
	if p.exported() != 6 || p.backlog() != 6 {
		t.Fatalf("without receipts: %d exported, backlog %d", p.exported(), p.backlog())
	}
	p.receipt(id, 5, 6)
	if p.exported() != 4 || p.backlog() != 6 {
		t.Errorf("with a receipt for 5-6: %d exported, backlog %d", p.exported(), p.backlog())
	}
	p.up.takes()
	p.sync()
	if p.sent() != 4 {
		t.Errorf("%d segments sent, want those without a receipt", p.sent())
	}
	p.receipt(id, 1, 4)
	if p.exported() != 0 || p.backlog() != 0 {
		t.Errorf("with receipts that follow each other: %d exported, backlog %d", p.exported(), p.backlog())
	}
	p.receipt(id, 1, 6)
	if p.exported() != 0 || p.backlog() != 0 {
		t.Errorf("with all receipts: %d exported, backlog %d", p.exported(), p.backlog())
	}
}

// What the centre could not open goes up again when a new copy is there.
func TestUnreadableIsCarriedAgain(t *testing.T) {
	p := newPoint(t)
	id := p.phone(3)
	p.receipt(id, 1, 3, syncproto.Exception{First: 2, Last: 2, Outcome: syncproto.OutcomeQuarantined, Reason: syncproto.ReasonUnreadable})
	if p.exported() != 1 {
		t.Errorf("%d exported, want the unreadable one", p.exported())
	}
	p.up.takes()
	p.sync()
	if p.sent() != 1 {
		t.Errorf("%d sent, want the unreadable one", p.sent())
	}
	p.sync()
	if p.sent() != 1 {
		t.Errorf("sent for ever: %d", p.sent())
	}
}
