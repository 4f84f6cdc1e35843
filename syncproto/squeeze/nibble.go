package squeeze

// decodeNibble decodes the bits of a nibble that are in mask, takes the others
// from base, and returns all four behind a leading 1. It does what predict, the coder and learn do, but on local
// variables: taking segments in is mostly this loop, and a third faster so.
// Slots are read again before they are adapted, because two contexts may have
// met in one, or one may have claimed another's.
func (m *model) decodeNibble(d *decoder, mask, base uint32) uint32 {
	slots, w := &m.slots, &m.weight[m.paired&1]
	l0, c0, w0 := m.line[0], m.check[0], w[0]
	l1, c1, w1 := m.line[1], m.check[1], w[1]
	l2, c2, w2 := m.line[2], m.check[2], w[2]
	l3, c3, w3 := m.line[3], m.check[3], w[3]
	l4, c4, w4 := m.line[4], m.check[4], w[4]
	low, high, code := d.low, d.high, d.code
	node := uint32(1)
	for i := 3; i >= 0; i-- {
		if mask>>i&1 == 0 {
			node = node<<1 | base>>i&1
			continue
		}
		a0 := (l0 ^ node) & slotMask
		s0 := slots[a0]
		if (s0^c0)&checkField != 0 {
			a0 = m.claim(a0, c0)
			s0 = slots[a0&slotMask]
		}
		x0 := int64(stretchTable[s0>>20])
		a1 := (l1 ^ node) & slotMask
		s1 := slots[a1]
		if (s1^c1)&checkField != 0 {
			a1 = m.claim(a1, c1)
			s1 = slots[a1&slotMask]
		}
		x1 := int64(stretchTable[s1>>20])
		a2 := (l2 ^ node) & slotMask
		s2 := slots[a2]
		if (s2^c2)&checkField != 0 {
			a2 = m.claim(a2, c2)
			s2 = slots[a2&slotMask]
		}
		x2 := int64(stretchTable[s2>>20])
		a3 := (l3 ^ node) & slotMask
		s3 := slots[a3]
		if (s3^c3)&checkField != 0 {
			a3 = m.claim(a3, c3)
			s3 = slots[a3&slotMask]
		}
		x3 := int64(stretchTable[s3>>20])
		a4 := (l4 ^ node) & slotMask
		s4 := slots[a4]
		if (s4^c4)&checkField != 0 {
			a4 = m.claim(a4, c4)
			s4 = slots[a4&slotMask]
		}
		x4 := int64(stretchTable[s4>>20])
		dot := (w0*x0 + w1*x1 + w2*x2) + (w3*x3 + w4*x4)
		p := int64(squashTable[int(min(max(dot>>16, -stretchMax), stretchMax)+stretchMax)&(len(squashTable)-1)])
		mid := split(low, high, p)
		node <<= 1
		up, miss := uint32(0), -p
		if code <= mid {
			high = mid
			node |= 1
			up, miss = 1<<16-1, 1<<16-p
		} else {
			low = mid + 1
		}
		for (low^high)>>24 == 0 {
			low, high, code = low<<8, high<<8|0xff, code<<8|d.read()
			d.shifts++
		}
		w0 += (x0*miss + 1<<14) >> 15
		slots[a0&slotMask] = adaptedTo(slots[a0&slotMask], up)
		w1 += (x1*miss + 1<<14) >> 15
		slots[a1&slotMask] = adaptedTo(slots[a1&slotMask], up)
		w2 += (x2*miss + 1<<14) >> 15
		slots[a2&slotMask] = adaptedTo(slots[a2&slotMask], up)
		w3 += (x3*miss + 1<<14) >> 15
		slots[a3&slotMask] = adaptedTo(slots[a3&slotMask], up)
		w4 += (x4*miss + 1<<14) >> 15
		slots[a4&slotMask] = adaptedTo(slots[a4&slotMask], up)
	}
	d.low, d.high, d.code = low, high, code
	*w = [contexts]int64{w0, w1, w2, w3, w4}
	return node
}
