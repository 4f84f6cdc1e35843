package squeeze

import "sync"

// contexts is the number of predictions mixed for each bit.
const contexts = 5

// Widths and constants that SPEC.md fixes. Changing any of them changes the
// bytes on the wire.
const (
	stretchMax  = 2047      // logistic domain is -stretchMax..stretchMax, unit 1/256
	countMax    = 30        // a slot's count stops here, so its rate stops at 1/31.5
	checkBits   = 11        // low bits of a line's hash that tell its slots from others'
	countBits   = 5         // field width of a slot's count
	leastChance = 32        // of 65536, when a slot alone is the prediction
	evenChance  = 1 << 31   // a slot's probability before it has seen anything
	weightStart = 16500     // of 65536; equal weights add up to about 1.26
	weightMax   = 1<<19 - 1 // keeps every sum far below 2^53
	checkField  = (1<<checkBits - 1) << countBits
	slotBits    = 17 // of the one table: 2^17 slots of 4 bytes, 512 KiB
	slotMask    = 1<<slotBits - 1
)

var (
	squashTable  [2*stretchMax + 2]uint16 // logistic of (index-stretchMax)/256, unit 1/65536
	stretchTable [4096]int16              // inverse of squashTable at 16*index+8
	rateTable    [1 << countBits]int32    // adaptation rate by count, unit 1/32768
)

// The tables come from an exact integer recipe, so that every language gets
// the same ones; exp(-1/256) is 1 - 65408/2^24.
func init() {
	e := uint64(1 << 30)
	for i := range stretchMax + 1 {
		p := (uint64(1) << 46) / (1<<30 + e)
		squashTable[stretchMax+i] = uint16(p)
		squashTable[stretchMax-i] = uint16(65536 - p)
		e -= e * 65408 >> 24
	}
	i := 0
	for q := range stretchTable {
		for i < 2*stretchMax && int(squashTable[i]) < 16*q+8 {
			i++
		}
		stretchTable[q] = int16(i - stretchMax)
	}
	for n := range rateTable {
		rateTable[n] = int32(65536 / (2*n + 3))
	}
}

// model predicts the bits of a byte stream. A slot is, from the top, 16 bits of
// probability, checkBits of check and countBits of count. The loops over the
// contexts are written out in predict and learn: they are where the time goes,
// and that halves it.
type model struct {
	weight [2][contexts]int64 // for columns without and with one beside them

	hash  [contexts]uint32 // of each context, for the byte at hand
	line  [contexts]uint32 // index of the nibble's line of 16 slots
	check [contexts]uint32 // check of that line, already in its field
	at    [contexts]uint32 // slot of each context for the bit at hand
	input [contexts]int64  // stretched prediction of each context

	column uint32 // identity of the column at hand
	paired uint32 // 1 if it has a column beside it, else 0
	last4  uint32 // the last four bytes of the column, latest lowest
	word   uint32 // hash of the letters since the last other byte
	high   uint32 // how many bytes >= 128 came just before, at most 3
	p      int64  // chance that the bit is 1, unit 1/65536

	slots [1 << slotBits]uint32
}

// primed is the model after the primer; learning it anew for every segment would
// cost more than a small segment itself.
var primed = sync.OnceValue(func() *model {
	m := new(model)
	for i := range m.slots {
		m.slots[i] = evenChance
	}
	for i := range m.weight {
		for j := range contexts {
			m.weight[i][j] = weightStart
		}
	}
	m.begin(primerColumn, 0)
	for i := range len(primer) {
		m.teach(primer[i])
	}
	return m
})

// reset brings the model to where the primer left it.
func (m *model) reset() {
	p := primed()
	m.slots, m.weight = p.slots, p.weight
}

// begin starts a column: nothing of the one before it stays in the contexts.
// paired is 1 if the column beside it tells of each of its bytes, else 0.
func (m *model) begin(column, paired uint32) {
	m.column, m.paired, m.last4, m.word, m.high = column, paired, 0, 0, 0
}

// teach learns byte b without coding it.
func (m *model) teach(b byte) {
	m.startByte(0)
	m.startNibble(0)
	node := uint32(1)
	for i := 7; i >= 0; i-- {
		bit := uint32(b>>i) & 1
		m.predict(node)
		m.learn(bit)
		node = node<<1 | bit
		if i == 4 {
			m.startNibble(node)
			node = 1
		}
	}
	m.endByte(b)
}

// startByte fixes the contexts of the next byte; beside is the byte at the same
// place of the column beside it, if m.paired.
func (m *model) startByte(beside uint32) {
	m.hash[0] = mixHash(m.column<<2|m.high, 1)
	m.hash[1] = mixHash(m.last4&0xff, 2)
	m.hash[2] = mixHash(m.last4&0xffff, 3)
	m.hash[3] = mixHash(m.last4, 4)
	if m.paired != 0 {
		m.hash[4] = mixHash(m.column<<8|beside, 6)
	} else {
		m.hash[4] = mixHash(m.word, 5)
	}
}

// startNibble finds each context's line of slots; high is 16 plus the byte's
// high nibble once that is known, before that 0.
func (m *model) startNibble(high uint32) {
	for i := range contexts {
		x := (m.hash[i] ^ high) * 0xC2B2AE35
		m.line[i] = x >> (32 - slotBits)
		m.check[i] = x & (1<<checkBits - 1) << countBits
	}
}

// predict sets m.p for the bit at node, the 1-led bits of the nibble so far.
func (m *model) predict(node uint32) {
	a0 := (m.line[0] ^ node) & slotMask
	s0 := m.slots[a0]
	if s0&checkField != m.check[0] {
		a0 = m.claim(a0, m.check[0])
		s0 = m.slots[a0&slotMask]
	}
	m.at[0] = a0
	x0 := int64(stretchTable[s0>>20])
	m.input[0] = x0
	a1 := (m.line[1] ^ node) & slotMask
	s1 := m.slots[a1]
	if s1&checkField != m.check[1] {
		a1 = m.claim(a1, m.check[1])
		s1 = m.slots[a1&slotMask]
	}
	m.at[1] = a1
	x1 := int64(stretchTable[s1>>20])
	m.input[1] = x1
	a2 := (m.line[2] ^ node) & slotMask
	s2 := m.slots[a2]
	if s2&checkField != m.check[2] {
		a2 = m.claim(a2, m.check[2])
		s2 = m.slots[a2&slotMask]
	}
	m.at[2] = a2
	x2 := int64(stretchTable[s2>>20])
	m.input[2] = x2
	a3 := (m.line[3] ^ node) & slotMask
	s3 := m.slots[a3]
	if s3&checkField != m.check[3] {
		a3 = m.claim(a3, m.check[3])
		s3 = m.slots[a3&slotMask]
	}
	m.at[3] = a3
	x3 := int64(stretchTable[s3>>20])
	m.input[3] = x3
	a4 := (m.line[4] ^ node) & slotMask
	s4 := m.slots[a4]
	if s4&checkField != m.check[4] {
		a4 = m.claim(a4, m.check[4])
		s4 = m.slots[a4&slotMask]
	}
	m.at[4] = a4
	x4 := int64(stretchTable[s4>>20])
	m.input[4] = x4
	w := &m.weight[m.paired&1]
	dot := w[0]*x0 + w[1]*x1 + w[2]*x2 + w[3]*x3 + w[4]*x4
	d := min(max(dot>>16, -stretchMax), stretchMax)
	m.p = int64(squashTable[int(d+stretchMax)&(len(squashTable)-1)])
}

// claim finds the place of a context's slot that is not at its first place: its
// second, or else the one of both that has seen less, the first on a tie.
//
//go:noinline
func (m *model) claim(at, check uint32) uint32 {
	const countField = 1<<countBits - 1
	second := (at ^ 16) & slotMask
	s := m.slots[second]
	if s&checkField == check {
		return second
	}
	if s&countField < m.slots[at&slotMask]&countField {
		at = second
	}
	m.slots[at&slotMask] = check | evenChance
	return at
}

// learn adapts the weights and the slots that predict used to the bit that
// came.
func (m *model) learn(bit uint32) {
	miss := int64(bit<<16) - m.p
	w := &m.weight[m.paired&1]
	w[0] += (m.input[0]*miss + 1<<14) >> 15
	s0 := &m.slots[m.at[0]&slotMask]
	*s0 = adapted(*s0, bit)
	w[1] += (m.input[1]*miss + 1<<14) >> 15
	s1 := &m.slots[m.at[1]&slotMask]
	*s1 = adapted(*s1, bit)
	w[2] += (m.input[2]*miss + 1<<14) >> 15
	s2 := &m.slots[m.at[2]&slotMask]
	*s2 = adapted(*s2, bit)
	w[3] += (m.input[3]*miss + 1<<14) >> 15
	s3 := &m.slots[m.at[3]&slotMask]
	*s3 = adapted(*s3, bit)
	w[4] += (m.input[4]*miss + 1<<14) >> 15
	s4 := &m.slots[m.at[4]&slotMask]
	*s4 = adapted(*s4, bit)
}

// endByte moves the contexts on behind byte b.
func (m *model) endByte(b byte) {
	w := &m.weight[m.paired&1]
	for i := range w {
		w[i] = min(max(w[i], -weightMax), weightMax)
	}
	m.last4 = m.last4<<8 | uint32(b)
	m.high = nextHigh(m.high, b)
	if b >= 128 || b|32 >= 'a' && b|32 <= 'z' {
		m.word = (m.word + uint32(b) + 1) * 0x2F0B4C47
	} else {
		m.word = 0
	}
}

// nextHigh counts the bytes >= 128 that came just before, up to 3: the place
// within a varint, or within a letter of UTF-8.
func nextHigh(high uint32, b byte) uint32 {
	if b < 128 {
		return 0
	}
	return min(high+1, 3)
}

// adapted returns slot s after bit.
func adapted(s, bit uint32) uint32 { return adaptedTo(s, bit<<16-bit) }

// adaptedTo returns slot s after a bit that is 1 where up is 65535, and 0 where
// up is 0. The step cannot carry the probability out of its 16 bits; the count
// moves on by one until it reaches countMax.
func adaptedTo(s, up uint32) uint32 {
	n := s & (1<<countBits - 1)
	step := (int32(up) - int32(s>>16)) * rateTable[n] >> 15
	return s + uint32(step)<<16 + (n-countMax)>>31
}

// mixHash spreads context number k with value v over 32 bits.
func mixHash(v, k uint32) uint32 {
	x := (v + k*0x3C6EF372) * 0x9E3779B1
	x ^= x >> 15
	x *= 0x85EBCA6B
	return x ^ x>>13
}
