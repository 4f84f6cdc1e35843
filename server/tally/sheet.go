// Package tally counts ahead what the records say, per team, place and month, in
// the transaction that writes them, so that a report reads as much for a million
// activities as for a thousand. What it counts can always be made again from the
// records.
package tally

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/bits"
	"slices"
	"strings"

	"github.com/google/uuid"

	"thonsync/server/store"
)

// State is what counts of a record besides its day.
type State byte

// The marks of a state. Without Standing the record waits for something and has
// no effect yet.
const (
	Standing State = 1 << iota // it exists
	Void
	Straddling // its month is not certain
)

// Work names activities that count alike.
type Work struct {
	Kind   string
	Result string
	State  State
}

// days counts by day of the month.
type days [31]int32

// Sheet is the tally of one team, place and month, or a change to one.
type Sheet struct {
	works   map[Work]*days
	authors map[uuid.UUID]*days // of standing activities alone
}

func newSheet() *Sheet { return &Sheet{works: map[Work]*days{}, authors: map[uuid.UUID]*days{}} }

func bump[K comparable](m map[K]*days, k K, at int, n int32) {
	d := m[k]
	if d == nil {
		d = new(days)
		m[k] = d
	}
	d[at] += n
}

// add counts one record n times at its day of the month.
func (s *Sheet) add(rec *store.Record, at int, straddles bool, n int32) {
	w := Work{Kind: rec.Kind, Result: rec.Result}
	for _, x := range [...]struct {
		mark  State
		holds bool
	}{{Standing, rec.Exists}, {Void, rec.Void}, {Straddling, straddles}} {
		if x.holds {
			w.State |= x.mark
		}
	}
	bump(s.works, w, at, n)
	if w.State&(Standing|Void) == Standing && rec.Author != uuid.Nil {
		bump(s.authors, rec.Author, at, n)
	}
}

// errGarbled says that a stored tally cannot be read, or says less than
// nothing: it has to be counted anew.
var errGarbled = errors.New("a tally is garbled: run `thonsync projection rebuild`")

// merge adds a stored tally to the sheet.
func (s *Sheet) merge(data []byte) error {
	return Each(data, func(w Work, mask uint32, counts []uint32) {
		for i, at := 0, mask; at != 0; i, at = i+1, at&(at-1) {
			bump(s.works, w, bits.TrailingZeros32(at), int32(counts[i]))
		}
	}, func(author uuid.UUID, mask uint32, counts []uint32) {
		for i, at := 0, mask; at != 0; i, at = i+1, at&(at-1) {
			bump(s.authors, author, bits.TrailingZeros32(at), int32(counts[i]))
		}
	})
}

// encode gives the one form of the sheet, nil for an empty one. Layout: number of
// works, then each as kind, result (length and octets), state, days; then
// authors to the end, each as 16 octets and days. Days are a mask of the days of
// the month and a count for each of them. All numbers are varints.
func (s *Sheet) encode() ([]byte, error) {
	works, ok := kept(s.works)
	authors, ok2 := kept(s.authors)
	if !ok || !ok2 {
		return nil, errGarbled
	}
	if len(works)+len(authors) == 0 {
		return nil, nil
	}
	slices.SortFunc(works, func(a, b Work) int {
		if n := strings.Compare(a.Kind, b.Kind); n != 0 {
			return n
		}
		if n := strings.Compare(a.Result, b.Result); n != 0 {
			return n
		}
		return int(a.State) - int(b.State)
	})
	slices.SortFunc(authors, func(a, b uuid.UUID) int { return bytes.Compare(a[:], b[:]) })
	out := binary.AppendUvarint(nil, uint64(len(works)))
	for _, w := range works {
		out = appendText(appendText(out, w.Kind), w.Result)
		out = append(out, byte(w.State))
		out = s.works[w].append(out)
	}
	for _, a := range authors {
		out = s.authors[a].append(append(out, a[:]...))
	}
	return out, nil
}

// kept lists the keys that count something; false if one counts less than
// nothing.
func kept[K comparable](m map[K]*days) (keys []K, ok bool) {
	for k, d := range m {
		some := false
		for _, n := range d {
			if n < 0 {
				return nil, false
			}
			some = some || n > 0
		}
		if some {
			keys = append(keys, k)
		}
	}
	return keys, true
}

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func (d *days) append(b []byte) []byte {
	mask := uint32(0)
	for i, n := range d {
		if n > 0 {
			mask |= 1 << i
		}
	}
	b = binary.AppendUvarint(b, uint64(mask))
	for _, n := range d {
		if n > 0 {
			b = binary.AppendUvarint(b, uint64(n))
		}
	}
	return b
}

// Each reads one tally; who reads many keeps a Decoder.
func Each(data []byte, work func(w Work, mask uint32, counts []uint32), author func(id uuid.UUID, mask uint32, counts []uint32)) error {
	var d Decoder
	return d.Each(data, work, author)
}

// Decoder reads tallies, and keeps the few words that stand in all of them. The
// zero value is ready; it is used by one goroutine.
type Decoder struct{ words map[string]string }

func (d *Decoder) word(b []byte) string {
	if w, ok := d.words[string(b)]; ok {
		return w
	}
	if d.words == nil {
		d.words = map[string]string{}
	}
	w := string(b)
	d.words[w] = w
	return w
}

// Each calls work and author for what a stored tally holds: a mask of the days
// of the month, bit 0 for the first, and a count for each bit that is set.
// counts is only valid during the call.
func (d *Decoder) Each(data []byte, work func(w Work, mask uint32, counts []uint32), author func(id uuid.UUID, mask uint32, counts []uint32)) error {
	if len(data) == 0 {
		return nil
	}
	r := reader{b: data}
	var room [31]uint32
	for n := r.number(); n > 0 && !r.bad; n-- {
		w := Work{Kind: d.word(r.text()), Result: d.word(r.text()), State: State(r.octets(1)[0])}
		mask, counts := r.days(&room)
		if !r.bad {
			work(w, mask, counts)
		}
	}
	for len(r.b) > 0 && !r.bad {
		id := uuid.UUID(r.octets(16))
		mask, counts := r.days(&room)
		if !r.bad {
			author(id, mask, counts)
		}
	}
	if r.bad {
		return errGarbled
	}
	return nil
}

// reader reads the stored form; what runs over its end is bad and reads as
// zeros.
type reader struct {
	b   []byte
	bad bool
}

func (r *reader) number() uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.bad, r.b = true, nil
		return 0
	}
	r.b = r.b[n:]
	return v
}

var zeros [16]byte

func (r *reader) octets(n int) []byte {
	if len(r.b) < n {
		r.bad, r.b = true, nil
		return zeros[:n]
	}
	out := r.b[:n]
	r.b = r.b[n:]
	return out
}

func (r *reader) text() []byte {
	n := r.number()
	if n > uint64(len(r.b)) {
		r.bad, r.b = true, nil
		return nil
	}
	return r.octets(int(n))
}

func (r *reader) days(room *[31]uint32) (mask uint32, counts []uint32) {
	m := r.number()
	if m == 0 || m >= 1<<31 {
		r.bad, r.b = true, nil
		return 0, nil
	}
	n := bits.OnesCount32(uint32(m))
	for i := range n {
		room[i] = uint32(r.number())
	}
	return uint32(m), room[:n]
}
