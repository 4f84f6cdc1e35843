package syncproto

// Messages, receipts, rulings and bundles are sequences of tagged parts:
// uvarint tag, uvarint length, payload. A reader skips tags it does not know,
// so that a newer peer can add parts; a part whose meaning an old reader must
// not miss needs a new protocol version instead.

type frameWriter struct{ buf []byte }

func (w *frameWriter) put(tag uint64, payload []byte) {
	w.buf = appendBytes(appendUvarint(w.buf, tag), payload)
}

func (w *frameWriter) uint(tag, n uint64) { w.put(tag, appendUvarint(nil, n)) }

// each calls f for every part. f may keep sub-slices of b only if the caller
// owns b.
func eachPart(b []byte, f func(tag uint64, p *reader) error) error {
	r := reader{buf: b}
	for r.err == nil && r.left() > 0 {
		tag := r.uvarint()
		part := reader{buf: r.bytes(MaxMessageBytes)}
		if r.err != nil {
			break
		}
		if err := f(tag, &part); err != nil {
			return err
		}
		if part.err != nil {
			return part.err
		}
	}
	return r.err
}

func (r *reader) rest() []byte { return r.take(r.left()) }

// fixed fills dst and fails if the part has another length.
func (r *reader) fixed(dst []byte) {
	if r.left() != len(dst) {
		r.fail(CodeMalformed, "part of %d bytes, want %d", r.left(), len(dst))
		return
	}
	copy(dst, r.take(len(dst)))
}

func appendHeads(dst []byte, origin OriginID, h Heads) []byte {
	dst = append(dst, origin[:]...)
	dst = appendUvarint(dst, h.Seq)
	dst = append(dst, h.Open[:]...)
	return append(dst, h.Closed[:]...)
}

func (r *reader) heads() (origin OriginID, h Heads) {
	copy(origin[:], r.take(16))
	h.Seq = r.uvarint()
	copy(h.Open[:], r.take(len(h.Open)))
	copy(h.Closed[:], r.take(len(h.Closed)))
	return origin, h
}
