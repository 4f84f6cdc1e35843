package syncproto

import (
	"encoding/binary"
	"io"
)

// NewEpoch names a history that begins now, nowMS by the server's clock, and
// follows the history before, zero for none. It is a UUID of version 7 (RFC
// 9562), so that the later of two can be told, and with it what was said before
// it began. The time is a millisecond later than nowMS: what was issued at this
// very moment still belongs to the history before.
func NewEpoch(nowMS int64, before Epoch, random io.Reader) (Epoch, error) {
	var e Epoch
	if _, err := io.ReadFull(random, e[6:]); err != nil {
		return e, Wrap(CodeInternal, err, "no randomness for an epoch")
	}
	ms := max(nowMS, EpochStart(before), 0) + 1
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], uint64(ms))
	copy(e[:6], b[2:])
	e[6], e[8] = e[6]&0x0f|0x70, e[8]&0x3f|0x80
	return e, nil
}

// EpochStart gives the time at which a history began, Unix ms by its server's
// clock; 0 for an epoch that does not tell.
func EpochStart(e Epoch) int64 {
	if e[6]>>4 != 7 {
		return 0
	}
	var b [8]byte
	copy(b[2:], e[:6])
	return int64(binary.BigEndian.Uint64(b[:]))
}

// OfLostHistory tells whether a receipt was given before the history e began, of
// which the centre may have lost the end: what it calls received may be gone.
// What it calls safe stood in a backup.
func (r *Receipt) OfLostHistory(e Epoch) bool {
	return r.Mark == MarkReceived && r.IssuedMS < EpochStart(e)
}
