package syncproto

import (
	"bytes"
	"strings"
	"testing"

	"thonsync/syncproto/squeeze"
)

// TestLengthsAreCheckedBeforeMemoryIsTaken hands every decoder a few octets
// that announce very much.
func TestLengthsAreCheckedBeforeMemoryIsTaken(t *testing.T) {
	huge := appendUvarint(nil, 1<<62)
	cat := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	frame := append([]byte("TSG\x01"), make([]byte, 16)...)
	rest := make([]byte, 4*32+64)
	receipt := vecReceipts()[0].body()
	notice := vecNotices(t)[0].body()
	ruling := vecRulings()[0].body()
	cases := []struct {
		name   string
		code   Code
		decode func() error
	}{
		{"fields of a row", CodeTooLarge, func() error { _, err := DecodeRow(huge); return err }},
		{"text", CodeTooLarge, func() error { _, err := DecodeRow(cat([]byte{1, 1, 2}, huge)); return err }},
		{"value of a newer type", CodeTooLarge, func() error { _, err := DecodeRow(cat([]byte{1, 1, 99}, huge)); return err }},
		{"items of a list", CodeTooLarge, func() error { _, err := DecodeRow(cat([]byte{1, 1, 7, 9}, huge)); return err }},
		{"references", CodeTooLarge, func() error { _, err := decodeRefs(huge); return err }},
		{"changes of a segment", CodeTooLarge, func() error { _, err := ParseSegment(cat(frame, []byte{1}, huge)); return err }},
		{"open compartment", CodeTooLarge, func() error { _, err := ParseSegment(cat(frame, []byte{1, 1}, rest, huge)); return err }},
		{"sealed compartment", CodeTooLarge, func() error { _, err := ParseSegment(cat(frame, []byte{1, 1}, rest, []byte{0, 1}, huge)); return err }},
		{"exceptions of a receipt", CodeTooLarge, func() error { _, err := DecodeReceipt(cat(receipt[:len(receipt)-1], huge)); return err }},
		{"unit of a ruling", CodeTooLarge, func() error {
			_, err := DecodeRuling(cat(ruling[:len(ruling)-1-1-7-1-len("gso-2025-07:00994")], huge))
			return err
		}},
		{"cut of a ruling", CodeTooLarge, func() error { _, err := DecodeRuling(cat(ruling[:len(ruling)-1], huge)); return err }},
		{"credentials of a notice", CodeTooLarge, func() error { _, err := DecodeKeyNotice(cat(notice[:len(notice)-1], huge)); return err }},
		{"part of a message", CodeTooLarge, func() error { _, err := decodeRequest(cat([]byte{6}, huge)); return err }},
		{"members of a welcome", CodeTooLarge, func() error {
			_, err := decodeAnswer(cat([]byte{tagWelcome}, appendBytes(nil, cat([]byte{0, 0}, make([]byte, 16), huge))))
			return err
		}},
		{"feed name of a page", CodeTooLarge, func() error { _, _, err := readPage(cat(make([]byte, 64), huge)); return err }},
		{"content of a page", CodeTooLarge, func() error {
			_, _, err := readPage(cat(make([]byte, 64), []byte{0}, make([]byte, 16), []byte{0, 1}, make([]byte, 32), huge))
			return err
		}},
		{"entries of a page", CodeMalformed, func() error {
			_, _, err := readPage(cat(make([]byte, 64), []byte{0}, make([]byte, 16), []byte{0}, huge, make([]byte, 33)))
			return err
		}},
		{"entry of a bundle", "", func() error {
			_, _, err := DecodeBundle(cat(bundleMagic[:], entryMarker[:], []byte{2}, huge))
			return err
		}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			within(t, 16<<10, func() { wantCode(t, c.decode(), c.code) })
		})
	}
	tables := []struct {
		name    string
		control []byte
	}{
		{"shapes", huge}, {"fields of a shape", cat([]byte{1}, huge)},
		{"aligned columns", cat([]byte{1, 0}, huge)}, {"literals", cat([]byte{1, 1, 1, 2, 0, 2, 0}, huge)},
		{"fixed length", cat([]byte{1, 1, 1, 2, 0, 3}, huge)},
	}
	for _, c := range tables {
		t.Run(c.name, func(t *testing.T) {
			within(t, 32<<10, func() {
				r := &columnReader{cols: [][]byte{c.control}}
				decodeTable(r, 1, nil)
				wantCode(t, r.err, CodeTooLarge)
			})
		})
	}
}

// TestOversizeIsRefusedUnread: too many octets are refused before any is read.
func TestOversizeIsRefusedUnread(t *testing.T) {
	big := make([]byte, MaxMessageBytes+1)
	within(t, 16<<10, func() {
		_, err := DecodeRow(big[:MaxRowBytes+1])
		wantCode(t, err, CodeTooLarge)
		_, err = ParseSegment(big[:MaxSegmentBytes+1])
		wantCode(t, err, CodeTooLarge)
		_, err = CentreOf(public(vecKey(70))).DecodePage(big[:MaxPageBytes+65])
		wantCode(t, err, CodeTooLarge)
		_, err = PageAfter(big[:MaxPageBytes+65])
		wantCode(t, err, CodeTooLarge)
		_, err = OpenRequest(big, ringOf())
		wantCode(t, err, CodeTooLarge)
		_, err = (&Pending{}).OpenAnswer(big, nil)
		wantCode(t, err, CodeTooLarge)
	})
	_, _, err := DecodeBundle(make([]byte, MaxBundleBytes+1))
	wantCode(t, err, CodeTooLarge)
}

// TestDictionariesDoNotExplode: a few kilobytes that stand for hundreds of
// megabytes of text.
func TestDictionariesDoNotExplode(t *testing.T) {
	const n = MaxSegmentChanges
	word := strings.Repeat("a", 8000)
	rows := make([]Row, n)
	for i := range rows {
		rows[i] = Row{{1, TextValue("x x")}, {2, TextValue("y y")}}
	}
	// The control column of a table of 200 columns of words: each text is two
	// words, all words are the one literal of 8000 octets.
	control := []byte{1}
	control = appendUvarint(control, 100)
	for i := range 100 {
		control = append(appendUvarint(control, uint64(i+1)), byte(TypeText))
	}
	control = append(control, 0)
	cols := [][]byte{nil}
	for range 100 {
		control = append(control, modeWords, 1, 0, 1, 2)
		cols = append(cols, bytes.Repeat([]byte{2}, n), []byte{0x1f}, []byte{0x40}, []byte(word))
	}
	cols[0] = control
	within(t, decodeBudget, func() {
		r := &columnReader{cols: cols}
		decodeTable(r, n, nil)
		wantCode(t, r.err, CodeTooLarge)
	})
	// One literal in every row of a dictionary shares its memory, but a row is
	// bounded all the same.
	s := &Segment{Statement: Statement{After: Heads{Seq: n}}}
	headers := vecInput(t, vecKey(0), 1, 1).Changes[0].Header.Row()
	heads, ops := make([]Row, n), make([]Row, n)
	for i := range heads {
		heads[i] = headers
		for j := range 30 {
			ops[i] = append(ops[i], Field{uint32(j), TextValue(word)})
		}
	}
	w := &columnWriter{}
	encodeTable(w, heads, nil)
	encodeTable(w, ops, nil)
	s.open = squeeze.Compress(nil, w.cols)
	within(t, decodeBudget, func() {
		_, err := s.decodeOpen()
		wantCode(t, err, CodeTooLarge)
	})
}
