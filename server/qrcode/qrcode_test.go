package qrcode

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"strconv"
	"strings"
	"testing"

	goqr "github.com/piglig/go-qr"
)

const text = "thonsync:join?server=https%3A%2F%2Fsync.example.org&centre=Zli443n9pp74kimMtd-I_w&code=MGAH-AGM8-MCED"

// read is what a camera makes of a picture.
func read(t *testing.T, img image.Image) string {
	t.Helper()
	got, err := goqr.Decode(img)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestPNGIsRead(t *testing.T) {
	b, err := PNG(text)
	if err != nil {
		t.Fatal(err)
	}
	img, err := png.Decode(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	if got := read(t, img); got != text {
		t.Errorf("reads %q", got)
	}
	if len(b) > 20_000 {
		t.Errorf("%d bytes", len(b))
	}
}

// paint makes a picture of modules.
func paint(rows [][]bool) image.Image {
	const side = 6
	img := image.NewGray(image.Rect(0, 0, len(rows[0])*side, len(rows)*side))
	for y := range len(rows) * side {
		for x := range len(rows[0]) * side {
			c := color.Gray{Y: 255}
			if rows[y/side][x/side] {
				c.Y = 0
			}
			img.SetGray(x, y, c)
		}
	}
	return img
}

func TestTerminalIsRead(t *testing.T) {
	s, err := Terminal(text)
	if err != nil {
		t.Fatal(err)
	}
	var rows [][]bool
	for line := range strings.Lines(s) {
		line = strings.TrimSuffix(strings.TrimPrefix(line, "\x1b[30;107m"), "\x1b[0m\n")
		var upper, lower []bool
		for _, r := range line {
			upper, lower = append(upper, r == '▀' || r == '█'), append(lower, r == '▄' || r == '█')
		}
		rows = append(rows, upper, lower)
	}
	if len(rows) > 60 {
		t.Errorf("%d rows of modules do not fit a screen", len(rows))
	}
	if got := read(t, paint(rows)); got != text {
		t.Errorf("reads %q", got)
	}
}

func TestSVGIsRead(t *testing.T) {
	svg, err := SVG(text)
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(svg), `viewBox="0 0 `)
	side, err := strconv.Atoi(strings.Fields(after)[0])
	if err != nil {
		t.Fatal(err)
	}
	rows := make([][]bool, side)
	for i := range rows {
		rows[i] = make([]bool, side)
	}
	for _, step := range strings.Split(string(svg), "M")[2:] {
		at, rest, ok := strings.Cut(step, "h1v1h-1z")
		xy := strings.Fields(at)
		if !ok || len(xy) != 2 || strings.Contains(rest, "script") {
			t.Fatalf("step %q", step)
		}
		x, errX := strconv.Atoi(xy[0])
		y, errY := strconv.Atoi(xy[1])
		if errX != nil || errY != nil {
			t.Fatalf("step %q", step)
		}
		rows[y][x] = true
	}
	if got := read(t, paint(rows)); got != text {
		t.Errorf("reads %q", got)
	}
}

func TestTooLong(t *testing.T) {
	long := strings.Repeat("x", 8000)
	if _, err := PNG(long); err == nil {
		t.Error("an image of what no code holds")
	}
	if _, err := Terminal(long); err == nil {
		t.Error("a drawing of what no code holds")
	}
	if _, err := SVG(long); err == nil {
		t.Error("a page of what no code holds")
	}
}
