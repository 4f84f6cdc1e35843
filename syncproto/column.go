package syncproto

import "strings"

// Column modes. The mode byte and what it needs stand in the table's control
// column.
const (
	modePlain = 0 // the values one after the other
	modeDelta = 1 // integers: the first, then differences to the value before
	modeDict  = 2 // index into the values seen so far; a new value follows as a literal
	modeFixed = 3 // texts of one length: first octets of all, then second octets, ...
	modeWords = 4 // texts as words between single spaces, words by dictionary
)

// encodeColumn writes the values of one column, all of type typ, and appends
// what describes it to control.
func encodeColumn(w *columnWriter, control []byte, typ Type, values []Value) []byte {
	switch typ {
	case TypeNull:
		return control
	case TypeInt, TypeDate:
		return encodeInts(w, control, typ, values)
	case TypeBool:
		col := make([]byte, len(values))
		for i, v := range values {
			col[i] = byte(v.num)
		}
		w.put(col)
		return control
	case TypeUUID:
		texts := payloads(values)
		return encodeDict(w, append(control, modeDict), texts, 16)
	default:
		return encodeTexts(w, control, payloads(values))
	}
}

func decodeColumn(r *columnReader, c *reader, typ Type, n int) []Value {
	values := make([]Value, n)
	switch typ {
	case TypeNull:
	case TypeInt, TypeDate:
		decodeInts(r, c, typ, values)
	case TypeBool:
		for i, b := range r.get(n) {
			if b > 1 {
				r.fail("truth value %d", b)
				return nil
			}
			values[i] = Value{typ: TypeBool, num: int64(b)}
		}
	case TypeUUID:
		if m := c.byte(); m != modeDict {
			r.fail("mode %d for identifiers", m)
			return nil
		}
		setTexts(r, values, typ, decodeDict(r, c, n, 16))
	default:
		setTexts(r, values, typ, decodeTexts(r, c, n))
	}
	if c.err != nil && r.err == nil {
		r.err = c.err
	}
	return values
}

// setTexts fills values of a string-like type and checks what that type asks.
func setTexts(r *columnReader, values []Value, typ Type, texts []string) {
	if r.err != nil {
		return
	}
	var check reader
	for i, s := range texts {
		if len(s) > MaxValueBytes {
			r.err = Errorf(CodeTooLarge, "value of %d bytes, at most %d are allowed", len(s), MaxValueBytes)
			return
		}
		if typ == TypeList {
			check.checkList(s)
		}
		values[i] = Value{typ: typ, str: s}
	}
	if check.err != nil {
		r.err = check.err
	}
}

func payloads(values []Value) []string {
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = v.str
	}
	return out
}

// dictIndex replaces values by indexes: i is the i-th distinct value in order
// of first appearance; an index equal to the number of values seen so far
// introduces the next literal.
func dictIndex[T comparable](values []T) (index []uint64, literals []T) {
	seen := make(map[T]uint64, len(values))
	index = make([]uint64, len(values))
	for i, v := range values {
		n, ok := seen[v]
		if !ok {
			n = uint64(len(literals))
			seen[v] = n
			literals = append(literals, v)
		}
		index[i] = n
	}
	return index, literals
}

// resolveDict undoes dictIndex and refuses what it would not have written.
func resolveDict[T any](r *columnReader, index []uint64, literals []T) []T {
	out := make([]T, len(index))
	seen := uint64(0)
	for i, n := range index {
		if n > seen || n >= uint64(len(literals)) {
			r.fail("dictionary index %d of %d", n, seen)
			return nil
		}
		if n == seen {
			seen++
		}
		out[i] = literals[n]
	}
	if seen != uint64(len(literals)) {
		r.fail("%d dictionary entries are not used", uint64(len(literals))-seen)
	}
	return out
}

// encodeTexts picks a mode for texts, octets and lists: fixed-length transposed
// where all have one length and repeat little, whole-value dictionary where
// values repeat, words where words repeat, else plain.
func encodeTexts(w *columnWriter, control []byte, texts []string) []byte {
	_, distinct := dictIndex(texts)
	length, fixed := fixedLength(texts)
	switch {
	case len(texts) >= 2 && len(distinct)*4 <= len(texts)*3:
		return encodeDict(w, append(control, modeDict), texts, literalsText)
	case fixed:
		control = appendUvarint(append(control, modeFixed), uint64(length))
		for p := range length {
			col := make([]byte, len(texts))
			for i, s := range texts {
				col[i] = s[p]
			}
			w.put(col)
		}
		return control
	default:
		return encodeProse(w, control, texts)
	}
}

func decodeTexts(r *columnReader, c *reader, n int) []string {
	switch mode := c.byte(); mode {
	case modeDict:
		return decodeDict(r, c, n, literalsText)
	case modeFixed:
		return decodeFixed(r, c, n)
	case modeWords:
		return decodeWords(r, c, n)
	case modePlain:
		return getStrings(r, c, n)
	default:
		r.fail("mode %d for texts", mode)
		return nil
	}
}

func decodeFixed(r *columnReader, c *reader, n int) []string {
	length := c.count(maxFixedLength, "fixed length")
	if c.err != nil {
		return nil
	}
	buf := make([]byte, length*n)
	for p := range length {
		for i, b := range r.get(n) {
			buf[i*length+p] = b
		}
	}
	if r.err != nil {
		return nil
	}
	texts := make([]string, n)
	for i := range texts {
		texts[i] = string(buf[i*length : (i+1)*length])
	}
	return texts
}

// maxFixedLength bounds texts that are cut into one column per octet: identity
// and telephone numbers, not prose.
const maxFixedLength = 32

func fixedLength(texts []string) (int, bool) {
	if len(texts) < 2 || len(texts[0]) > maxFixedLength {
		return 0, false
	}
	for _, s := range texts {
		if len(s) != len(texts[0]) {
			return 0, false
		}
	}
	return len(texts[0]), true
}

// putStrings writes lengths as integers and the octets one after the other.
func putStrings(w *columnWriter, control []byte, texts []string) []byte {
	lengths := make([]uint64, len(texts))
	total := 0
	for i, s := range texts {
		lengths[i] = uint64(len(s))
		total += len(s)
	}
	control = putInts(w, control, lengths)
	col := make([]byte, 0, total)
	for _, s := range texts {
		col = append(col, s...)
	}
	w.put(col)
	return control
}

func getStrings(r *columnReader, c *reader, n int) []string {
	lengths := getInts(r, c, n)
	if r.err != nil {
		return nil
	}
	total := uint64(0)
	for _, l := range lengths {
		if l > MaxValueBytes {
			r.err = Errorf(CodeTooLarge, "value of %d bytes, at most %d are allowed", l, MaxValueBytes)
			return nil
		}
		total += l
	}
	col := string(r.get(int(total)))
	if r.err != nil {
		return nil
	}
	texts := make([]string, n)
	for i, l := range lengths {
		texts[i], col = col[:l], col[l:]
	}
	return texts
}

// How the literals of a dictionary stand: with their lengths, with a mode of
// their own, or, where the number is positive, as raw octets of that size.
const (
	literalsPlain = -1
	literalsText  = 0
)

// encodeDict writes indexes, the number of literals and the literals.
func encodeDict(w *columnWriter, control []byte, texts []string, size int) []byte {
	index, literals := dictIndex(texts)
	control = putInts(w, control, index)
	control = appendUvarint(control, uint64(len(literals)))
	switch size {
	case literalsPlain:
		return putStrings(w, control, literals)
	case literalsText:
		return encodeProse(w, control, literals)
	}
	w.put([]byte(strings.Join(literals, "")))
	return control
}

// encodeProse writes texts that are all different: in words where those repeat,
// as names do, else plain.
func encodeProse(w *columnWriter, control []byte, texts []string) []byte {
	if size := joinedSize(texts); w.joined+size <= maxJoined && wordsRepeat(texts) {
		w.joined += size
		return encodeWords(w, append(control, modeWords), texts)
	}
	return putStrings(w, append(control, modePlain), texts)
}

func decodeProse(r *columnReader, c *reader, n int) []string {
	switch mode := c.byte(); mode {
	case modeWords:
		return decodeWords(r, c, n)
	case modePlain:
		return getStrings(r, c, n)
	default:
		r.fail("mode %d for prose", mode)
		return nil
	}
}

func decodeDict(r *columnReader, c *reader, n, size int) []string {
	index := getInts(r, c, n)
	count := c.count(n, "dictionary")
	var literals []string
	switch size {
	case literalsPlain:
		literals = getStrings(r, c, count)
	case literalsText:
		literals = decodeProse(r, c, count)
	default:
		col := string(r.get(size * count))
		for len(col) >= size {
			literals = append(literals, col[:size])
			col = col[size:]
		}
	}
	if r.err != nil || c.err != nil {
		return nil
	}
	return resolveDict(r, index, literals)
}

// wordsRepeat reports whether a dictionary of words pays: most words occur
// more than once.
func wordsRepeat(texts []string) bool {
	seen := make(map[string]struct{})
	words := 0
	for _, s := range texts {
		for word := range strings.SplitSeq(s, " ") {
			seen[word] = struct{}{}
			words++
		}
	}
	return words >= 2*len(seen)
}

// joinedSize is what texts count for against maxJoined: their octets and one
// more per word.
func joinedSize(texts []string) int {
	size := 0
	for _, s := range texts {
		size += len(s) + 1
	}
	return size
}

func encodeWords(w *columnWriter, control []byte, texts []string) []byte {
	counts := make([]uint64, len(texts))
	var words []string
	for i, s := range texts {
		parts := strings.Split(s, " ")
		counts[i] = uint64(len(parts))
		words = append(words, parts...)
	}
	control = putInts(w, control, counts)
	return encodeDict(w, control, words, literalsPlain)
}

func decodeWords(r *columnReader, c *reader, n int) []string {
	counts := getInts(r, c, n)
	total := uint64(0)
	for _, k := range counts {
		if k == 0 || k > MaxValueBytes+1 {
			r.fail("text of %d words", k)
			return nil
		}
		total += k
	}
	if total > maxJoined {
		r.err = Errorf(CodeTooLarge, "%d words in a column", total)
		return nil
	}
	words := decodeDict(r, c, int(total), literalsPlain)
	if r.err != nil || c.err != nil {
		return nil
	}
	texts := make([]string, n)
	for i, k := range counts {
		for _, word := range words[:k] {
			r.joined += len(word) + 1
		}
		if r.joined > maxJoined {
			r.err = Errorf(CodeTooLarge, "texts in words are over %d bytes together", maxJoined)
			return nil
		}
		texts[i] = strings.Join(words[:k], " ")
		words = words[k:]
	}
	return texts
}
