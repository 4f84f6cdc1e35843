package keys

import (
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"strings"

	"thonsync/syncproto"
)

// Paper lines hold 25 octets as 40 letters and digits in groups of four, a
// number before them and two check characters behind. The alphabet has no I, L,
// O and U; what is typed for them is understood.
const (
	lineOctets = 25
	alphabet   = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
	maxLines   = 999
)

var paperText = base32.NewEncoding(alphabet).WithPadding(base32.NoPadding)

// PrintPaper writes octets as lines that a person can type. kind is a word that
// says what they are; it stands in the first line and is checked when they are
// typed. The last line counts the others.
func PrintPaper(kind string, data []byte) (string, error) {
	n := (len(data) + lineOctets - 1) / lineOctets
	if n == 0 || n > maxLines {
		return "", syncproto.Errorf(syncproto.CodeTooLarge, "%d octets do not go on paper", len(data))
	}
	var b strings.Builder
	for i := range n {
		part := data[i*lineOctets : min(len(data), (i+1)*lineOctets)]
		text := paperText.EncodeToString(part)
		fmt.Fprintf(&b, "%02d ", i+1)
		for at := 0; at < len(text); at += 4 {
			fmt.Fprintf(&b, " %s", text[at:min(len(text), at+4)])
		}
		fmt.Fprintf(&b, "  %s\n", lineCheck(kind, i+1, text))
	}
	fmt.Fprintf(&b, "%s %d  %s\n", endWord, n, lineCheck(kind, 0, string(data)))
	return b.String(), nil
}

const endWord = "END"

// lineCheck gives two characters: 10 bits, so a mistyped line passes once in
// 1024 times, and then the whole does not open.
func lineCheck(kind string, line int, text string) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "thonsync/1/paper\x00%s\x00%d\x00%s", kind, line, text))
	return string([]byte{alphabet[sum[0]&31], alphabet[sum[1]&31]})
}

// ReadPaper reads typed lines. Spaces, hyphens, lower case, empty lines and lines
// that begin with # do not matter. An error names the lines that are wrong or
// missing and never repeats what was typed.
func ReadPaper(kind, typed string) ([]byte, error) {
	lines, count, check := make(map[int]string), 0, ""
	var wrong []string
	for at, raw := range strings.Split(typed, "\n") {
		line := tidyLine(raw)
		switch {
		case line == "":
		case strings.HasPrefix(line, endWord):
			rest := lookAlike.Replace(strings.ReplaceAll(line[len(endWord):], " ", ""))
			if _, err := fmt.Sscanf(rest[:max(0, len(rest)-2)], "%d", &count); err != nil || count < 1 || count > maxLines {
				return nil, syncproto.Errorf(syncproto.CodeInvalidInput, "the last line, END, is not as printed: type it again")
			}
			check = rest[len(rest)-2:]
		default:
			no, text, ok := readLine(kind, line)
			if no == 0 {
				wrong = append(wrong, fmt.Sprintf("the typed line %d", at+1))
				continue
			}
			if lines[no] = text; !ok {
				wrong = append(wrong, fmt.Sprintf("line %02d", no))
			}
		}
	}
	if len(wrong) > 0 {
		return nil, syncproto.Errorf(syncproto.CodeInvalidInput, "%s not as printed: compare with the paper and type again (is it the paper of this kind, %s?)", listed(wrong), kind)
	}
	return joinLines(kind, lines, count, check)
}

func listed(items []string) string {
	const most = 12
	switch n := len(items); {
	case n == 1:
		return items[0] + " is"
	case n > most:
		return fmt.Sprintf("%s and %d more are", strings.Join(items[:most], ", "), n-most)
	}
	return strings.Join(items, ", ") + " are"
}

func joinLines(kind string, lines map[int]string, count int, check string) ([]byte, error) {
	if count == 0 {
		return nil, syncproto.Errorf(syncproto.CodeInvalidInput, "the last line, END, is missing: type all lines")
	}
	var missing []string
	var out []byte
	for no := 1; no <= count && no <= maxLines; no++ {
		text, ok := lines[no]
		if !ok {
			missing = append(missing, fmt.Sprintf("line %02d", no))
			continue
		}
		b, err := paperText.DecodeString(text)
		if err != nil {
			return nil, syncproto.Errorf(syncproto.CodeInvalidInput, "line %02d is not as printed: type it again", no)
		}
		out = append(out, b...)
	}
	switch {
	case len(missing) > 0:
		return nil, syncproto.Errorf(syncproto.CodeInvalidInput, "%s missing: type all lines", listed(missing))
	case lineCheck(kind, 0, string(out)) != check:
		return nil, syncproto.Errorf(syncproto.CodeInvalidInput, "every line looks right and the whole does not: lines of two papers are mixed, or the END line is of another paper")
	}
	return out, nil
}

// tidyLine drops what does not matter and writes look-alikes as they were
// printed.
func tidyLine(raw string) string {
	raw = strings.TrimSpace(raw)
	if strings.HasPrefix(raw, "#") {
		return ""
	}
	var b strings.Builder
	for i, r := range strings.ToUpper(raw) {
		switch {
		case r == ' ' || r == '-' || r == '\t' || r == '\r' || r == '.' || r == ':':
			if i < 4 { // keeps the number apart from what follows
				b.WriteRune(' ')
			}
		default:
			b.WriteRune(r)
		}
	}
	return strings.TrimSpace(b.String())
}

var lookAlike = strings.NewReplacer("O", "0", "I", "1", "L", "1")

// readLine takes a tidied line apart; number 0 if it has none.
func readLine(kind, line string) (no int, text string, ok bool) {
	number, rest, found := strings.Cut(line, " ")
	if _, err := fmt.Sscanf(lookAlike.Replace(number), "%d", &no); err != nil || !found || no > maxLines {
		return 0, "", false
	}
	rest = lookAlike.Replace(strings.ReplaceAll(rest, " ", ""))
	if len(rest) < 3 || no < 1 {
		return max(no, 0), "", false
	}
	text, check := rest[:len(rest)-2], rest[len(rest)-2:]
	return no, text, check == lineCheck(kind, no, text)
}
