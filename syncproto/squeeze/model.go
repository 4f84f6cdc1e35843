package squeeze

// contexts is the number of predictions mixed for each bit.
const contexts = 6

// Widths and constants that SPEC.md fixes. Changing any of them changes the
// bytes on the wire.
const (
	stretchMax  = 2047      // logistic domain is -stretchMax..stretchMax, unit 1/256
	countMax    = 30        // a slot's count stops here, so its rate stops at 1/31.5
	checkBits   = 11        // low bits of a line's hash that tell its slots from others'
	countBits   = 5         // field width of a slot's count
	weightStart = 15000     // of 65536; six equal weights add up to about 1.37
	weightMax   = 1<<19 - 1 // keeps every sum far below 2^53
	slotBits    = 17        // of the one table: 2^17 slots of 4 bytes, 512 KiB
)

// noByte stands where the previous column offers no byte to look at.
const noByte = 256

var (
	squashTable  [2*stretchMax + 1]uint16 // logistic of (index-stretchMax)/256, unit 1/65536
	stretchTable [4096]int16              // inverse of squashTable at 16*index+8
	rateTable    [countMax + 1]int32      // adaptation rate by count, unit 1/32768
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

// model predicts the bits of a byte stream. A slot is 16 bits of probability
// (stored with its top bit flipped, so that zero memory is an even chance),
// checkBits of check and countBits of count.
type model struct {
	slots  [1 << slotBits]uint32
	weight [contexts]int32

	hash  [contexts]uint32 // of each context, for the byte at hand
	line  [contexts]uint32 // index of the nibble's line of 16 slots
	check [contexts]uint32 // check of that line, already in its field
	at    [contexts]uint32 // slot of each context for the bit at hand
	input [contexts]int32  // stretched prediction of each context

	column uint32 // identity of the column at hand
	last4  uint32 // the last four bytes of the column, latest lowest
	word   uint32 // hash of the letters since the last other byte
	high   uint32 // how many bytes >= 128 came just before, at most 3
	p      int32  // chance that the bit is 1, unit 1/65536
}

// reset makes the model fresh: cleared, then taught the primer.
func (m *model) reset() {
	clear(m.slots[:])
	m.setWeights()
	m.begin(primerColumn)
	for i := range len(primer) {
		m.teach(primer[i])
	}
	// The primer is all text; what it did to the weights misleads the short
	// columns that come first.
	m.setWeights()
}

func (m *model) setWeights() {
	for i := range m.weight {
		m.weight[i] = weightStart
	}
}

// begin starts a column: nothing of the one before it stays in the contexts.
func (m *model) begin(column uint32) {
	m.column, m.last4, m.word, m.high = column, 0, 0, 0
}

// teach learns byte b without coding it.
func (m *model) teach(b byte) {
	m.startByte(noByte)
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
// place of the column beside it, or noByte.
func (m *model) startByte(beside uint32) {
	m.hash[0] = mixHash(m.column<<2|m.high, 1)
	m.hash[1] = mixHash(m.last4&0xff, 2)
	m.hash[2] = mixHash(m.last4&0xffff, 3)
	m.hash[3] = mixHash(m.last4, 4)
	m.hash[4] = mixHash(m.word, 5)
	m.hash[5] = mixHash(m.column<<9|beside, 6)
	m.startNibble(0)
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
	const checkField = (1<<checkBits - 1) << countBits
	dot := int64(0)
	for i := range contexts {
		at := (m.line[i] ^ node) & (1<<slotBits - 1)
		s := m.slots[at]
		if s&checkField != m.check[i] {
			s = m.check[i]
			m.slots[at] = s
		}
		x := int32(stretchTable[(s>>20)^0x800])
		m.at[i], m.input[i] = at, x
		dot += int64(m.weight[i]) * int64(x)
	}
	d := min(max(dot>>16, -stretchMax), stretchMax)
	m.p = int32(squashTable[d+stretchMax])
}

// learn adapts the weights and the slots that predict used to the bit that
// came.
func (m *model) learn(bit uint32) {
	miss := int32(bit<<16) - m.p
	goal := int32(bit) * 65535
	for i := range contexts {
		w := m.weight[i] + (m.input[i]*miss+1<<14)>>15
		m.weight[i] = min(max(w, -weightMax), weightMax)
		s := m.slots[m.at[i]]
		p := int32(s>>16 ^ 0x8000)
		n := s & (1<<countBits - 1)
		p += (goal - p) * rateTable[n] >> 15
		if n < countMax {
			s++
		}
		m.slots[m.at[i]] = s&0xffff | (uint32(p)^0x8000)<<16
	}
}

// endByte moves the contexts on behind byte b.
func (m *model) endByte(b byte) {
	m.last4 = m.last4<<8 | uint32(b)
	switch {
	case b >= 128:
		m.high = min(m.high+1, 3)
	default:
		m.high = 0
	}
	if b >= 128 || b|32 >= 'a' && b|32 <= 'z' {
		m.word = (m.word + uint32(b) + 1) * 0x2F0B4C47
	} else {
		m.word = 0
	}
}

// mixHash spreads context number k with value v over 32 bits.
func mixHash(v, k uint32) uint32 {
	x := (v + k*0x3C6EF372) * 0x9E3779B1
	x ^= x >> 15
	x *= 0x85EBCA6B
	return x ^ x>>13
}
