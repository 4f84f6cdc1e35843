package audit

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"thonsync/server/chained"
	"thonsync/syncproto"
)

var errNoted = syncproto.Errorf(syncproto.CodeInvalidInput, "a noted head is written number:hash, as `thonsync audit verify` printed it")

// Verdict is what Verify found.
type Verdict struct {
	Entries uint64 `json:"entries"`
	Head    string `json:"head"`   // number:hash of the last entry, to be noted elsewhere
	Signed  uint64 `json:"signed"` // last entry that a signed head covers
	Broken  uint64 `json:"broken"` // first entry that does not fit; 0 for none
	Why     string `json:"why,omitempty"`
	Lost    uint64 `json:"lost,omitempty"` // entries lost by restores, as the server itself signed
}

// OK tells whether everything fits.
func (v *Verdict) OK() bool { return v.Why == "" }

func (v *Verdict) fail(n uint64, format string, args ...any) {
	if v.Why == "" || v.Broken > n {
		v.Broken, v.Why = n, fmt.Sprintf(format, args...)
	}
}

// Verify reads the whole log and holds it against its own chain, against the
// signed heads beside it, and against heads kept elsewhere: files of heads, such
// as the copy beside the backups, and noted heads of the form number:hash. It
// names the first entry that does not fit.
func (l *Log) Verify(files, noted []string) (*Verdict, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	v := &Verdict{}
	hashes, err := l.walk(v)
	if err != nil {
		return nil, err
	}
	var all []head
	for _, path := range append([]string{l.cfg.Heads}, files...) {
		list, err := readHeads(path)
		if err != nil {
			v.fail(v.Entries+1, "%s", err)
			continue
		}
		all = append(all, list...)
	}
	for _, s := range noted {
		h, err := parseNoted(s)
		if err != nil {
			return nil, err
		}
		v.compare(h, hashes, nil)
	}
	v.against(all, hashes, l)
	return v, nil
}

// walk recomputes the chain and gives the hash of every entry, as found in the
// file.
func (l *Log) walk(v *Verdict) ([]string, error) {
	var hashes []string
	err := chained.Each(l.file.Snapshot(), domain, func(line int, x chained.Line, fault chained.Fault) error {
		n := uint64(line)
		var e Entry
		switch {
		case !read(x, fault, &e):
			v.fail(n, "entry %d does not parse", n)
		case e.Number != n:
			v.fail(n, "entry %d has number %d: entries were removed, added or moved", n, e.Number)
		case fault == chained.Unchained:
			v.fail(n, "entry %d was changed, or one before it was removed", n)
		}
		hashes = append(hashes, x.Hash)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading the access log: %w", err)
	}
	v.Entries = uint64(len(hashes))
	v.Head = fmt.Sprintf("%d:%s", v.Entries, append([]string{""}, hashes...)[len(hashes)])
	return hashes, nil
}

// against compares heads with the log.
func (v *Verdict) against(all []head, hashes []string, l *Log) {
	var restores []head
	for i := range all {
		h := &all[i]
		if !h.good(l.cfg.Trusted) {
			v.fail(h.Number, "the signed head of entry %d has no good signature", h.Number)
		} else if h.Lost > 0 && !slices.Contains(restores, *h) {
			restores = append(restores, *h)
			v.Lost += h.Lost - h.Number
		}
	}
	slices.SortFunc(restores, func(a, b head) int { return cmp.Compare(a.AtMS, b.AtMS) })
	for _, h := range all {
		if h.good(l.cfg.Trusted) {
			v.compare(h, hashes, restores)
		}
	}
}

// compare holds one head against the log. What a restore lost is no fault.
func (v *Verdict) compare(h head, hashes []string, restores []head) {
	for _, r := range restores {
		if h.AtMS < r.AtMS && h.Number > r.Number && h.Number <= r.Lost {
			return
		}
	}
	n := uint64(len(hashes))
	switch {
	case h.Number > n:
		v.fail(n+1, "entries %d to %d are missing: a head kept for entry %d shows that they were there", n+1, h.Number, h.Number)
	case h.Number > 0 && hashes[h.Number-1] != h.Hash:
		v.fail(h.Number, "entry %d is not the one that was signed: the log was rewritten", h.Number)
	default:
		v.Signed = max(v.Signed, h.Number)
	}
}

func parseNoted(s string) (head, error) {
	num, hash, ok := strings.Cut(strings.TrimSpace(s), ":")
	n, err := strconv.ParseUint(num, 10, 64)
	if !ok || err != nil || len(hash) != 64 {
		return head{}, errNoted
	}
	return head{mark: mark{n, strings.ToLower(hash)}}, nil
}

// Query asks for entries.
type Query struct {
	After  uint64 // only entries with a higher number
	Last   int    // only the last so many of those that fit; 0 for all
	Actor  string // only his; "" for all
	Action Action // only such; "" for all
}

// read takes an entry out of its line; false if it is none.
func read(x chained.Line, fault chained.Fault, e *Entry) bool {
	return fault != chained.Unread && json.Unmarshal(x.Entry, e) == nil
}

func (q *Query) fits(e *Entry) bool {
	return e.Number > q.After && (q.Actor == "" || e.Actor == q.Actor) && (q.Action == "" || e.Action == q.Action)
}

// List gives entries, oldest first. Lines that do not parse are left out: Verify
// names them.
func (l *Log) List(q Query) ([]Entry, error) {
	l.mu.Lock()
	text := l.file.Snapshot()
	l.mu.Unlock()
	out := []Entry{}
	err := chained.Each(text, domain, func(_ int, x chained.Line, fault chained.Fault) error {
		var e Entry
		if !read(x, fault, &e) || !q.fits(&e) {
			return nil
		}
		out = append(out, e)
		if q.Last > 0 && len(out) >= 2*q.Last {
			out = append(out[:0], out[len(out)-q.Last:]...)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading the access log: %w", err)
	}
	if q.Last > 0 && len(out) > q.Last {
		out = out[len(out)-q.Last:]
	}
	return out, nil
}
