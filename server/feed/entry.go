package feed

import (
	"encoding/binary"

	"github.com/google/uuid"

	"thonsync/syncproto"
)

const (
	entryChange     = 1
	entryRuling     = 2
	entrySuccession = 3
)

// RulingEntry gives the entry of a ruling.
func RulingEntry(r *syncproto.Ruling) []byte {
	return append([]byte{entryRuling}, r.Encode()...)
}

// SuccessionEntry gives the entry of a succession of the centre's key.
func SuccessionEntry(s *syncproto.Succession) []byte {
	return append([]byte{entrySuccession}, s.Encode()...)
}

// ChangeEntry gives the entry of a change, operational part only.
func ChangeEntry(c *syncproto.FeedChange) []byte {
	b := append(make([]byte, 0, 256), entryChange)
	b = append(b, c.Origin[:]...)
	b = binary.AppendUvarint(b, c.Seq)
	b = append(b, c.Open[:]...)
	b = append(b, c.Record[:]...)
	header := syncproto.AppendRow(nil, c.Header.Row())
	b = append(binary.AppendUvarint(b, uint64(len(header))), header...)
	return syncproto.AppendRow(b, c.Operational)
}

func decodeEntry(b []byte) (syncproto.FeedItem, error) {
	var item syncproto.FeedItem
	damaged := syncproto.Errorf(syncproto.CodeInternal, "a feed entry is damaged: verify the database")
	if len(b) == 0 {
		return item, damaged
	}
	kind, b := b[0], b[1:]
	if kind == entryRuling {
		r, err := syncproto.DecodeRuling(b)
		item.Ruling = r
		return item, err
	}
	if kind == entrySuccession {
		s, err := syncproto.DecodeSuccession(b)
		item.Succession = s
		return item, err
	}
	const fixed = 16 + syncproto.RefOpenBytes + 16
	if kind != entryChange || len(b) < fixed+2 {
		return item, damaged
	}
	c := &syncproto.FeedChange{Origin: uuid.UUID(b[:16])}
	seq, n := binary.Uvarint(b[16:])
	if b = b[16:]; n <= 0 || len(b) < n+syncproto.RefOpenBytes+16 {
		return item, damaged
	}
	c.Seq, b = seq, b[n:]
	copy(c.Open[:], b)
	b = b[syncproto.RefOpenBytes:]
	copy(c.Record[:], b)
	b = b[16:]
	size, n := binary.Uvarint(b)
	if n <= 0 || size > uint64(len(b)-n) {
		return item, damaged
	}
	header, err := syncproto.DecodeRow(b[n : n+int(size)])
	if err != nil {
		return item, err
	}
	if c.Header, err = syncproto.HeaderOf(header); err != nil {
		return item, err
	}
	c.Operational, err = syncproto.DecodeRow(b[n+int(size):])
	item.Change = c
	return item, err
}
