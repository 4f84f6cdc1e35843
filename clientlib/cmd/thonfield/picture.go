package main

import (
	"bytes"
	"image"
	_ "image/jpeg" // photographs of a code
	_ "image/png"  // screenshots of one
	"io"
	"os"
	"path/filepath"
	"strings"

	goqr "github.com/piglig/go-qr"

	"thonsync/syncproto"
)

// Bounds of a picture that is looked at: a phone's camera makes less.
const (
	pictureBytes  = 32 << 20
	picturePixels = 64 << 20
)

// isPicture tells whether a text names a picture by its ending.
func isPicture(text string) bool {
	switch strings.ToLower(filepath.Ext(text)) {
	case ".png", ".jpg", ".jpeg":
		return !strings.HasPrefix(text, "thonsync:")
	}
	return false
}

// readPicture gives what the QR code in a picture says. It finds codes that
// fill a good part of the picture and are taken straight.
func readPicture(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, pictureBytes+1))
	if err != nil {
		return "", err
	}
	unread := failed(syncproto.CodeInvalidInput, "error.picture")
	c, _, err := image.DecodeConfig(bytes.NewReader(b))
	if err != nil || len(b) > pictureBytes || c.Width*c.Height > picturePixels {
		return "", unread
	}
	img, _, err := image.Decode(bytes.NewReader(b))
	if err != nil {
		return "", unread
	}
	text, err := goqr.Decode(img)
	if err != nil {
		return "", unread
	}
	return text, nil
}
