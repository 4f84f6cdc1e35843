package squeeze

import (
	"encoding/binary"
	"math/rand/v2"
	"strings"
)

// The sampler invents segments of the shape that a village team's phone sends,
// already cut into byte columns. Nobody in it exists: names are drawn part by
// part from short lists, identity and telephone digits are random.

var (
	sampleFamily = strings.Fields("Nguyễn Hoàng Nông Ma Lục Hà Đàm La Lưu Quan Triệu Bàn Đặng Lý Phàn Vàng Sùng Giàng Vừ Thào Trần Lê Phạm Lù Cháng")
	sampleMiddle = strings.Fields("Thị Văn Đức Minh Thu Quang Xuân Mí Ngọc Thanh A Hồng Bích Seo")
	sampleGiven  = strings.Fields("Thắng Hùng Tuyên Chiến Quyết Toàn Luyện Sơn Khánh Dũng Kiên Hoa Lan Huệ Thơm Nhung Hiên Xuyến Duyên Thúy Yêu Mến Tươi Hằng Hồng Sính Dình Pó Chá Say Mỷ Máy Dính Mai Sua Mẩy Muội Phượng Sáng Chìu Phin Cường Long Hải Trang Linh")
	sampleNotes  = []string{
		"chưa có điện thoại thông minh", "không có sóng tại nhà", "hẹn lại phiên chợ sau",
		"quên mật khẩu VNeID", "nhờ con trai đăng ký hộ", "thẻ căn cước hết hạn",
		"đã hướng dẫn cài đặt ứng dụng", "sai ngày sinh trên giấy khai sinh",
		"SIM không chính chủ", "không nhận được mã OTP", "đi làm xa, tháng sau mới về",
		"bà con đề nghị hỗ trợ tại nhà văn hóa thôn", "đã nộp hồ sơ ở công an xã",
	}
	sampleTail = []string{"", "", ", sẽ gọi lại", " (lần 2)", ", cần cán bộ xã hỗ trợ", ", gia đình đồng ý", " vì mất sóng"}
)

// sampleIndex gives each distinct word its first-use number and keeps the
// literal text once, as a segment's dictionary column does.
type sampleIndex struct {
	seen map[string]int
	text []byte
}

func (x *sampleIndex) of(word string) byte {
	if x.seen == nil {
		x.seen = map[string]int{}
	}
	n, ok := x.seen[word]
	if !ok {
		n = len(x.seen)
		x.seen[word] = n
		x.text = append(append(x.text, word...), 0)
	}
	return byte(n)
}

// skewed picks 0..n-1, low numbers more often.
func skewed(r *rand.Rand, n int) int { return int(float64(n) * r.Float64() * r.Float64()) }

// sampleColumns returns the columns of one segment of rows changes: about 38
// bytes a row in 39 columns, digits of fixed-width numbers one column per
// position.
func sampleColumns(seed uint64, rows int) [][]byte {
	r := rand.New(rand.NewPCG(seed, 7))
	var words sampleIndex
	var stamp, author, kind, result, unit, count, shape, refs, born, nonce, noteAt, notes []byte
	var family, middle, given, sex, bornHi []byte
	id, phone := make([][]byte, 12), make([][]byte, 9)
	a, k, year := 0, 0, 0
	for i := range rows {
		if r.IntN(40) == 0 {
			a = r.IntN(3)
		}
		if r.IntN(3) == 0 {
			k = skewed(r, 14)
		}
		gap := int64(60_000 + r.IntN(900_000))
		if r.IntN(20) == 0 {
			gap = int64(3_600_000 + r.IntN(80_000_000))
		}
		stamp = binary.AppendVarint(stamp, gap)
		author = append(author, byte(a))
		kind = append(kind, byte(k))
		result = append(result, byte(skewed(r, 2+k%4)))
		unit = append(unit, byte(skewed(r, 3)))
		count = append(count, byte(1+skewed(r, 4)*skewed(r, 12)))
		noteAt = append(noteAt, 0)
		if r.IntN(7) == 0 {
			noteAt[i] = 1
			notes = append(notes, sampleNotes[skewed(r, len(sampleNotes))]...)
			notes = append(append(notes, sampleTail[r.IntN(len(sampleTail))]...), 0)
		}
		if r.IntN(30) == 0 {
			shape = append(shape, 3)
			refs = binary.AppendUvarint(refs, uint64(1+r.IntN(i+1)))
			continue
		}
		if r.IntN(9) == 0 {
			shape = append(shape, 1)
			continue
		}
		shape = append(shape, 0)
		s := r.IntN(2)
		sex = append(sex, byte(s))
		family = append(family, words.of(sampleFamily[skewed(r, len(sampleFamily))]))
		middle = append(middle, words.of(sampleMiddle[(s+2*skewed(r, 7))%len(sampleMiddle)]))
		given = append(given, words.of(sampleGiven[skewed(r, len(sampleGiven))]))
		year = 1940 + r.IntN(65)
		day := (year-1900)*366 + r.IntN(366)
		bornHi, born = append(bornHi, byte(day>>8)), append(born, byte(day))
		addSampleID(r, id, s, year)
		if r.IntN(3) > 0 {
			addSamplePhone(r, phone)
		}
	}
	for range 1 + rows/100 {
		nonce = binary.LittleEndian.AppendUint64(nonce, r.Uint64())
	}
	cols := [][]byte{shape, stamp, author, unit, kind, result, count, refs, nonce, noteAt, sex, family, middle, given, bornHi, born}
	cols = append(cols, id...)
	cols = append(cols, phone...)
	return append(cols, words.text, notes)
}

// addSampleID appends twelve digits: province, century and sex, year, six at
// random.
func addSampleID(r *rand.Rand, id [][]byte, sex, year int) {
	century := sex
	if year >= 2000 {
		century += 2
	}
	n := []int{0, 0, 2, century, year / 10 % 10, year % 10, 0, r.IntN(3), 0, 0, 0, 0}
	if r.IntN(12) == 0 {
		n[2] = 8
	}
	for p := 8; p < 12; p++ {
		n[p] = r.IntN(10)
	}
	for p, d := range n {
		id[p] = append(id[p], byte(d))
	}
}

// addSamplePhone appends nine digits after the leading zero.
func addSamplePhone(r *rand.Rand, phone [][]byte) {
	prefix := []string{"98", "97", "96", "86", "35", "36", "37", "38", "39", "91", "94", "88"}[skewed(r, 12)]
	for p := range phone {
		d := byte(r.IntN(10))
		if p < 2 {
			d = prefix[p] - '0'
		}
		phone[p] = append(phone[p], d)
	}
}
