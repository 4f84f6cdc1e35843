package syncproto

import (
	"strings"
)

// IDNumber is a 12-digit identity number: three digits for the place of birth's
// registration, one for century and sex, two for the year of birth, six at
// random. There is no check digit.
type IDNumber string

// ParseIDNumber reads an identity number; spaces, dots and hyphens between
// digits are ignored. It fails with CodeInvalidInput and never repeats the
// input.
func ParseIDNumber(s string) (IDNumber, error) {
	digits := make([]byte, 0, 12)
	for i := range len(s) {
		switch c := s[i]; {
		case c >= '0' && c <= '9':
			digits = append(digits, c)
		case c != ' ' && c != '.' && c != '-':
			return "", Errorf(CodeInvalidInput, "an identity number has digits only")
		}
	}
	if len(digits) != 12 {
		return "", Errorf(CodeInvalidInput, "an identity number has 12 digits, not %d", len(digits))
	}
	return IDNumber(digits), nil
}

// Sex gives what the fourth digit says: "male" or "female".
func (n IDNumber) Sex() string {
	if (n[3]-'0')%2 == 0 {
		return "male"
	}
	return "female"
}

// BirthYear gives what the fourth to sixth digits say: the fourth counts
// centuries from 1900 in pairs.
func (n IDNumber) BirthYear() int {
	return 1900 + int(n[3]-'0')/2*100 + int(n[4]-'0')*10 + int(n[5]-'0')
}

// Doubt names what about an identity does not fit together.
type Doubt string

// The doubts. They are warnings: a card may contradict itself and still be the
// person's card.
const (
	DoubtSex       Doubt = "sex"        // the number says another sex
	DoubtBirthYear Doubt = "birth_date" // the number says another year of birth
)

// Doubts compares the number with sex ("male", "female" or "" for unknown) and
// birth date (the zero Date for unknown).
func (n IDNumber) Doubts(sex string, birth Date) []Doubt {
	var out []Doubt
	if sex != "" && sex != n.Sex() {
		out = append(out, DoubtSex)
	}
	if birth.Year != 0 && birth.Year != n.BirthYear() {
		out = append(out, DoubtBirthYear)
	}
	return out
}

// Card is what the QR code of an identity card says. Fields that the card
// leaves empty are zero.
type Card struct {
	Number    IDNumber
	OldNumber string
	FullName  string
	Birth     Date
	Sex       string // "male", "female" or ""
	Address   string
	Issued    Date
}

// cardFields is how many fields a card's QR has at least. Cards from 2024 on
// have eleven; the surplus is ignored.
const cardFields = 7

// ParseCardQR reads the text of a card's QR code:
// number|old number|name|DDMMYYYY|Nam or Nữ|address|DDMMYYYY. Empty fields are
// kept empty, surplus ones ignored. It fails with CodeInvalidInput and never
// repeats the input.
func ParseCardQR(s string) (Card, error) {
	parts := strings.Split(strings.TrimSpace(s), "|")
	if len(parts) < cardFields {
		return Card{}, Errorf(CodeInvalidInput, "not an identity card's code: %d fields, at least %d are expected", len(parts), cardFields)
	}
	for i := range parts {
		parts[i] = TextValue(strings.TrimSpace(parts[i])).Text()
		if !CleanText(parts[i]) {
			return Card{}, Errorf(CodeInvalidInput, "not an identity card's code: it holds characters that no card has")
		}
	}
	number, err := ParseIDNumber(parts[0])
	if err != nil {
		return Card{}, err
	}
	c := Card{Number: number, OldNumber: parts[1], FullName: parts[2], Address: parts[5]}
	if c.Birth, err = parseCardDate(parts[3]); err != nil {
		return Card{}, err
	}
	if c.Issued, err = parseCardDate(parts[6]); err != nil {
		return Card{}, err
	}
	switch strings.ToLower(parts[4]) {
	case "nam":
		c.Sex = "male"
	case "nữ":
		c.Sex = "female"
	case "":
	default:
		return Card{}, Errorf(CodeInvalidInput, "not an identity card's code: the fifth field is neither Nam nor Nữ")
	}
	return c, nil
}

// parseCardDate reads DDMMYYYY. Zero day and month mean that they are unknown.
func parseCardDate(s string) (Date, error) {
	if s == "" {
		return Date{}, nil
	}
	var n [8]int
	if len(s) != len(n) {
		return Date{}, Errorf(CodeInvalidInput, "a date on a card has eight digits, DDMMYYYY")
	}
	for i := range n {
		if s[i] < '0' || s[i] > '9' {
			return Date{}, Errorf(CodeInvalidInput, "a date on a card has eight digits, DDMMYYYY")
		}
		n[i] = int(s[i] - '0')
	}
	d := Date{Year: n[4]*1000 + n[5]*100 + n[6]*10 + n[7], Month: n[2]*10 + n[3], Day: n[0]*10 + n[1]}
	if !d.Valid() {
		return Date{}, Errorf(CodeInvalidInput, "the card's date is in no calendar")
	}
	return d, nil
}

// Doubts compares the card's number with its other fields.
func (c *Card) Doubts() []Doubt { return c.Number.Doubts(c.Sex, c.Birth) }
