package ingest

import (
	"encoding/binary"

	"github.com/google/uuid"

	"thonsync/syncproto"
	"thonsync/syncproto/merge"
)

// personalForm says what an entry of a history holds of the personal row.
type personalForm uint8

const (
	personalUnknown   personalForm = 0 // this replica cannot read it
	personalEncrypted personalForm = 1 // encrypted under the data key
	personalGone      personalForm = 2 // erased, or its author no longer had it
)

// Entry is one change of a record as its history keeps it.
type Entry struct {
	Change syncproto.Change // Personal is nil until opened
	Open   [syncproto.RefOpenBytes]byte
	Closed [syncproto.RefOpenBytes]byte // zero where p(n) is not known here
	// Acts tells that the change takes part in merging. Where it does not, Reason
	// says why and Needs what would cure it.
	Acts   bool
	Reason syncproto.Reason
	Needs  string
	// EarliestMS and LatestMS bound the time of the change; EarliestMS is 0 where
	// no beacon is known.
	EarliestMS, LatestMS int64

	form   personalForm
	cipher []byte
	page   bool // came in a page of the centre and has no line in the ledger
	fed    bool // stands in a feed
	branch uint32
	placed bool // branch is known
}

// ID names the change.
func (e *Entry) ID() merge.ID {
	return merge.ID{Origin: e.Change.Origin, Seq: e.Change.Seq, Open: e.Open}
}

// standing is what the ledger says of a change, as far as the change and the
// definitions decide it.
type standing struct {
	acts   bool
	reason syncproto.Reason
	needs  string
}

func (e *Entry) standing() standing { return standing{e.Acts, e.Reason, e.Needs} }

// PersonalKnown tells whether the personal row can be opened.
func (e *Entry) PersonalKnown() bool { return e.form == personalEncrypted }

const historyVersion = 1

const (
	entryActs = 1 << iota
	entryPage
	entryFed
	entryFormShift = iota
)

// limits of a decoded history, against damaged rows
const maxHistoryText = 256

// encodeHistory gives the compact form of all changes of a record.
func encodeHistory(entries []Entry) []byte {
	size := 8
	for i := range entries {
		size += 256 + len(entries[i].cipher)
	}
	b := make([]byte, 0, size)
	b = append(b, historyVersion)
	b = binary.AppendUvarint(b, uint64(len(entries)))
	for i := range entries {
		b = appendHistoryEntry(b, &entries[i])
	}
	return b
}

func appendHistoryEntry(b []byte, e *Entry) []byte {
	flags := byte(e.form) << entryFormShift
	for bit, on := range [...]bool{e.Acts, e.page, e.fed} {
		if on {
			flags |= 1 << bit
		}
	}
	b = append(b, flags)
	b = append(b, e.Change.Origin[:]...)
	b = binary.AppendUvarint(b, e.Change.Seq)
	b = append(append(b, e.Open[:]...), e.Closed[:]...)
	b = binary.AppendVarint(b, e.EarliestMS)
	b = binary.AppendVarint(b, e.LatestMS)
	b = appendSized(b, []byte(e.Reason))
	b = appendSized(b, []byte(e.Needs))
	var buf [512]byte // most rows are shorter, and a bulk of records has many
	b = appendSized(b, syncproto.AppendRow(buf[:0], e.Change.Header.Row()))
	b = appendSized(b, syncproto.AppendRow(buf[:0], e.Change.Operational))
	if e.form == personalEncrypted {
		b = appendSized(b, e.cipher)
	}
	return b
}

func appendSized(b, v []byte) []byte {
	return append(binary.AppendUvarint(b, uint64(len(v))), v...)
}

// DecodeHistory reads the changes of a record, in the order in which they
// arrived. Personal rows stay encrypted.
func DecodeHistory(b []byte) ([]Entry, error) {
	r := historyReader{b: b}
	if v := r.take(1); r.bad || v[0] != historyVersion {
		return nil, damagedHistory()
	}
	n := r.uvarint()
	if n > uint64(len(b)) {
		return nil, damagedHistory()
	}
	out := make([]Entry, 0, n)
	for range n {
		e, err := r.entry()
		if err != nil {
			return nil, err
		}
		out = append(out, e)
	}
	if r.bad || len(r.b) != 0 {
		return nil, damagedHistory()
	}
	return out, nil
}

func damagedHistory() error {
	return syncproto.Errorf(syncproto.CodeInternal, "a record's history is damaged: verify the database and restore the last backup")
}

type historyReader struct {
	b   []byte
	bad bool
}

func (r *historyReader) take(n int) []byte {
	if r.bad || n < 0 || n > len(r.b) {
		r.bad = true
		return make([]byte, max(0, min(n, 16)))
	}
	out := r.b[:n:n]
	r.b = r.b[n:]
	return out
}

func (r *historyReader) uvarint() uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.bad = true
		return 0
	}
	r.take(n)
	return v
}

func (r *historyReader) varint() int64 {
	v, n := binary.Varint(r.b)
	if n <= 0 {
		r.bad = true
		return 0
	}
	r.take(n)
	return v
}

func (r *historyReader) sized(limit int) []byte {
	n := r.uvarint()
	if n > uint64(limit) {
		r.bad = true
		return nil
	}
	return r.take(int(n))
}

func (r *historyReader) entry() (Entry, error) {
	var e Entry
	flags := r.take(1)[0]
	e.Acts, e.page, e.fed = flags&entryActs != 0, flags&entryPage != 0, flags&entryFed != 0
	e.form = personalForm(flags >> entryFormShift)
	e.Change.Origin = uuid.UUID(r.take(16))
	e.Change.Seq = r.uvarint()
	copy(e.Open[:], r.take(syncproto.RefOpenBytes))
	copy(e.Closed[:], r.take(syncproto.RefOpenBytes))
	e.EarliestMS, e.LatestMS = r.varint(), r.varint()
	e.Reason = syncproto.Reason(r.sized(maxHistoryText))
	e.Needs = string(r.sized(maxHistoryText))
	header, err := syncproto.DecodeRow(r.sized(syncproto.MaxRowBytes))
	if r.bad || err != nil {
		return e, damagedHistory()
	}
	if e.Change.Header, err = syncproto.HeaderOf(header); err != nil {
		return e, damagedHistory()
	}
	if e.Change.Operational, err = syncproto.DecodeRow(r.sized(syncproto.MaxRowBytes)); err != nil {
		return e, damagedHistory()
	}
	if e.form == personalEncrypted {
		e.cipher = r.sized(syncproto.MaxRowBytes + vaultOverhead)
	}
	if r.bad {
		return e, damagedHistory()
	}
	return e, nil
}
