package syncproto

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
)

// A bundle is a file that carries what an exchange carries: by USB stick, by
// chat app, on a colleague's phone. It is a sequence of entries, each framed by
// a marker, a length and a CRC, so that one damaged entry costs only itself.
// The last entry counts the others; without it the file was cut short.

// EntryKind is what a bundle entry holds.
type EntryKind uint8

// The entry kinds. Readers skip kinds they do not know.
const (
	EntryCredential EntryKind = 1 // credential chain of an origin
	EntrySegment    EntryKind = 2
	EntryReceipt    EntryKind = 3
	EntryPage       EntryKind = 4
	EntryNotice     EntryKind = 5 // key notice
	EntryAsk        EntryKind = 6 // heads and checkpoints of the replica that wants an answer bundle
	entryEnd        EntryKind = 7
	EntryRuling     EntryKind = 8 // on a device that gets no pages because it was revoked
	EntryContacts   EntryKind = 9 // a point's word about who was there
)

// Entry is one part of a bundle.
type Entry struct {
	Kind EntryKind
	Data []byte
}

// Ask is what a replica that syncs by file tells the other side: who it is,
// what it holds and how far it has read.
type Ask struct {
	Origin      OriginID
	Heads       []OriginHeads
	Checkpoints []Checkpoint
}

var (
	bundleMagic = [4]byte{'T', 'S', 'B', Version}
	entryMarker = [4]byte{0xf5, 'T', 'S', 'e'}
	castagnoli  = crc32.MakeTable(crc32.Castagnoli)
)

// EncodeBundle gives the bytes of a bundle.
func EncodeBundle(entries []Entry) ([]byte, error) {
	if len(entries) > MaxBundleEntries {
		return nil, Errorf(CodeTooLarge, "bundle of %d entries, at most %d are allowed: export in parts", len(entries), MaxBundleEntries)
	}
	b := append([]byte(nil), bundleMagic[:]...)
	for _, e := range entries {
		if len(e.Data) > MaxMessageBytes {
			return nil, Errorf(CodeTooLarge, "bundle entry of %d bytes, at most %d are allowed", len(e.Data), MaxMessageBytes)
		}
		b = appendEntry(b, e)
	}
	b = appendEntry(b, Entry{entryEnd, appendUvarint(nil, uint64(len(entries)))})
	if len(b) > MaxBundleBytes {
		return nil, Errorf(CodeTooLarge, "bundle of %d bytes, at most %d are allowed: export in parts", len(b), MaxBundleBytes)
	}
	return b, nil
}

func appendEntry(b []byte, e Entry) []byte {
	b = append(b, entryMarker[:]...)
	at := len(b)
	b = append(b, byte(e.Kind))
	b = appendBytes(b, e.Data)
	return binary.BigEndian.AppendUint32(b, crc32.Checksum(b[at:], castagnoli))
}

// BundleDamage says what of a bundle could not be read. The zero value means a
// whole bundle.
type BundleDamage struct {
	Damaged int  // places at which an entry did not check out
	Cut     bool // the closing entry is missing or counts other entries
}

// maxDamage is at how many damaged places reading gives up: each can cost a
// checksum over MaxMessageBytes, and a file of markers only would cost hours.
const maxDamage = 1000

// DecodeBundle reads all entries that check out, and says what did not. It
// fails only if b is no bundle at all, or has more than MaxBundleEntries. After
// 1000 damaged places it stops and reports the rest as cut off.
func DecodeBundle(b []byte) ([]Entry, BundleDamage, error) {
	var damage BundleDamage
	if len(b) > MaxBundleBytes {
		return nil, damage, Errorf(CodeTooLarge, "bundle of %d bytes, at most %d are allowed", len(b), MaxBundleBytes)
	}
	if len(b) < 4 || string(b[:3]) != string(bundleMagic[:3]) {
		return nil, damage, Errorf(CodeMalformed, "not a Thonsync bundle")
	}
	if b[3] != Version {
		return nil, damage, Errorf(CodeVersion, "bundle of protocol version %d; this program reads version %d", b[3], Version)
	}
	var entries []Entry
	ended := false
	for off := 4; off < len(b); {
		e, next, ok := readEntry(b, off)
		if !ok {
			damage.Damaged++
			skip := bytes.Index(b[off+1:], entryMarker[:])
			if skip < 0 || damage.Damaged == maxDamage {
				break
			}
			off += 1 + skip
			continue
		}
		off = next
		if e.Kind == entryEnd {
			r := reader{buf: e.Data}
			n := r.uvarint()
			ended = r.end() == nil && n == uint64(len(entries))
			continue
		}
		if len(entries) == MaxBundleEntries {
			return nil, damage, Errorf(CodeTooLarge, "bundle of more than %d entries", MaxBundleEntries)
		}
		entries, ended = append(entries, e), false // the end is the last entry
	}
	damage.Cut = !ended
	return entries, damage, nil
}

func readEntry(b []byte, off int) (Entry, int, bool) {
	r := reader{buf: b, off: off}
	if m := r.take(4); r.err != nil || !bytes.Equal(m, entryMarker[:]) {
		return Entry{}, 0, false
	}
	start := r.off
	e := Entry{Kind: EntryKind(r.byte())}
	e.Data = r.bytes(MaxMessageBytes)
	end := r.off
	sum := r.take(4)
	if r.err != nil || binary.BigEndian.Uint32(sum) != crc32.Checksum(b[start:end], castagnoli) {
		return Entry{}, 0, false
	}
	e.Data = bytes.Clone(e.Data)
	return e, r.off, true
}

// Encode gives the bytes of an EntryAsk.
func (a *Ask) Encode() []byte {
	w := &frameWriter{}
	w.put(tagOrigin, a.Origin[:])
	putHeads(w, a.Heads)
	for _, c := range a.Checkpoints {
		w.put(tagCheckpoint, appendCheckpoint(nil, c))
	}
	return w.buf
}

// DecodeAsk reads an EntryAsk.
func DecodeAsk(b []byte) (*Ask, error) {
	q, err := decodeRequest(b)
	if err != nil {
		return nil, err
	}
	return &Ask{Origin: q.Origin, Heads: q.Heads, Checkpoints: q.Checkpoints}, nil
}

// EncodeCredentialEntry gives the data of an EntryCredential.
func EncodeCredentialEntry(c OriginCredential) []byte {
	w := &frameWriter{}
	putExtras(w, []OriginCredential{c})
	return w.buf
}

// DecodeCredentialEntry reads the data of an EntryCredential.
func DecodeCredentialEntry(b []byte) (OriginCredential, error) {
	q, err := decodeRequest(b)
	if err != nil {
		return OriginCredential{}, err
	}
	if len(q.Extra) != 1 {
		return OriginCredential{}, Errorf(CodeMalformed, "credential entry of %d chains", len(q.Extra))
	}
	return q.Extra[0], nil
}
