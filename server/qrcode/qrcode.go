// Package qrcode draws texts for a phone's camera: in a terminal, in a page and
// as an image file.
package qrcode

import (
	"bytes"
	"fmt"
	"html/template"
	"image"
	"image/color"
	"image/png"
	"strings"

	goqr "github.com/piglig/go-qr"
)

// The light edge around a code, in modules. Cameras want four; a terminal has
// little room, and its background is drawn light.
const (
	edge         = 4
	terminalEdge = 2
)

func encode(text string) (*goqr.QrCode, error) {
	q, err := goqr.EncodeText(text, goqr.Medium)
	if err != nil {
		return nil, fmt.Errorf("drawing a QR code: %w", err)
	}
	return q, nil
}

func dark(q *goqr.QrCode, x, y int) bool {
	return x >= 0 && y >= 0 && x < q.Size() && y < q.Size() && q.Module(x, y)
}

// Terminal draws two modules per character, dark on light whatever the
// terminal's colours are. Every line ends with a newline.
func Terminal(text string) (string, error) {
	q, err := encode(text)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	for y := -terminalEdge; y < q.Size()+terminalEdge; y += 2 {
		b.WriteString("\x1b[30;107m")
		for x := -terminalEdge; x < q.Size()+terminalEdge; x++ {
			b.WriteString([]string{" ", "▄", "▀", "█"}[2*bit(dark(q, x, y))+bit(dark(q, x, y+1))])
		}
		b.WriteString("\x1b[0m\n")
	}
	return b.String(), nil
}

func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}

// SVG draws a code as one path of an inline SVG with the class qr. It needs
// neither a script nor an image, and a browser keeps nothing of it.
func SVG(text string) (template.HTML, error) {
	q, err := encode(text)
	if err != nil {
		return "", err
	}
	var path strings.Builder
	for y := range q.Size() {
		for x := range q.Size() {
			if q.Module(x, y) {
				fmt.Fprintf(&path, "M%d %dh1v1h-1z", x+edge, y+edge)
			}
		}
	}
	side := q.Size() + 2*edge
	svg := fmt.Sprintf(`<svg class="qr" viewBox="0 0 %d %d" role="img" shape-rendering="crispEdges"><path fill="#fff" d="M0 0h%dv%dH0z"/><path d="%s"/></svg>`, side, side, side, side, path.String())
	return template.HTML(svg), nil //nolint:gosec // numbers only
}

// moduleSide is the side of a module in an image, in pixels: large enough for a
// camera in front of a cheap screen or a printed page.
const moduleSide = 8

// PNG draws a code as an image in black and white.
func PNG(text string) ([]byte, error) {
	q, err := encode(text)
	if err != nil {
		return nil, err
	}
	side := (q.Size() + 2*edge) * moduleSide
	img := image.NewPaletted(image.Rect(0, 0, side, side), color.Palette{color.White, color.Black})
	for y := range side {
		for x := range side {
			if dark(q, x/moduleSide-edge, y/moduleSide-edge) {
				img.SetColorIndex(x, y, 1)
			}
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		return nil, fmt.Errorf("drawing a QR code: %w", err)
	}
	return b.Bytes(), nil
}
