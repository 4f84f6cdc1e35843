package fold

import "testing"

func TestKey(t *testing.T) {
	for in, want := range map[string]string{
		"Nguyễn Thị Đào": "nguyen thi dao", "Sùng Mí Chứ": "sung mi chu", "ƯỚC": "uoc", "": "", "A1": "a1",
		"Nguye\u0302\u0303n": "nguyen",
	} {
		if got := Key(in); got != want {
			t.Errorf("Key(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestUntelex(t *testing.T) {
	for in, want := range map[string]string{
		"Nguyeenx Thij Ddaof": "nguyen thi dao", "Nguyễn Thị Đào": "nguyen thi dao", "Suwngs": "sung", "Trần Văn Tú": "tran van tu",
		"Hoaf": "hoa", "Lys": "ly", "Xa": "xa",
	} {
		if got := Untelex(in); got != want {
			t.Errorf("Untelex(%q) = %q, want %q", in, got, want)
		}
	}
}
