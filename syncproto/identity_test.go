package syncproto

import (
	"slices"
	"strings"
	"testing"
)

// All people here are invented.
func TestParseCardQR(t *testing.T) {
	cases := []struct {
		name, in string
		want     Card
		doubts   []Doubt
	}{
		{"seven fields", "002088000011|073000011|Vàng Thị Mỷ Thử|07051988|Nữ|Thôn Nà Thử, Yên Định|01022021",
			Card{"002088000011", "073000011", "Vàng Thị Mỷ Thử", Date{1988, 5, 7}, "female", "Thôn Nà Thử, Yên Định", Date{2021, 2, 1}}, []Doubt{DoubtSex}},
		{"fits", "002188000011||Vàng Thị Mỷ Thử|07051988|Nữ|Thôn Nà Thử|01022021",
			Card{"002188000011", "", "Vàng Thị Mỷ Thử", Date{1988, 5, 7}, "female", "Thôn Nà Thử", Date{2021, 2, 1}}, nil},
		{"eleven fields", "002210000012||Giàng Mí Thử|30112010|Nam|Xã Thử|01092024||A|B|",
			Card{"002210000012", "", "Giàng Mí Thử", Date{2010, 11, 30}, "male", "Xã Thử", Date{2024, 9, 1}}, nil},
		{"year only", "002046000013||Bàn Văn Thử|00001947|Nam||",
			Card{"002046000013", "", "Bàn Văn Thử", Date{Year: 1947}, "male", "", Date{}}, []Doubt{DoubtBirthYear}},
	}
	for _, c := range cases {
		got, err := ParseCardQR(c.in)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if got != c.want {
			t.Errorf("%s: got %+v, want %+v", c.name, got, c.want)
		}
		if d := got.Doubts(); !slices.Equal(d, c.doubts) {
			t.Errorf("%s: doubts %v, want %v", c.name, d, c.doubts)
		}
	}
}

func TestParseCardQRRefuses(t *testing.T) {
	for name, in := range map[string]string{
		"too few fields": "002188000011||Thử|07051988|Nữ|X",
		"short number":   "00218800001||Thử|07051988|Nữ|X|01022021",
		"letters":        "00218800001x||Thử|07051988|Nữ|X|01022021",
		"no such day":    "002188000011||Thử|31021988|Nữ|X|01022021",
		"no such sex":    "002188000011||Thử|07051988|Khác|X|01022021",
		"bidi control":   "002188000011||Thử\u202e|07051988|Nữ|X|01022021",
		"a web address":  "https://example.invalid/",
	} {
		_, err := ParseCardQR(in)
		if CodeOf(err) != CodeInvalidInput {
			t.Errorf("%s: got %v, want %s", name, err, CodeInvalidInput)
			continue
		}
		for _, part := range strings.Split(in, "|") {
			if len(part) > 3 && strings.Contains(err.Error(), part) {
				t.Errorf("%s: the error repeats the input", name)
			}
		}
	}
}

func TestIDNumber(t *testing.T) {
	n, err := ParseIDNumber("002 188.000-011")
	if err != nil || n != "002188000011" {
		t.Fatalf("got %q, %v", n, err)
	}
	for in, want := range map[IDNumber]struct {
		sex  string
		year int
	}{
		"001000000000": {"male", 1900}, "001199000000": {"female", 1999},
		"001207000000": {"male", 2007}, "001312000000": {"female", 2012}, "001955000000": {"female", 2355},
	} {
		if in.Sex() != want.sex || in.BirthYear() != want.year {
			t.Errorf("%s: got %s %d, want %s %d", in, in.Sex(), in.BirthYear(), want.sex, want.year)
		}
	}
}
