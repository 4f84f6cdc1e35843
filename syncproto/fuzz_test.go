package syncproto

import (
	"encoding/json"
	"runtime"
	"testing"

	"github.com/google/uuid"

	"thonsync/syncproto/squeeze"
)

// decodeBudget is what decoding one segment, page or message may allocate in
// total: 64 times the columns of a compartment.
const decodeBudget = 64 * MaxSegmentRawBytes

// within fails if f allocates more than budget octets in total.
func within(t testing.TB, budget uint64, f func()) {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; n > budget {
		t.Fatalf("%d octets allocated, at most %d are allowed", n, budget)
	}
}

func seedRefused(f *testing.F, path string) {
	for _, v := range readVectors[vecRefused](f, path) {
		f.Add([]byte(v.Bytes))
	}
}

func FuzzDecodeRow(f *testing.F) {
	for _, v := range readVectors[vecRow](f, "row/rows.json") {
		f.Add([]byte(v.Row))
	}
	seedRefused(f, "row/refused.json")
	for _, v := range readVectors[vecChain](f, "chain/chain.json") {
		for _, c := range v.Changes {
			f.Add([]byte(c.Rows[0]))
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var row Row
		var err error
		within(t, 32*MaxRowBytes, func() { row, err = DecodeRow(b) })
		if err != nil {
			return
		}
		wantBytes(t, "row encoded again", AppendRow(nil, row), b)
		for _, field := range row {
			_ = field.Value.JSON()
			if field.Value.Compare(field.Value) != 0 {
				t.Error("a value differs from itself")
			}
		}
		if h, err := HeaderOf(row); err == nil {
			wantBytes(t, "header encoded again", AppendRow(nil, h.Row()), b)
			_ = h.Check()
		}
	})
}

// columnsIn takes fuzz input apart into columns: a length octet before each,
// 255 meaning "repeat the next octet 1000 times".
func columnsIn(b []byte) [][]byte {
	var cols [][]byte
	for len(b) > 0 && len(cols) < maxColumns {
		n := int(b[0])
		b = b[1:]
		if n == 255 && len(b) > 0 {
			col := make([]byte, 1000)
			for i := range col {
				col[i] = b[0]
			}
			cols, b = append(cols, col), b[1:]
			continue
		}
		n = min(n, len(b))
		cols, b = append(cols, b[:n:n]), b[n:]
	}
	return cols
}

func columnsOut[T ~[]byte](cols []T) []byte {
	var b []byte
	for _, c := range cols {
		if len(c) < 255 {
			b = append(append(b, byte(len(c))), c...)
		}
	}
	return b
}

func FuzzDecodeTable(f *testing.F) {
	for _, v := range readVectors[vecTable](f, "segment/tables.json") {
		f.Add(uint16(v.Count), false, columnsOut(v.Columns))
	}
	for _, v := range readVectors[vecSegment](f, "segment/segments.json") {
		f.Add(uint16(len(v.Changes)), true, columnsOut(v.OpenColumns))
	}
	f.Fuzz(func(t *testing.T, n uint16, header bool, b []byte) {
		count := int(n) % (MaxSegmentChanges + 1)
		r := &columnReader{cols: columnsIn(b)}
		var sp *special
		if header {
			sp = ownRecords(nil)
		}
		var rows []Row
		within(t, decodeBudget, func() { rows = decodeTable(r, count, sp) })
		if r.err != nil || header {
			return
		}
		if len(rows) != count {
			t.Fatalf("%d rows, want %d", len(rows), count)
		}
		w := &columnWriter{}
		encodeTable(w, rows, nil)
		if w.err != nil {
			t.Fatal(w.err)
		}
		again := decodeTable(&columnReader{cols: w.cols}, count, nil)
		for i := range rows {
			wantBytes(t, "row", AppendRow(nil, again[i]), AppendRow(nil, rows[i]))
		}
	})
}

// FuzzSegment looks behind the signature: nothing of a segment is read before
// that holds, but its author may be malicious.
func FuzzSegment(f *testing.F) {
	for _, path := range []string{"segment/segments.json", "segment/refused.json"} {
		for _, v := range readVectors[vecSegment](f, path) {
			f.Add([]byte(v.Segment))
		}
	}
	key := vecSealKey(f, 50)
	f.Fuzz(func(t *testing.T, b []byte) {
		within(t, decodeBudget, func() {
			s, err := ParseSegment(b)
			if err != nil {
				return
			}
			wantBytes(t, "segment encoded again", s.Encode(), b)
			if _, err := s.decodeOpen(); CodeOf(err) == CodeInternal {
				t.Errorf("content of a segment fails with %v", err)
			}
			_, _ = s.OpenSeal(ringOf(key))
		})
	})
}

// FuzzSegmentContent takes columns as the open compartment of a segment, past
// the compressor.
func FuzzSegmentContent(f *testing.F) {
	for _, v := range readVectors[vecSegment](f, "segment/segments.json") {
		f.Add(uint16(len(v.Changes)-1), columnsOut(v.OpenColumns))
	}
	f.Fuzz(func(t *testing.T, n uint16, b []byte) {
		s := &Segment{Statement: Statement{Before: Heads{Seq: 7}, After: Heads{Seq: 8 + uint64(n)%MaxSegmentChanges}}}
		within(t, decodeBudget, func() {
			r := &columnReader{cols: columnsIn(b)}
			headers := decodeTable(r, s.Count(), ownRecords(nil))
			rows := decodeTable(r, s.Count(), nil)
			if r.err != nil {
				return
			}
			if _, err := s.chainOpen(headers, rows); err == nil {
				t.Error("a chain ends in zeros")
			} else if c := CodeOf(err); c != CodeChain && c != CodeMalformed && c != CodeTooLarge {
				t.Errorf("content fails with %v", err)
			}
		})
	})
}

func FuzzPersonals(f *testing.F) {
	for _, v := range readVectors[vecSegment](f, "segment/segments.json") {
		if v.Plain != nil {
			runs := []byte(v.Plain)[:min(len(v.Plain), 40)]
			f.Add(uint16(len(v.Changes)), runs, columnsOut(v.PersonalColumns))
		}
	}
	f.Fuzz(func(t *testing.T, n uint16, runs, cols []byte) {
		s := &Segment{Statement: Statement{After: Heads{Seq: 1 + uint64(n)%MaxSegmentChanges}}}
		within(t, decodeBudget, func() {
			p, err := s.decodePersonals(append(append([]byte{}, runs...), squeeze.Compress(nil, columnsIn(cols))...))
			if err == nil {
				_ = s.chainClosed(p)
			}
		})
	})
}

func FuzzDecodePage(f *testing.F) {
	for _, v := range readVectors[vecPage](f, "feed/pages.json") {
		f.Add([]byte(v.Bytes), columnsOut(v.Columns))
	}
	f.Fuzz(func(t *testing.T, b, cols []byte) {
		within(t, decodeBudget, func() {
			p, content, err := readPage(b)
			if err != nil {
				return
			}
			wantBytes(t, "page encoded again", p.Encode(), b)
			_, _ = decodeItems(content, int(p.To-p.From))
			_, _ = decodeItems(squeeze.Compress(nil, columnsIn(cols)), int(p.To-p.From))
		})
	})
}

func FuzzDecodeBundle(f *testing.F) {
	for _, v := range readVectors[vecBundle](f, "bundle/bundles.json") {
		f.Add([]byte(v.Bytes))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		entries, damage, err := DecodeBundle(b)
		if err != nil {
			return
		}
		size := 0
		for _, e := range entries {
			size += len(e.Data)
		}
		if size > len(b) {
			t.Errorf("%d octets out of a bundle of %d", size, len(b))
		}
		again, err := EncodeBundle(entries)
		must(t, err)
		if damage == (BundleDamage{}) && len(again) == len(b) {
			wantBytes(t, "bundle encoded again", again, b)
		}
		_, err = DescribeJSON(b)
		must(t, err)
	})
}

func seedExchanges(f *testing.F, add func(v vecExchange)) {
	for _, v := range readVectors[vecExchange](f, "message/exchanges.json") {
		add(v)
	}
}

func FuzzOpenRequest(f *testing.F) {
	seedExchanges(f, func(v vecExchange) { f.Add([]byte(v.Request)) })
	key := vecSealKey(f, 60)
	f.Fuzz(func(t *testing.T, b []byte) {
		if o, err := OpenRequest(b, ringOf(key)); err == nil {
			_ = o.VerifySender(public(vecKey(0)))
		}
	})
}

// stable reads a body, writes it and reads it again: what is understood must
// not change on the way. (Parts not understood are not kept.)
func stable[T interface{ body() []byte }](t *testing.T, b []byte, decode func([]byte) (T, error)) {
	within(t, decodeBudget, func() {
		q, err := decode(b)
		if err != nil {
			return
		}
		once := q.body()
		again, err := decode(once)
		must(t, err)
		wantBytes(t, "body", again.body(), once)
	})
}

func FuzzRequestBody(f *testing.F) {
	seedExchanges(f, func(v vecExchange) {
		if v.RequestPlain != nil {
			f.Add([]byte(v.RequestPlain[64:]))
		}
	})
	f.Fuzz(func(t *testing.T, b []byte) {
		stable(t, b, decodeRequest)
		_, _ = DecodeAsk(b)
		_, _ = DecodeCredentialEntry(b)
	})
}

func FuzzAnswerBody(f *testing.F) {
	seedExchanges(f, func(v vecExchange) {
		if v.AnswerPlain != nil {
			f.Add([]byte(v.AnswerPlain[64:]))
		}
	})
	f.Fuzz(func(t *testing.T, b []byte) { stable(t, b, decodeAnswer) })
}

func FuzzOpenAnswer(f *testing.F) {
	seedExchanges(f, func(v vecExchange) {
		if v.Answer != nil {
			f.Add([]byte(v.Answer))
		}
	})
	_, pending, err := EncodeRequest(&Request{ID: vecID}, vecKey(0), vecSealKey(f, 60).Public)
	must(f, err)
	f.Fuzz(func(t *testing.T, b []byte) {
		if _, err := pending.OpenAnswer(b, public(vecKey(20))); err == nil {
			t.Error("an answer opens under a request that nobody answered")
		}
	})
}

func FuzzDecodeReceipt(f *testing.F) {
	for _, v := range readVectors[vecReceipt](f, "receipt/receipts.json") {
		f.Add([]byte(v.Bytes))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := DecodeReceipt(b)
		if err != nil {
			return
		}
		wantBytes(t, "receipt encoded again", r.Encode(), b)
		_ = r.Covers(r.First)
		_, err = DescribeReceipt(b)
		must(t, err)
	})
}

func FuzzDecodeRuling(f *testing.F) {
	for _, v := range readVectors[vecRuling](f, "ruling/rulings.json") {
		f.Add([]byte(v.Bytes))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if r, err := DecodeRuling(b); err == nil {
			wantBytes(t, "ruling encoded again", r.Encode(), b)
			_, err = DescribeRuling(b)
			must(t, err)
		}
	})
}

func FuzzDecodeKeyNotice(f *testing.F) {
	for _, v := range readVectors[vecNotice](f, "message/notices.json") {
		f.Add([]byte(v.Bytes))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if n, err := DecodeKeyNotice(b); err == nil {
			wantBytes(t, "notice encoded again", n.Encode(), b)
		}
	})
}

// FuzzDescribe: whatever DescribeJSON takes can be written as JSON.
func FuzzDescribe(f *testing.F) {
	for _, v := range readVectors[vecSegment](f, "segment/segments.json") {
		f.Add([]byte(v.Segment))
	}
	for _, v := range readVectors[vecBundle](f, "bundle/bundles.json") {
		f.Add([]byte(v.Bytes))
	}
	for _, v := range readVectors[vecNotice](f, "message/notices.json") {
		f.Add([]byte(v.Bytes))
	}
	seedExchanges(f, func(v vecExchange) { f.Add([]byte(v.Request)); f.Add([]byte(v.Answer)) })
	f.Fuzz(func(t *testing.T, b []byte) {
		v, err := DescribeJSON(b)
		if err == nil {
			_, err = json.Marshal(v)
			must(t, err)
		}
	})
}

func FuzzTexts(f *testing.F) {
	for _, v := range readVectors[vecText](f, "row/text.json") {
		f.Add(string(v.Input))
	}
	for _, s := range []string{"2026", "2026-02", "2026-02-29", "+026-01", "gso-2025-07:00991", ":"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		v := TextValue(s)
		if TextValue(v.Text()) != v {
			t.Errorf("normalising twice differs from once: %q", s)
		}
		if CleanText(s) && v.Text() != s {
			t.Errorf("clean text %q is changed by normalising", s)
		}
		if d, err := ParseDate(s); err == nil && (d.String() != s || unpackDate(d.pack()) != d) {
			t.Errorf("date %q reads as %v", s, d)
		}
		if list, code, ok := SplitUnitKey(s); ok && UnitKey(list, code) != s {
			t.Errorf("unit key %q", s)
		}
		_, _ = ParseKind(s)
		_ = RecordID(int64(len(s)), Hash{}) == uuid.Nil
	})
}
