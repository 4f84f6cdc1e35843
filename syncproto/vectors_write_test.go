package syncproto

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

// TestWriteVectors makes vector files that are not there yet. It never touches
// one that is: vectors are frozen, a difference needs a new protocol version.
func TestWriteVectors(t *testing.T) {
	if os.Getenv("THONSYNC_WRITE_VECTORS") != "1" {
		t.Skip("writes vectors of new layers only with THONSYNC_WRITE_VECTORS=1")
	}
	write := func(path, note string, vectors any) {
		path = filepath.Join("..", "testdata", "vectors", path)
		b, err := json.MarshalIndent(map[string]any{"note": note, "vectors": vectors}, "", " ")
		must(t, err)
		f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
		if os.IsExist(err) {
			t.Logf("%s is frozen and stays", path)
			return
		}
		must(t, err)
		_, err = f.Write(append(b, '\n'))
		must(t, err)
		must(t, f.Close())
	}
	for _, m := range vectorMakers {
		write(m.path, m.note, m.make(t))
	}
}

type vectorMaker struct {
	path, note string
	make       func(t *testing.T) any
}

// vectorMakers is filled by the files of the layers.
var vectorMakers []vectorMaker
