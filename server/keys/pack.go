package keys

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"thonsync/syncproto"
)

// packed lists the files that make a server what it is, in the order of their
// number in a pack. The exchange key and the API token are made anew; what a
// point keeps of its joining is larger than paper can bear, and a point is
// replaced, not restored.
var packed = []string{identityName, signName, recoveryName, sealName, dataName, beaconName, logName, accountsName, subjectName, personName}

// pack puts all keys together: "TSP" 01, then for each file its number, its
// length and what it holds, compactly.
func (f *Folder) pack() ([]byte, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := []byte("TSP\x01")
	for i, name := range packed {
		text, err := f.read(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("reading %s of the keys folder: %w", name, err)
		}
		body, err := shrink(name, text)
		if err != nil {
			return nil, err
		}
		out = append(out, byte(i))
		out = append(binary.AppendUvarint(out, uint64(len(body))), body...)
	}
	if len(out) == 4 {
		return nil, syncproto.Errorf(syncproto.CodeInvalidInput, "this folder holds no keys yet")
	}
	return out, nil
}

// Unpack writes packed keys into the folder, which must hold none of them.
func (f *Folder) Unpack(b []byte) error {
	bad := syncproto.Errorf(syncproto.CodeUnreadable, "what came out of it are no keys of this program")
	if len(b) < 4 || string(b[:4]) != "TSP\x01" {
		return bad
	}
	files := make(map[string][]byte)
	for b = b[4:]; len(b) > 0; {
		i := int(b[0])
		n, w := binary.Uvarint(b[1:])
		if i >= len(packed) || w <= 0 || n > uint64(len(b)-1-w) {
			return bad
		}
		text, err := grow(packed[i], b[1+w:1+w+int(n)])
		if err != nil {
			return err
		}
		files[packed[i]], b = text, b[1+w+int(n):]
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for name := range files {
		if f.has(name) {
			return syncproto.Errorf(syncproto.CodeInvalidInput, "the keys folder holds %s already: nothing was overwritten; move it away first", name)
		}
	}
	// The identity goes last: a folder without it was not restored whole.
	for i := len(packed) - 1; i >= 0; i-- {
		if text, ok := files[packed[i]]; ok {
			if err := f.write(packed[i], text); err != nil {
				return err
			}
		}
	}
	return f.load()
}

// shrink and grow turn a file into as few octets as paper should hold, and back.
func shrink(name string, text []byte) ([]byte, error) {
	switch name {
	case signName, recoveryName, sealName:
		var v any
		if err := json.Unmarshal(text, &v); err != nil {
			return nil, fmt.Errorf("reading %s of the keys folder: %w", name, err)
		}
		compact, err := json.Marshal(v)
		if err != nil {
			return nil, err
		}
		return deflate(compact)
	}
	return decodeSecret(name, text)
}

func grow(name string, body []byte) ([]byte, error) {
	switch name {
	case signName, recoveryName, sealName:
		text, err := io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(body)), maxPacked))
		if err != nil {
			return nil, syncproto.Wrap(syncproto.CodeUnreadable, err, "what came out of it are no keys of this program")
		}
		return text, nil
	}
	return encodeSecret(body), nil
}

func deflate(b []byte) ([]byte, error) {
	var out bytes.Buffer
	w, err := flate.NewWriter(&out, flate.BestCompression)
	if err == nil {
		_, err = w.Write(b)
	}
	if err == nil {
		err = w.Close()
	}
	return out.Bytes(), err
}
